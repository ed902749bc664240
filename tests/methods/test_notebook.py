"""Answers and results show themselves in notebooks, as well-formed HTML without a script."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

import deepcrop
from deepcrop.errors import RequestError
from deepcrop.manifest.summary import RunSummary
from deepcrop.methods.base import Crop
from tests.report.synthetic import row, write_output, write_photo

VOID = {"img", "image", "circle"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(html: str) -> list[str]:
    """The names of all elements; each is closed in its place."""
    parser = Tags()
    parser.feed(html)
    parser.close()
    assert parser.open == [] and "script" not in parser.seen
    return parser.seen


@pytest.mark.parametrize("name", ["center", "saliency"])
def test_an_answer_shows_photo_boxes_and_map_and_is_the_list_that_it_was(photos, name):
    method = deepcrop.load(name, device="cpu")
    answers = method.boxes([photos["chelsea"], photos["astronaut"]], ["1:1", "16:9"])
    assert isinstance(answers, list) and isinstance(answers[0], list)
    assert all(isinstance(crop, Crop) for crops in answers for crop in crops)
    found = tags(answers._repr_html_())
    assert found.count("rect") == 4 and found.count("circle") == 2 and found.count("svg") == 2
    assert found.count("img") == (2 if name == "saliency" else 0)
    assert tags(answers[0]._repr_html_()).count("tr") == 3


def test_results_are_a_table_of_thumbnails(tmp_path):
    out = tmp_path / "out"
    rows = []
    for number in range(14):
        path = tmp_path / "in" / f"{number:02d} <b>.jpg"
        rows.append(row(str(out), str(path), sha256=write_photo(path)))
    Path(rows[1]["source_uri"]).unlink()
    rows[2] |= row(str(out), rows[2]["source_uri"], error=("decode", "Corrupt", "it is <broken>"))
    write_output(out, rows)
    html = deepcrop.Results(str(out))._repr_html_()
    found = tags(html)
    assert found.count("tr") == 13 and found.count("svg") == 10 and "and 2 more" in html
    assert "it is &lt;broken&gt;" in html and "<b>" not in html
    assert deepcrop.Results(str(out)).table().num_rows == 14
    told = RunSummary(str(out), 14)._repr_html_()
    assert told.startswith("<p>14 images") and tags(told) == ["p", *found]
    with pytest.raises(RequestError, match="no job there"):
        deepcrop.Results(str(tmp_path)).table()

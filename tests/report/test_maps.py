"""Saliency maps to lay over the sources."""

import json
import re

import numpy
from PIL import Image

from deepcrop.report.maps import COLOURS, LONGEST_EDGE, heat_map
from deepcrop.report.page import build
from deepcrop.report.thumbnails import thumbnail_name
from tests.report.synthetic import row, write_output, write_photo


def test_the_salient_is_opaque_and_the_less_salient_half_is_clear():
    saliency = numpy.zeros((40, 60))
    saliency[:20, :20] = 1
    picture = numpy.asarray(heat_map(saliency))
    assert picture.shape == (40, 60, 4)
    assert picture[:19, :19, 3].min() > 200 and tuple(picture[5, 5, :3]) == COLOURS[-1]
    assert picture[21:, 21:, 3].max() == 0


def test_an_even_map_is_clear_and_a_large_one_made_small():
    picture = heat_map(numpy.ones((400, 300)))
    assert picture.size == (LONGEST_EDGE * 3 // 4, LONGEST_EDGE)
    assert numpy.asarray(picture)[..., 3].max() == 0


def test_maps_are_made_for_the_worst_and_found_by_the_page(tmp_path):
    rows = []
    for name, score in (("a", 0.9), ("b", 0.1)):
        path = tmp_path / "in" / f"{name}.jpg"
        digest = write_photo(path, (64 + 16 * len(rows), 48))
        rows.append(row(str(tmp_path), str(path), sha256=digest, scores={"1x1": score}))
    write_output(tmp_path, rows)
    build(str(tmp_path), maps=1)
    [path] = (tmp_path / "report" / "maps").rglob("*.png")
    name = thumbnail_name(rows[1]["sha256"])
    assert str(path).endswith(f"/maps/{name}.png")
    with Image.open(path) as picture:
        assert picture.mode == "RGBA"
    script = (tmp_path / "report" / "data" / "details-00000.js").read_text()
    details = json.loads(re.search(r"0,(\[.*\])\);", script, re.DOTALL)[1])
    assert [each.get("map") for each in details] == [name, None]

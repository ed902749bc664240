"""A page shows what the job asks for; what was asked for before stays in the output, and off it."""

from __future__ import annotations

import pyarrow as pa

from deepcrop.report.page import build
from deepcrop.report.requested import with_requested_variants
from deepcrop.schema import IMAGES
from tests.report.synthetic import row, write_output


def rows(*aspects: list[str]) -> pa.Table:
    found = [
        {"source_uri": str(at), "variants": [{"aspect": each, "format": str(number)}
         for number, each in enumerate(names)]}
        for at, names in enumerate(aspects)
    ]  # fmt: skip
    return pa.Table.from_pylist(found, schema=IMAGES)


def shown(table: pa.Table, *aspects: str) -> list[list[tuple[str, str]]]:
    found = with_requested_variants(table, aspects)
    found.validate(full=True)
    return [
        [(each["aspect"], each["format"]) for each in made]
        for made in found["variants"].to_pylist()
    ]


def test_of_each_name_the_first_is_shown_and_no_other_names():
    table = rows(["1x1", "3x1", "1x1"], [], ["3x1"], ["16x9", "1x1"])
    one = [("1x1", "0")]
    assert shown(table, "1x1", "16x9") == [one, [], [], [("16x9", "0"), ("1x1", "1")]]
    assert shown(table, "9x1") == [[], [], [], []]
    assert with_requested_variants(table.slice(3), ["16x9", "1x1"]).equals(table.slice(3))


def test_a_page_is_built_of_an_output_with_variants_of_earlier_requests(tmp_path):
    made = row(str(tmp_path), "/in/a.jpg")
    made["variants"].append(made["variants"][0] | {"aspect": "7x1"})
    write_output(tmp_path, [made])
    build(str(tmp_path), thumbnails=0)
    assert "7x1" not in (tmp_path / "report/index.html").read_text()

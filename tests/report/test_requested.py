"""A page shows what the job asks for; what was asked for before stays in the output, and off it."""

from __future__ import annotations

import pyarrow as pa

from deepcrop.job import Job
from deepcrop.report.page import build
from deepcrop.report.requested import Requested, with_requested_variants
from deepcrop.schema import IMAGES
from tests.report.synthetic import preset_variant, row, write_output


def rows(*aspects: list[str]) -> pa.Table:
    found = [
        {"source_uri": str(at), "variants": [{"aspect": each, "format": str(number)}
         for number, each in enumerate(names)]}
        for at, names in enumerate(aspects)
    ]  # fmt: skip
    return pa.Table.from_pylist(found, schema=IMAGES)


def shown(table: pa.Table, *aspects: str) -> list[list[tuple[str, str]]]:
    found = with_requested_variants(table, Requested(aspects))
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
    assert with_requested_variants(table.slice(3), Requested(("16x9", "1x1"))).equals(
        table.slice(3)
    )


def test_a_page_is_built_of_an_output_with_variants_of_earlier_requests(tmp_path):
    made = row(str(tmp_path), "/in/a.jpg")
    made["variants"].append(made["variants"][0] | {"aspect": "7x1"})
    write_output(tmp_path, [made])
    build(str(tmp_path), thumbnails=0)
    assert "7x1" not in (tmp_path / "report/index.html").read_text()


def test_of_presets_what_is_asked_for_is_shown_with_all_its_files():
    outputs = {"card": {"aspect": "1:1", "widths": [100, 200], "formats": ["webp", "jpeg"]}}
    job = Job(input="in", output="out", method="center", aspects=["16:9"], outputs=outputs)
    made = row("/out", "/in/a.jpg")
    plain, wide = made["variants"]
    asked = [
        preset_variant(plain, "card", width, format=each)
        for width in (100, 200)
        for each in ("webp", "jpeg")
    ]
    # Of earlier requests: a ratio that only presets ask for now, a width, a ratio of this preset.
    other = preset_variant(plain, "card", 200) | {"aspect": "4x5"}
    earlier = [plain, preset_variant(plain, "card", 300), preset_variant(plain, "old", 100), other]
    made["variants"] = [wide, *asked, *earlier]
    table = pa.Table.from_pylist([made], schema=IMAGES)
    [found] = with_requested_variants(table, Requested.of(job.requests))["variants"].to_pylist()
    assert [(each["preset"], each["asked_width"], each["format"]) for each in found] == [
        (None, None, "jpeg"),
        ("card", 100, "webp"), ("card", 100, "jpeg"), ("card", 200, "webp"), ("card", 200, "jpeg"),
    ]  # fmt: skip

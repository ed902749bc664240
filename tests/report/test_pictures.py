"""The pictures of a source: what of its files shows the same, and what each preset's rule made."""

from __future__ import annotations

import pyarrow as pa

from deepcrop.job import Job
from deepcrop.report.page_data import PageData
from deepcrop.report.pictures import Outcome, pictures_of
from deepcrop.report.requested import Requested
from deepcrop.schema import IMAGES
from deepcrop.tables import images_table
from tests.report.synthetic import preset_variant, row
from tests.report.test_page_data import read


def rows_of(*variants):
    made = row("/out", "/in/a.jpg") | {"variants": list(variants)}
    [found] = pa.Table.from_pylist([made], schema=IMAGES).to_pylist()
    return found["variants"]


SQUARE, WIDE = row("/out", "/in/a.jpg")["variants"]


def test_a_picture_is_a_crop_of_a_ratio_or_what_a_rule_made_of_the_whole_photo():
    found = pictures_of(
        rows_of(
            WIDE,
            SQUARE,
            preset_variant(SQUARE, "tiny", 100),
            preset_variant(SQUARE, "hero", 200, fit="review", fit_reason="score<0.6: 0.5"),
            preset_variant(SQUARE, "card", 100, fit="blur", fit_reason="else"),
            preset_variant(SQUARE, "card", 200, fit="blur", fit_reason="else"),
            preset_variant(SQUARE, "one", 100, fit="pad", fit_reason="else"),
            preset_variant(SQUARE, "two", 100, fit="pad", fit_reason="width<300: 200"),
            preset_variant(SQUARE, "far", 100, fit="retarget", fit_reason="head-cut"),
        ),
        ["1x1", "16x9"],
    )
    assert [each.aspect for each in found] == ["1x1"] * 5 + ["16x9"]
    assert [len(each.variants) for each in found] == [3, 2, 1, 1, 1, 1]
    assert found[0].outcomes == [
        Outcome("tiny", "crop", None),
        Outcome("hero", "review", "score<0.6: 0.5"),
    ]
    assert [each.outcomes for each in found[1:4]] == [
        [Outcome("card", "blur", "else")],
        [Outcome("one", "pad", "else")],
        [Outcome("two", "pad", "width<300: 200")],
    ]
    assert [each.retargeted_by for each in found] == [None] * 4 + ["dnr", None]
    whole = dict.fromkeys(("x0", "y0", "x1", "y1", "score"))
    [of_a_method] = pictures_of(rows_of(SQUARE | whole | {"method": "plain"}))
    assert of_a_method.retargeted_by == "plain" and of_a_method.outcomes == []


def test_the_shown_file_is_one_that_browsers_show_as_large_as_needed():
    def shown(*files):
        variants = [preset_variant(SQUARE, "a", width, format=each) for width, each in files]
        [picture] = pictures_of(rows_of(*variants))
        return picture.shown["width"], picture.shown["format"]

    assert shown((100, "jpeg"), (600, "webp"), (2000, "jpeg")) == (600, "webp")
    assert shown((100, "jpeg"), (300, "webp")) == (300, "webp")
    assert shown((600, "jxl"), (300, "avif")) == (300, "avif")
    assert shown((600, "jxl")) == (600, "jxl")


def test_details_hold_each_picture_with_its_files_and_its_own_flags():
    outputs = {
        "tiny": {"aspect": "1:1", "widths": [100, 200]},
        "card": {"aspect": "1:1", "widths": [300], "fit": "blur"},
    }
    job = Job(input="/in", output="/out", method="center", outputs=outputs)
    made = row("/out", "/in/a.jpg", flags=["enlarged", "padded"])
    made["variants"] = [
        preset_variant(SQUARE, "tiny", 100),
        preset_variant(SQUARE, "tiny", 200, flags=["enlarged"]),
        preset_variant(SQUARE, "card", 300, fit="blur", fit_reason="else", flags=["padded"]),
    ]
    table = images_table([made], pa.schema([]))
    data = PageData.of(table, "/out", job.slugs, requested=Requested.of(job.requests))
    [[_, [details]]] = read(data.details("b", set(), set())).values()
    crop, whole = details["variants"]
    assert crop["box"] == [50, 0, 250, 200] and "box" not in whole and "by" not in whole
    assert crop["presets"] == [["tiny", "crop", None]]
    assert whole["presets"] == [["card", "blur", "else"]]
    assert [each["href"] for each in crop["files"]] == [
        "../variants/tiny/100w/a.jpg", "../variants/tiny/200w/a.jpg",
    ]  # fmt: skip
    assert whole["files"] == [
        {
            "width": 300, "density": 1.0, "size": [300, 300], "format": "jpeg", "bytes": 1000,
            "href": "../variants/card/300w/a.jpg",
        }
    ]  # fmt: skip
    names = [each["name"] for each in data.flags.legend()]
    told = [[n for at, n in enumerate(names) if each["flags"] >> at & 1] for each in (crop, whole)]
    assert told == [["enlarged"], ["padded"]]
    _, columns = read(data.index("b"))["index-0000.js"]
    assert columns["scores"] == [[5000]] and columns["flags"] == [[], [0, 3]]

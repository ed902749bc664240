"""The page's data, as scripts."""

import json
import re

import pyarrow as pa

from deepcrop.flags import Flag
from deepcrop.report.flag_columns import FLAG_TEXTS, INFORMATIONAL, FlagText, flag_text
from deepcrop.report.page_data import DETAIL_ROWS, PageData, worst_first
from deepcrop.report.thumbnails import thumbnail_name
from deepcrop.sources.corrections import CORNERS
from deepcrop.tables import images_table
from tests.report.synthetic import row

CALL = re.compile(r'^deepcrop\.(index|details)\("b",(\d+),(.*)\);\n$', re.DOTALL)


def read(scripts):
    """The arguments of the scripts' calls, by the scripts' names."""
    matches = {name: CALL.match(text) for name, text in scripts}
    return {name: (int(match[2]), json.loads(match[3])) for name, match in matches.items()}


def page_data(*rows):
    return PageData.of(images_table(list(rows), pa.schema([])), "/out", ["1x1", "16x9"])


def test_the_worst_score_comes_first_and_failures_last():
    rows = [
        row("/out", "/in/d.jpg", error=("fetch", "NotFound", "gone")),
        row("/out", "/in/skipped.jpg", status="skipped", scores={}),
        row("/out", "/in/retargeted.jpg", scores={}),
        row("/out", "/in/b.jpg", scores={"1x1": 0.9, "16x9": 0.2}),
        row("/out", "/in/a.jpg", scores={"1x1": 0.2}),
        row("/out", "/in/c.jpg", scores={"1x1": 0.1}),
    ]
    ordered = worst_first(images_table(rows, pa.schema([])))["source_uri"].to_pylist()
    names = [uri[4:-4] for uri in ordered]
    assert names == ["c", "a", "b", "retargeted", "skipped", "d"]


def test_what_a_flag_says_is_wrong_comes_before_the_scores_and_remarks_change_nothing():
    rows = [
        row("/out", "/in/a.jpg", scores={"1x1": 0.1}, flags=["corrected", "hdr-mapped"]),
        row("/out", "/in/b.jpg", scores={"1x1": 0.9}, variant_flags={"1x1": ["enlarged"]}),
        row("/out", "/in/c.jpg", scores={"1x1": 0.3}, variant_flags={"1x1": ["head-cut"]}),
        row("/out", "/in/d.jpg", scores={"1x1": 0.2}, variant_flags={"1x1": ["head-cut"]}),
        row("/out", "/in/e.jpg", scores={"1x1": 0.5}, variant_flags={"1x1": ["focal-outside"]}),
        row("/out", "/in/f.jpg", error=("decode", "Corrupt", "broken"), flags=["enlarged"]),
    ]
    ordered = worst_first(images_table(rows, pa.schema([])))["source_uri"].to_pylist()
    assert [uri[4] for uri in ordered] == ["e", "d", "c", "b", "a", "f"]


def test_those_seen_first_in_either_order_are_taken_alternately_and_once():
    made = page_data(
        row("/out", "/in/a.jpg", scores={"1x1": 0.9}, variant_flags={"1x1": ["head-cut"]}),
        row("/out", "/in/b.jpg", scores={"1x1": 0.8}, variant_flags={"1x1": ["head-cut"]}),
        row("/out", "/in/c.jpg", scores={"1x1": 0.7}, variant_flags={"1x1": ["head-cut"]}),
        row("/out", "/in/d.jpg", scores={"1x1": 0.95, "16x9": 0.1}),
        row("/out", "/in/e.jpg", scores={"1x1": 0.2}),
        row("/out", "/in/f.jpg", error=("decode", "Corrupt", "broken")),
    )

    def seen(count):
        return "".join(uri[4] for uri in made.to_review_first(count)["source_uri"].to_pylist())

    assert [seen(count) for count in (0, 1, 2, 3, 4)] == ["", "c", "cd", "cdb", "cdbe"]
    assert seen(100) == "cdbeaf"


def test_index_scripts_tell_the_flags_of_sources_from_those_of_variants():
    made = page_data(
        row("/out", "/in/a.jpg"),
        row("/out", "/in/b.jpg", flags=["hdr-mapped"], variant_flags={"16x9": ["head-cut"]}),
        row("/out", "/in/c.jpg", variant_flags={"1x1": ["head-cut", "enlarged"]}),
    )
    legend = made.flags.legend()
    assert [(each["name"], each["label"], each["count"], each["problem"]) for each in legend] == [
        ("head-cut", "head cut", 2, True),
        ("enlarged", "enlarged", 1, True),
        ("hdr-mapped", "HDR mapped", 1, False),
    ]
    _, columns = read(made.index("b"))["index-0000.js"]
    assert columns["names"] == ["b.jpg", "c.jpg", "a.jpg"]
    assert columns["flags"] == [[0, 4], [1, 3], [0, 1]]


def test_every_flag_has_words():
    assert set(FLAG_TEXTS) == set(Flag) and set(Flag) >= INFORMATIONAL
    assert all(each.label and each.explanation.endswith(".") for each in FLAG_TEXTS.values())
    assert flag_text("of-a-later-release") == FlagText("of a later release", "")


def test_corrections_that_a_job_keeps_come_with_the_index_and_flag_the_source():
    def said(kind, aspect=None, *corners):
        return {"kind": kind, "aspect": aspect} | dict(
            zip(CORNERS, (*corners, None, None, None, None), strict=False)
        )

    applied = {
        "/in/a.jpg": [said("rejected"), said("keep", None, 1, 2, 30, 40)],
        "/in/b.jpg": [said("focal", None, 0.25, 0.5), said("box", "1x1", 0, 1, 99, 100)],
        "/in/c.jpg": [said("good")],
    }
    rows = [row("/out", f"/in/{name}.jpg") for name in "abcd"]
    made = PageData.of(images_table(rows, pa.schema([])), "/out", ["1x1", "16x9"], applied)
    _, columns = read(made.index("b"))["index-0000.js"]
    assert columns["applied"] == {
        "0": {"rejected": ["1x1", "16x9"], "keep": [[1, 2, 30, 40]]},
        "1": {"focal": [0.25, 0.5], "boxes": {"1x1": [0, 1, 99, 100]}},
        "2": {"good": True},
    }
    assert [each["name"] for each in made.flags.legend()] == ["rejected", "corrected"]
    assert made.flags.counts == [1, 2] and columns["flags"][0] == [0, 3, 1, 2]


def test_index_scripts_hold_what_filters_look_at():
    made = page_data(
        row("/out", "/in/x/b.jpg", scores={"16x9": 0.2}),
        row("/out", "/in/y/a.jpg", error=("fetch", "NotFound", "gone")),
    )
    start, columns = read(made.index("b"))["index-0000.js"]
    assert start == 0 and made.root == "/in/" and made.root_href == "file:///in/"
    assert columns == {
        "names": ["x/b.jpg", "y/a.jpg"],
        "status": [0, 1],
        "methods": [0, 0],
        "errors": [-1, 0],
        "scores": [[-1, -1], [2000, -1]],
        "flags": [[], [], []],
        "applied": {},
    }


def test_details_scripts_hold_boxes_links_and_errors():
    good = row("/out", "/in/50%.jpg", scores={"1x1": 0.5})
    bad = row("/out", "/in/z.jpg", error=("fetch", "NotFound", "gone"))
    made = page_data(good, bad)
    [[number, [first, second]]] = read(
        made.details("b", {thumbnail_name(good["sha256"])}, set())
    ).values()
    assert (
        number == 0 and first["thumbnail"] == thumbnail_name(good["sha256"]) and "map" not in first
    )
    [variant] = first["variants"]
    assert variant["box"] == [50, 0, 250, 200] and variant["href"] == "../variants/1x1/50%25.jpg"
    assert second["error"] == ["fetch", "NotFound", "gone", 1] and "variants" not in second


def test_details_are_shared_out():
    made = page_data(*(row("/out", f"/in/{index:04d}.jpg") for index in range(DETAIL_ROWS + 1)))
    scripts = read(made.details("b", set(), set()))
    assert [len(rows) for _, rows in scripts.values()] == [DETAIL_ROWS, 1]


def test_sources_in_a_store_have_no_link():
    assert page_data(row("/out", "s3://media/in/a.jpg")).root_href is None


def test_folders_are_counted_at_every_depth():
    made = page_data(*(row("/out", f"/in/{name}.jpg") for name in ("a/b/1", "a/b/2", "a/3", "4")))
    assert made.folders() == [("a", 3), ("a/b", 2)]


def test_a_name_that_is_not_utf_8_leaves_the_others_their_root():
    odd = "file:///in/a/caf%E9.jpg"
    made = page_data(*(row("/out", uri) for uri in ("/in/a/1.jpg", "/in/b.jpg", odd)))
    assert made.root == "/in/" and made.root_href == "file:///in/"
    assert sorted(made.names) == ["a/1.jpg", "b.jpg", odd] and made.folders() == [("a", 1)]

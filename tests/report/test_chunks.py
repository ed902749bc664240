"""The page's data, as scripts."""

import json
import re

import pyarrow as pa

from deepcrop.pipeline.manifest import images_table
from deepcrop.report.chunks import DETAIL_ROWS, Catalogue, worst_first
from deepcrop.report.thumbnails import name_of
from tests.report.synthetic import row

CALL = re.compile(r'^deepcrop\.(index|details)\("b",(\d+),(.*)\);\n$', re.DOTALL)


def read(scripts):
    """The arguments of the scripts' calls, by the scripts' names."""
    matches = {name: CALL.match(text) for name, text in scripts}
    return {name: (int(match[2]), json.loads(match[3])) for name, match in matches.items()}


def catalogue(*rows):
    return Catalogue.of(images_table(list(rows), pa.schema([])), "/out", ["1x1", "16x9"])


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


def test_index_scripts_hold_what_filters_look_at():
    made = catalogue(
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
        "scores": [[-1, -1], [200, -1]],
    }


def test_details_scripts_hold_boxes_links_and_errors():
    good = row("/out", "/in/50%.jpg", scores={"1x1": 0.5})
    bad = row("/out", "/in/z.jpg", error=("fetch", "NotFound", "gone"))
    made = catalogue(good, bad)
    [[number, [first, second]]] = read(made.details("b", {name_of(good["sha256"])}, set())).values()
    assert number == 0 and first["thumbnail"] == name_of(good["sha256"]) and "map" not in first
    [variant] = first["variants"]
    assert variant["box"] == [50, 0, 250, 200] and variant["href"] == "../variants/1x1/50%25.jpg"
    assert second["error"] == ["fetch", "NotFound", "gone", 1] and "variants" not in second


def test_details_are_shared_out():
    made = catalogue(*(row("/out", f"/in/{index:04d}.jpg") for index in range(DETAIL_ROWS + 1)))
    scripts = read(made.details("b", set(), set()))
    assert [len(rows) for _, rows in scripts.values()] == [DETAIL_ROWS, 1]


def test_sources_in_a_store_have_no_link():
    assert catalogue(row("/out", "s3://media/in/a.jpg")).root_href is None


def test_folders_are_counted_at_every_depth():
    made = catalogue(*(row("/out", f"/in/{name}.jpg") for name in ("a/b/1", "a/b/2", "a/3", "4")))
    assert made.folders() == [("a", 3), ("a/b", 2)]


def test_a_name_that_is_not_utf_8_leaves_the_others_their_root():
    odd = "file:///in/a/caf%E9.jpg"
    made = catalogue(*(row("/out", uri) for uri in ("/in/a/1.jpg", "/in/b.jpg", odd)))
    assert made.root == "/in/" and made.root_href == "file:///in/"
    assert sorted(made.names) == ["a/1.jpg", "b.jpg", odd] and made.folders() == [("a", 1)]

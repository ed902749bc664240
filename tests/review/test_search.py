"""Crops that follow: what the server finds for marks is what a run with them makes."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from deepcrop.geometry import WHOLE, AspectRatio, Box, SafeArea, Size
from deepcrop.job import Job
from deepcrop.methods import registry
from deepcrop.methods.base import Hints, finder_of
from deepcrop.review.search import CropSearch
from deepcrop.review.session import ReviewSession
from deepcrop.sources.corrections import CORRECTION_TYPE, CORRECTIONS_COLUMN
from deepcrop.sources.marks import changed, statements_of
from deepcrop.stages.decode import Decoder
from deepcrop.stages.fetch import Fetcher
from deepcrop.stages.infer import Predictor
from deepcrop.stages.item import ImageTask
from tests.report.browsing import NEEDS_CHROMIUM, drag, place_of
from tests.report.synthetic import row, write_output
from tests.review.served import serving

MARKS = (
    {},
    {"focal": [0.2, 0.3]},
    {"keep/10,20,200,190": True},
    {"focal": [0.9, 0.9], "keep/60,20,150,190": True, "box/1x1": [10, 10, 120, 130]},
    {"rejected/16x9": True, "keep/300,30,330,60": True},
)
assert CORRECTION_TYPE.num_fields == 6


def as_a_run(job: Job, uri: str, fields: dict) -> dict[str, tuple]:
    """The boxes that the stages of a run find for a source with these marks."""
    source = dict.fromkeys(("source_bytes", "source_etag", "caption", "focal_x", "focal_y"))
    statements = statements_of(changed({}, fields))
    task = ImageTask({**source, "source_uri": uri, "key": "a", CORRECTIONS_COLUMN: statements})
    predictor = Predictor(job, "cpu")
    for stage in (Fetcher(job.storage), Decoder(job, predictor.analysis, keep_pictures=False)):
        stage([task])
    predictor([task])
    assert task.error is None
    return {
        request.slug: (crop.box.corners, pytest.approx(crop.score, abs=1e-4))
        for request, crop in zip(job.requests, task.crops, strict=True)
        if crop is not None
    }


MEASURES = 'performance.getEntriesByName("deepcrop: crops follow")'


@pytest.mark.parametrize(
    "method", ["center", "saliency", pytest.param("mars", marks=pytest.mark.slow)]
)
def test_the_crops_are_those_of_a_run_for_every_method(tmp_path, photos, method):
    path = tmp_path / "in" / "cat.jpg"
    path.parent.mkdir()
    photos["chelsea"].save(path)
    out = tmp_path / "out"
    manifest = write_output(out, [row(str(out), str(path))])
    card = {"aspect": "4:5", "widths": [32, 64], "formats": ["webp", "jpeg"]}
    fields = {"method": method, "aspects": ["1:1", "16:9"], "sizes": ["160x90"]}
    fields |= {"outputs": {"card": card}}
    fields |= {"safe": {"16:9": [0, 0, 1, 0.7]}, "input": str(path.parent), "output": str(out)}
    manifest.write_record(manifest.read_record() | {"job": fields})
    session = ReviewSession(str(out))
    search = CropSearch(session)
    for marks in MARKS:
        found = {
            name: (crop.box.corners, crop.score)
            for name, crop in zip(session.aspects, search.crops(str(path), marks), strict=True)
            if crop is not None
        }
        assert found == as_a_run(session.job, str(path), marks), marks


@pytest.mark.parametrize("name", ["center", "saliency", "mars"])
def test_a_kept_look_gives_what_a_new_one_does(photos, name):
    method = registry.load_crop(name, device="cpu")
    photo, ratios = photos["chelsea"].resize((450, 300)), [AspectRatio(1, 1), AspectRatio(16, 9)]
    find = finder_of(method, photo, ratios, Size(450, 300))
    for hint in (Hints(), Hints(focal=(0.1, 0.9)), Hints(keep=(Box(300, 40, 400, 200),))):
        assert find(hint) == method.boxes([photo], ratios, hints=[hint])[0]


def test_the_search_places_what_matters_in_the_safe_area():
    """A brute-force oracle: the share of saliency in the safe area of every window."""
    import numpy as np

    from deepcrop.ops.windows import Integral, best_window

    chance = np.random.default_rng(5)
    for _ in range(40):
        size = Size(*(int(each) for each in chance.integers(20, 90, 2)))
        saliency = chance.random((size.height, size.width)) ** 8
        ratio = AspectRatio.parse("16:9" if chance.random() < 0.5 else "4:5")
        x0, y0 = (round(float(each), 2) for each in 0.5 * chance.random(2))
        safe = SafeArea(x0, y0, round(x0 + 0.4, 2), round(y0 + 0.5, 2))
        window = ratio.largest_window(size)
        best = 0.0
        for left in range(size.width - window.width + 1):
            for top in range(size.height - window.height + 1):
                part = safe.of(Box(left, top, left + window.width, top + window.height))
                inside = saliency[part.y0 : part.y1, part.x0 : part.x1].sum()
                best = max(best, inside / saliency.sum())
        found = best_window(Integral.of(saliency, size), ratio, safe=safe)
        assert found.box.size == window and found.share == pytest.approx(best)


def test_boxes_to_keep_and_focal_points_go_to_the_safe_area():
    from deepcrop.ops.windows import expand_to_contain

    size, ratio, safe = Size(400, 300), AspectRatio(16, 9), SafeArea(0, 0, 1, 0.6)
    window = ratio.largest_window(size)
    box = safe.centred(window, (0.5, 0.4), size)
    part = safe.of(box)
    assert abs((part.y0 + part.y1) / 2 - 120) <= 1
    kept = [Box(100, 200, 180, 250)]
    moved = expand_to_contain(Box(0, 0, 400, 225), kept, ratio, size, safe)
    assert safe.of(moved).intersection(kept[0]) == kept[0].area or moved.y1 == 300
    assert moved.intersection(kept[0]) == kept[0].area
    assert expand_to_contain(box, [], ratio, size, safe) == box
    assert WHOLE.of(box) == box


@pytest.fixture
def output(tmp_path: Path, photos) -> Path:
    """A job of `saliency` of three photos of 900x600 pixels."""
    folder = tmp_path / "out"
    rows = []
    for name in ("chelsea", "astronaut", "coffee"):
        path = tmp_path / "in" / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        photos[name].convert("RGB").resize((900, 600)).save(path)
        rows.append(row(str(folder), str(path), width=900, height=600))
        for variant in rows[-1]["variants"]:
            variant |= {each: 2 * variant[each] for each in ("x0", "y0", "x1", "y1")}
    manifest = write_output(folder, rows)
    record = manifest.read_record()
    record["job"] |= {"method": "saliency", "aspects": ["1:1", "16:9"]}
    manifest.write_record(record)
    return folder


@NEEDS_CHROMIUM
def test_boxes_follow_a_drag_as_the_method_finds_them(browser, output):
    from tests.review.test_sharing import card, reviewing, saved, until

    with serving(output) as served, reviewing(browser, served.address, "anna") as page:
        card(page, "coffee").locator(".open").click()
        until(page, f"() => {MEASURES}.length > 0")
        page.keyboard.press("k")
        stage = place_of(page.locator("#stage"))
        page.mouse.move(stage["x"] + 5, stage["y"] + 5)
        page.mouse.down()
        page.mouse.move(stage["x"] + 0.12 * stage["width"], stage["y"] + 0.3 * stage["height"])
        page.mouse.up()
        before = page.evaluate(f"{MEASURES}.length")
        for step in range(12):
            page.wait_for_timeout(200)  # until the stage is not drawn anew any more
            drag(page, page.locator("#stage .focal"), (0.2 + 0.05 * step, 0.5))
        saved(page)
        page.wait_for_timeout(500)
        times = page.evaluate(f"{MEASURES}.map((each) => each.duration)")[before:]
        assert len(times) >= 12
        drawn = page.locator("#stage .box").evaluate_all(
            """all => all.map((each) => ["x", "y", "width", "height"].map((side) =>
                Number(each.getAttribute(side))))"""
        )
        name = page.evaluate("() => document.querySelector('#detail-name').textContent")
        uri = f"{output.parent}/in/{name}"
        page.keyboard.press("Escape")
    entries = served.session.log.ordered()
    fields: dict = {}
    for each in entries:
        fields |= each["set"]
    fields = {field: value for field, value in fields.items() if value is not None}
    wanted = as_a_run(served.session.job, uri, fields)
    found = [(x, y, x + width, y + height) for x, y, width, height in drawn]
    assert found == [corners for corners, _ in wanted.values()]
    print(f"from drag to new boxes: median {statistics.median(times):.0f} ms of {len(times)}")
    # Far above what it takes, so that a busy machine fails nothing.
    assert statistics.median(times) < 1000

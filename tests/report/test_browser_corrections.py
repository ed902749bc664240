"""Flags, notes and corrections in the page, in a real browser."""

from __future__ import annotations

import itertools
import json
import random
import shlex
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from deepcrop.geometry import WHOLE, AspectRatio, Box, SafeArea, Size
from deepcrop.job import Job
from deepcrop.methods.base import Crop
from deepcrop.ops.windows import expand_to_contain
from deepcrop.report.page import build
from deepcrop.sources.corrections import Correction, Corrections
from tests.report.browsing import NEEDS_CHROMIUM, drag, exported, names, opened
from tests.report.synthetic import SIZE, row, say, write_output, write_photo

pytestmark = NEEDS_CHROMIUM

FLAGS = {
    "b": {"16x9": ["head-cut"]},
    "c": {"1x1": ["focal-outside", "head-cut"]},
    "d": {"1x1": ["enlarged"]},
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job of seven sources in a folder with an odd name: flags, notes, kept corrections."""
    folder = tmp_path_factory.mktemp("a job's")
    rows = []
    for index, name in enumerate("abcdefg"):
        path = folder / "in" / f"{name}.jpg"
        fields = {"variant_flags": FLAGS.get(name, {})}
        if name == "e":
            fields = {"scores": {}, "flags": ["rejected"], "note": "page 2 of 3"}
        if name == "f":
            fields = {"scores": {"16x9": 0.5}, "flags": ["rejected", "corrected"]}
        fields.setdefault("scores", {"1x1": 0.9 - index / 10, "16x9": 0.9})
        rows.append(row(str(folder), str(path), sha256=write_photo(path), **fields))
    manifest = write_output(folder, rows)
    say(
        manifest,
        (f"{folder}/in/e.jpg", "rejected"),
        (f"{folder}/in/f.jpg", "rejected", "1x1"),
        (f"{folder}/in/f.jpg", "focal", None, 0.25, 0.5),
    )
    build(str(folder))
    return folder


def card(page, name: str):
    return page.locator(".card", has=page.locator(f'.path[title="{name}.jpg"]'))


def open_detail(page, name: str) -> None:
    card(page, name).locator(".open").click()
    page.wait_for_selector("#detail[open]")


def boxes(page) -> list[tuple[float, ...]]:
    """The crop boxes drawn over the open source, in the order of the ratios."""
    read = """nodes => nodes.map((each) =>
        ["x", "y", "width", "height"].map((name) => Number(each.getAttribute(name))))"""
    drawn = page.locator("#stage .box").evaluate_all(read)
    return [(x, y, x + width, y + height) for x, y, width, height in drawn]


def test_what_is_flagged_comes_first_and_cards_say_why(page):
    assert [name[0] for name in names(page)] == ["c", "b", "d", "g", "f", "a", "e"]
    assert card(page, "c").locator(".badge").all_inner_texts() == [
        "focal point outside",
        "head cut",
    ]
    assert card(page, "a").locator(".badge").count() == 0
    page.select_option("#filters [name=order]", "worst")
    page.wait_for_function("document.querySelector('.card .path').title === 'g.jpg'")


def test_the_gallery_is_filtered_by_one_flag_or_several_also_by_keyboard(page):
    chips = page.locator(".chip")
    assert [" ".join(text.split()) for text in chips.all_inner_texts()] == [
        "focal point outside 1", "head cut 2", "enlarged 1", "rejected 2", "corrected 1",
    ]  # fmt: skip
    page.locator("[name=folder], [name=order]").last.focus()
    for _ in range(3):  # reset, then the first flag, then the second
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("#found").inner_text() == "2 of 7 sources"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("#found").inner_text() == "3 of 7 sources"
    page.select_option("#filters [name=ratio]", label="1:1")
    assert page.locator("#found").inner_text() == "2 of 7 sources"
    page.wait_for_function("document.querySelectorAll('.card').length === 2")
    assert [name[0] for name in names(page)] == ["c", "d"]
    page.click("#filters [type=reset]")
    page.wait_for_function("document.querySelector('#found').textContent.startsWith('7 of')")


def test_a_flag_is_explained_where_the_focus_or_the_pointer_is(page):
    badge = card(page, "b").locator(".badge")
    tip = page.locator("#tip")
    assert not tip.is_visible()
    badge.focus()
    assert tip.is_visible() and "cuts a head" in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    card(page, "d").locator(".badge").hover()
    assert "more pixels" in tip.inner_text()
    open_detail(page, "b")
    page.locator("#variants .badge").hover()
    top = """() => {
        const { left, top } = document.querySelector("#tip").getBoundingClientRect();
        return document.querySelector("#tip").matches(":popover-open") && left >= 0 && top >= 0;
    }"""
    assert page.evaluate(top)


def test_the_open_source_tells_which_variant_has_which_flag_and_its_note(page):
    open_detail(page, "b")
    square, wide = page.locator("#variants .variant").all()
    assert square.locator(".badge").count() == 0
    assert wide.locator(".badge").all_inner_texts() == ["head cut"]
    page.keyboard.press("Escape")
    open_detail(page, "e")
    assert page.locator("#detail-flags").inner_text() == "rejected"
    assert page.locator("#note").inner_text() == "Note: page 2 of 3"


def test_what_a_run_applied_is_seen_in_every_browser_and_is_not_pending(page):
    assert page.locator("#correction-count").inner_text() == "0"
    rejected = card(page, "e")
    assert "rejected" in rejected.get_attribute("class")
    assert rejected.locator(".badge").all_inner_texts() == ["rejected"]
    assert (
        rejected.locator(".no-picture").count() == 2 and rejected.locator(".pending").count() == 0
    )
    assert card(page, "f").locator(".no-picture").count() == 1
    for kind, count in (("rejected", 2), ("moved", 1), ("pending", 0), ("unseen", 5)):
        page.select_option("#filters [name=marks]", kind)
        assert page.locator("#found").inner_text() == f"{count} of 7 sources"
    page.click("nav [data-view=corrections]")
    assert page.locator("#applied-count").inner_text() == "2"
    lines = page.locator("#applied-list li").all_inner_texts()
    assert [" ".join(line.split()) for line in lines] == [
        "f.jpg rejected: 1:1 · focal point", "e.jpg rejected: all",
    ]  # fmt: skip
    assert page.locator("#pending-none").is_visible() and not page.locator("#steps").is_visible()


def test_marks_begin_with_what_is_applied_and_taking_it_back_is_a_statement(page, output, tmp_path):
    open_detail(page, "e")
    assert "made by the next run" in page.locator("#hint").inner_text()
    page.click("[aria-label='Reject 1:1']")
    page.click("[aria-label='Reject 16:9']")
    assert page.locator("#variants").inner_text().count("the next run makes it") == 2
    page.keyboard.press("Escape")
    open_detail(page, "f")
    page.click("[aria-label='Reject 16:9']")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#detail-name').textContent === 'a.jpg'")
    assert not page.locator("#reset").is_visible()
    exported(page, tmp_path / "c.csv")
    assert page.locator("#applied-list .pending").count() == 2
    job = Job(input="in", output="out", method="center", aspects=["1:1", "16:9"])
    said = Corrections.read(str(tmp_path / "c.csv"), job).statements
    assert [each["kind"] for each in said[f"{output}/in/e.jpg"]] == ["good"]
    found = {(each["kind"], each["aspect"], each["x0"]) for each in said[f"{output}/in/f.jpg"]}
    assert found == {("rejected", "1x1", None), ("rejected", "16x9", None), ("focal", None, 0.25)}


def test_corrections_of_a_source_are_taken_back_as_a_whole(page, output, tmp_path):
    open_detail(page, "f")
    page.click("#reset")
    assert "places the boxes again" in page.locator("#pending-text").inner_text()
    exported(page, tmp_path / "c.csv")
    job = Job(input="in", output="out", method="center", aspects=["1:1", "16:9"])
    [said] = Corrections.read(str(tmp_path / "c.csv"), job).statements.values()
    assert Correction.of(said) == Correction() and len(said) == 1


def test_what_was_pending_is_not_any_more_once_a_run_has_applied_it(browser, tmp_path):
    path = tmp_path / "in" / "a.jpg"
    manifest = write_output(tmp_path, [row(str(tmp_path), str(path), sha256=write_photo(path))])
    build(str(tmp_path))
    with opened(browser, tmp_path) as page:
        page.locator(".card .accept").click()
        assert page.locator("#correction-count").inner_text() == "1"
        say(manifest, (str(path), "good"))
        build(str(tmp_path))
        page.reload()
        page.wait_for_function("document.querySelector('#correction-count').textContent === '0'")
        assert page.locator(".card").get_attribute("class").split() == ["card", "good"]


def test_boxes_follow_a_dragged_focal_point_as_the_run_will_place_them(page, output, tmp_path):
    open_detail(page, "a")
    size, job = Size(*SIZE), Job(input="i", output="o", method="center", aspects=["1:1", "16:9"])
    crops = [Crop(Box(*map(round, box)), 0.5, (0.25, 0.5)) for box in boxes(page)]
    assert not page.locator("#pending").is_visible()
    drag(page, page.locator("#stage .focal"), (0.87, 0.31))
    text = page.locator("#pending-text").inner_text()
    assert text.startswith("Pending: focal point.") and "next run" in text
    drawn = boxes(page)
    page.click("#to-corrections")
    page.wait_for_function("!document.querySelector('#detail').open")
    exported(page, tmp_path / "c.csv")
    [said] = Corrections.read(str(tmp_path / "c.csv"), job).statements.values()
    wanted = Correction.of(said).adjust(crops, job.requests, size)
    assert drawn == [crop.box.corners for crop in wanted]
    assert drawn != [crop.box.corners for crop in crops]


def test_the_cards_picture_of_a_variant_follows_too_and_undo_takes_it_back(page):

    def shows(view: str) -> None:
        card(page, "a").locator(f'.strip svg[viewBox="{view}"]').wait_for()

    shows("50 0 200 200")
    open_detail(page, "a")
    drag(page, page.locator("#stage .focal"), (1, 0.5))
    page.keyboard.press("Escape")
    shows("100 0 200 200")  # waits until the card is drawn anew, its badge with it
    assert card(page, "a").locator(".pending").inner_text() == "pending"
    open_detail(page, "a")
    page.keyboard.press("u")
    page.keyboard.press("Escape")
    shows("50 0 200 200")
    assert card(page, "a").locator(".pending").count() == 0


PREVIEW = """(cases) => {
  let boxes;
  const define = (name, imports, factory) => { boxes = factory(); };
  %s
  return cases.map(([ratio, size, focal, keep, safe]) => {
    const placed = boxes.centred(boxes.largestWindow(ratio, size), focal, size, safe);
    return boxes.expandToContain(placed, keep, ratio, size, safe);
  });
}"""


def cases() -> Iterator[tuple]:
    """Ratios, sizes, focal points, boxes to keep: halves that Python rounds to even among them."""
    ratios = ("1:1", "16:9", "9:16", "4:5", "1.91:1", "3:1", "1080:1351")
    sizes = ((1, 1), (3, 2), (101, 67), (300, 200), (4000, 3000), (3001, 4001), (8192, 5464))
    focals = ((0, 0), (0.5, 0.5), (1, 1), (0.25, 0.75), (0.0025, 0.9975), (0.3333, 0.6667))
    for ratio, size, focal in itertools.product(ratios, sizes, focals):
        yield AspectRatio.parse(ratio), Size(*size), focal, [], WHOLE
        yield AspectRatio.parse(ratio), Size(*size), focal, [], SafeArea(0.1, 0, 1, 0.8)
    chance = random.Random(7)
    for _ in range(3000):
        size = Size(chance.randint(1, 5000), chance.randint(1, 5000))
        keep = []
        for _ in range(chance.randint(0, 2)):
            x0, y0 = chance.randrange(size.width), chance.randrange(size.height)
            keep.append(
                Box(x0, y0, x0 + chance.randint(1, size.width), y0 + chance.randint(1, size.height))
            )
        focal = (round(chance.random(), 4), round(chance.random(), 4))
        ratio, safe = AspectRatio.parse(chance.choice(ratios)), WHOLE
        if chance.random() < 0.5:
            x0, y0 = round(0.6 * chance.random(), 2), round(0.6 * chance.random(), 2)
            safe = SafeArea(x0, y0, round(x0 + 0.3, 2), round(y0 + 0.37, 2))
        yield ratio, size, focal, keep, safe


def test_the_preview_is_pythons_to_the_pixel(page):
    every = list(cases())
    script = PREVIEW % (files("deepcrop.report") / "assets" / "scripts" / "boxes.js").read_text()
    plain = [
        [
            [ratio.width, ratio.height],
            [size.width, size.height],
            focal,
            [box.corners for box in keep],
            safe.sides,
        ]
        for ratio, size, focal, keep, safe in every
    ]
    found = page.evaluate(script, json.loads(json.dumps(plain)))
    for (ratio, size, focal, keep, safe), box in zip(every, found, strict=True):
        placed = safe.centred(ratio.largest_window(size), focal, size)
        inside = [
            Box(each.x0, each.y0, min(each.x1, size.width), min(each.y1, size.height))
            for each in keep
        ]
        wanted = expand_to_contain(placed, inside, ratio, size, safe)
        assert tuple(box) == wanted.corners, (ratio, size, focal, keep, safe)


def test_the_command_names_the_output_and_is_copied(browser, output, tmp_path):
    with opened(browser, output, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.locator(".card .accept").first.click()
        page.click("nav [data-view=corrections]")
        page.click("#steps .copy")
        page.wait_for_function("document.querySelector('#steps .copy').textContent === 'Copied'")
        text = page.evaluate("navigator.clipboard.readText()")
        assert shlex.split(text) == ["deepcrop", "correct", str(output), "corrections.csv"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_flags_fit_a_phone(browser, output, scheme):
    options = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with opened(browser, output, color_scheme=scheme, **options) as page:
        page.locator("#filter-box summary").tap()
        page.locator(".chip", has_text="head cut").tap()
        assert page.locator("#found").inner_text() == "2 of 7 sources"
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        card(page, "c").locator(".badge").last.tap()
        tip = page.locator("#tip").bounding_box()
        assert tip["x"] >= 0 and tip["x"] + tip["width"] <= 360
        open_detail(page, "c")
        assert page.evaluate("document.querySelector('#detail').scrollWidth") <= 360

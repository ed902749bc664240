"""Two people review one output at once, each in a real browser, and one of them is killed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deepcrop.manifest.mark_log import MarkLog
from deepcrop.manifest.pending_marks import PendingMarks
from deepcrop.storage import Storage, StorageOptions
from tests.report.browsing import INTERACTIVE, NEEDS_CHROMIUM, drag, place_of
from tests.report.synthetic import row, write_output, write_photo
from tests.review.served import serving

pytestmark = NEEDS_CHROMIUM


@contextmanager
def reviewing(
    browser, address: str, name: str = "", tolerated: str = "nothing", **options
) -> Iterator:
    """Open a served page as a person of this name; it may complain of what is tolerated alone."""
    complaints: list[str] = []
    context = browser.new_context(**options)
    if name:
        context.add_init_script(f"localStorage.setItem('deepcrop-reviewer', {json.dumps(name)})")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    until(page, INTERACTIVE)
    saved(page)
    yield page
    assert [each for each in complaints if tolerated not in each] == []
    context.close()


def until(page, expression: str, arg: object = None) -> None:
    """Wait until a page says so. Playwright's own way evaluates text, which its policy forbids."""
    end = time.monotonic() + 60
    while not _says(page, expression, arg):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(30)


def _says(page, expression: str, arg: object) -> bool:
    from playwright.sync_api import Error

    try:
        return bool(page.evaluate(expression, arg))
    except Error as error:
        if "navigation" not in str(error):
            raise
        return False  # the page is being loaded again


def saved(page) -> None:
    """Wait until all that was marked is stored."""
    until(page, "document.querySelector('#saving').textContent === 'saved'")


def counted(page, count: int) -> None:
    until(
        page,
        "count => document.querySelector('#correction-count').textContent === count",
        arg=str(count),
    )


def pending_of(output: str, storage: Storage | None = None) -> MarkLog:
    log = MarkLog(output, storage or Storage())
    log.refresh()
    return log


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    rows = []
    for name in "abcdef":
        path = tmp_path / "in" / f"{name}.jpg"
        rows.append(row(str(folder), str(path), sha256=write_photo(path)))
    write_output(folder, rows)
    return folder


def card(page, name: str):
    return page.locator(".card", has=page.locator(f'.path[title="{name}.jpg"]'))


def test_two_people_see_each_others_marks_and_neither_loses_one_on_the_same_photo(browser, output):
    with (
        serving(output) as served,
        reviewing(browser, served.address, "anna") as anna,
        reviewing(browser, served.address, "bela") as bela,
    ):
        card(anna, "a").locator(".open").click()
        drag(anna, anna.locator("#stage .focal"), (0.75, 0.25))
        card(bela, "a").locator(".open").click()
        bela.click("[aria-label='Reject 16:9']")
        anna.wait_for_selector("#variants .rejected-variant")
        until(bela, "document.querySelector('#pending-text').textContent.includes('focal point')")
        bela.keyboard.press("Escape")
        assert card(bela, "a").locator(".pending").inner_text().startswith("pending")
        saved(anna)
        saved(bela)
        # Each is found by name; a day on which nobody marked shows nothing.
        anna.keyboard.press("Escape")
        anna.select_option("[name=reviewer]", "bela")
        assert anna.locator("#found").inner_text() == "1 of 6 sources"
        anna.fill("[name=until]", "2020-01-01")
        assert anna.locator("#found").inner_text() == "0 of 6 sources"
    log = pending_of(str(output))
    assert {each["by"] for each in log.ordered()} == {"anna", "bela"} and len(log.entries) == 2
    manifest = served.session.manifest
    [said] = PendingMarks.read(manifest, ["1x1", "16x9"]).corrections.statements.values()
    assert {each["kind"] for each in said} == {"focal", "rejected"}


def test_undo_and_redo_outlast_a_reload_and_leave_what_others_did(browser, output):
    with serving(output) as served, reviewing(browser, served.address, "anna") as page:
        for name in "abc":
            card(page, name).locator(".accept").click()
        counted(page, 3)
        saved(page)
        page.reload()
        until(page, INTERACTIVE)
        counted(page, 3)
        page.keyboard.press("z")
        counted(page, 2)
        assert page.locator("#turned").inner_text() == "Undone: c.jpg"
        page.keyboard.press("Control+z")
        counted(page, 1)
        saved(page)
        page.reload()
        until(page, INTERACTIVE)
        page.keyboard.press("Shift+Z")
        counted(page, 2)
        assert "good" in card(page, "b").get_attribute("class")
        # Another one rejects what anna found good: her undo does not take that back.
        with reviewing(browser, served.address, "bela") as bela:
            card(bela, "b").locator(".reject").click()
            saved(bela)
        page.wait_for_selector(".card.rejected")
        page.keyboard.press("z")
        until(page, "document.querySelector('#turned').textContent.includes('others have changed')")
        assert "rejected" in card(page, "b").get_attribute("class")
        saved(page)
    kinds = [
        "undoes" if "undoes" in each else "redoes" if "redoes" in each else "marks"
        for each in pending_of(str(output)).ordered()
    ]
    assert kinds == ["marks"] * 3 + ["undoes"] * 2 + ["redoes", "marks", "undoes"]


def test_what_the_server_could_not_take_is_sent_when_it_is_back(browser, output):
    """The server is killed while a person marks; another one takes its place at the same port."""
    with serving(output) as served:
        context = browser.new_context()
        page = context.new_page()
        page.goto(served.address)
        until(page, INTERACTIVE)
        card(page, "a").locator(".accept").click()
        saved(page)
        port = served.port
    card(page, "b").locator(".accept").click()
    card(page, "c").locator(".reject").click()
    until(
        page,
        "() => document.querySelector('#saving').textContent.startsWith('2 not saved: the server')",
    )
    assert len(pending_of(str(output)).entries) == 1
    with serving(output, port=port) as again:
        page.goto(again.address)
        until(page, INTERACTIVE)
        counted(page, 3)
        saved(page)
    context.close()
    log = pending_of(str(output))
    sources = sorted(each["source"][-5:] for each in log.ordered())
    assert sources == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_page_from_a_file_shows_the_marks_of_the_log(browser, output):
    from deepcrop.report.page import build
    from tests.report.browsing import opened

    log = MarkLog(str(output), Storage())
    uri = f"{output.parent}/in/a.jpg"
    log.append(
        [
            {
                "id": "id-000001",
                "at": 0,
                "by": "anna",
                "source": uri,
                "set": {"good": True},
                "was": {},
            }
        ]
    )
    build(str(output))
    with opened(browser, output) as page:
        counted(page, 1)
        assert card(page, "a").locator(".pending").inner_text() == "pending, anna"


def test_nudges_by_keys_are_one_change_each_and_a_kept_box_is_moved_and_removed(browser, output):
    with serving(output) as served, reviewing(browser, served.address, "anna") as page:
        card(page, "a").locator(".open").click()
        page.locator("#stage .focal").focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("k")
        stage = place_of(page.locator("#stage"))
        page.mouse.move(stage["x"] + 0.5 * stage["width"], stage["y"] + 0.2 * stage["height"])
        page.mouse.down()
        page.mouse.move(stage["x"] + 0.7 * stage["width"], stage["y"] + 0.6 * stage["height"])
        page.mouse.up()
        drag(page, page.locator("#stage .keep"), (0.3, 0.5))
        page.locator("#stage .keep").focus()
        page.keyboard.press("Delete")
        assert page.locator("#stage .keep").count() == 0
        page.keyboard.press("r")
        assert page.locator("#stage .thirds").count() == 1
        page.keyboard.press("Escape")
        saved(page)
    entries = pending_of(str(output)).ordered()
    assert [sorted(each["set"])[0].partition("/")[0] for each in entries] == [
        "focal", "keep", "keep", "keep",
    ]  # fmt: skip
    assert entries[0]["set"]["focal"] == pytest.approx([0.3, 0.5])
    assert set(entries[2]["set"].values()) == {True, None}
    assert set(entries[3]["set"].values()) == {None}


COUNT = 5_000
ACCEPT = """async () => {
    const cards = [...document.querySelectorAll(".card")];
    for (const card of cards) {
        card.querySelector(".accept").click();
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return cards.map((card) => card.querySelector(".path").title);
}"""


def mark_pages(page, numbers) -> list[str]:
    """Accept all sources of some pages of the gallery, and don't wait until that is stored."""
    marked = []
    for number in numbers:
        first = page.locator(".card .path").first.get_attribute("title")
        page.fill("#page", str(number))
        page.keyboard.press("Enter")
        until(
            page,
            "([first, number]) => number === 1"
            " || document.querySelector('.card .path').title !== first",
            [first, number],
        )
        marked += page.evaluate(ACCEPT)
    return marked


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("store", ["file", "s3"])
def test_two_reviewers_of_5000_sources_lose_and_double_no_mark(browser, tmp_path, request, store):
    """Each has a server of their own. Bela's server is killed in the middle, then the browser."""
    output, options = str(tmp_path / "out"), {}
    if store == "s3":
        s3 = request.getfixturevalue("best_s3")
        output, options = f"{s3.uri}/out", {"endpoint": s3.endpoint}
    write_output(output, [row(output, f"/in/{number:04d}.jpg") for number in range(COUNT)])
    start = time.perf_counter()
    with (
        serving(output, thumbnails=0, **options) as first,
        reviewing(browser, first.address, "anna", "Failed to load") as anna,  # no photos
    ):
        with serving(output, thumbnails=0, **options) as second:
            context = browser.new_context()
            bela = context.new_page()
            bela.goto(second.address)
            until(bela, INTERACTIVE)
            bela.fill("#reviewer", "bela")
            bela.keyboard.press("Enter")
            his = mark_pages(bela, range(101, 104))
            saved(bela)
            hers = mark_pages(anna, range(1, 4))
            his += mark_pages(bela, [104])
        his += mark_pages(bela, [100])  # of these the server, now gone, knows none
        with serving(output, thumbnails=0, port=second.port, **options) as third:
            bela.goto(third.address)
            until(bela, INTERACTIVE)
            saved(bela)
            last = mark_pages(bela, [106])
            context.close()  # the browser ends in the middle of sending
        hers += mark_pages(anna, range(4, 8))
        saved(anna)
        told = sorted(pending_of(output, storage_of(options)).entries)
        counted(anna, len(told))  # hers and his
    entries = pending_of(output, storage_of(options)).ordered()
    names = [each["source"].removeprefix("/in/") for each in entries]
    assert len(names) == len(set(names)), "a mark was doubled"
    assert set(hers) | set(his) <= set(names), "a mark was lost"
    assert set(names) <= {*hers, *his, *last}
    for each, name in zip(entries, names, strict=True):
        assert each["by"] == ("anna" if name in hers else "bela")
    print(f"{store}: {len(names)} marks, {time.perf_counter() - start:.0f} s")


def storage_of(options: dict[str, str]) -> Storage:
    return Storage(StorageOptions(**options))

"""What the browser's tests share: Chromium, and a page that may complain of nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="not installed: chromium (.ci/install-chromium)"
)
INTERACTIVE = """() => document.querySelector(".card") !== null
    && !document.querySelector("#found").textContent.includes("loading")"""


@contextmanager
def opened(browser, output: Path, **options) -> Iterator:
    """Open the page; it must say nothing on the console and ask no network for anything."""
    complaints: list[str] = []
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: (
            request.url.startswith(("file:", "data:", "blob:")) or complaints.append(request.url)
        ),
    )
    page.goto(f"file://{output}/report/index.html")
    page.wait_for_function(INTERACTIVE)
    yield page
    assert complaints == []
    context.close()


def names(page) -> list[str]:
    """The names on the cards, in their order."""
    return page.locator(".card .path").evaluate_all("nodes => nodes.map((each) => each.title)")


def place_of(locator) -> dict[str, float]:
    """Return where an element is; it may be drawn anew at this moment."""
    for _ in range(100):
        if (box := locator.bounding_box()) is not None:
            return box
        locator.page.wait_for_timeout(20)
    raise AssertionError(f"{locator} is never drawn")


def drag(page, locator, to: tuple[float, float]) -> None:
    """Drag the middle of an element to a point of the stage, 0..1 of its sides."""
    box, stage = place_of(locator), place_of(page.locator("#stage"))
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    at = (stage["x"] + to[0] * stage["width"], stage["y"] + to[1] * stage["height"])
    page.mouse.move(*at, steps=4)
    page.mouse.up()


def exported(page, file: Path) -> None:
    """Export the pending marks to a file, as a person does."""
    page.keyboard.press("Escape")
    page.click("nav [data-view=corrections]")
    with page.expect_download() as download:
        page.click("#export")
    download.value.save_as(file)

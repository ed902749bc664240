"""Fixtures that the tests of the page share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browsing import CHROMIUM, opened


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        # Root may not use Chromium's sandbox; the page is our own.
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, output: Path) -> Iterator:
    """The page of a test module's own output, in Chromium."""
    with opened(browser, output) as page:
        yield page

"""Fixtures that the tests of the page share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.report.browsing import CHROMIUM


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        # Root may not use Chromium's sandbox; the page is our own.
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()

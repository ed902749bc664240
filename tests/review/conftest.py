"""The browser of the page's tests."""

from tests.report.conftest import browser

__all__ = ["browser"]

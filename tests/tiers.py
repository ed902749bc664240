"""Which tests of a large matrix are in the default run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def sample(values: Iterable[Any], quick: Collection[Any]) -> list[Any]:
    """Return parameters: those of ``quick`` as they are, the others marked `slow`."""
    found = list(values)
    assert all(each in found for each in quick)
    return [each if each in quick else pytest.param(each, marks=pytest.mark.slow) for each in found]

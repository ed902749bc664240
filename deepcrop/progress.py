"""How a job reports its progress while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Who wants to know how a job is getting on."""

    def start(self, total: int, done: int, failed: int) -> None:
        """Begin: so many sources in all, so many of them done by earlier runs."""

    def advance(self, done: int, failed: int) -> None:
        """Count further rows."""

    def note(self, text: str) -> None:
        """Say what happens now."""


class NullProgress:
    """A progress that ignores everything."""

    def start(self, total: int, done: int, failed: int) -> None:
        """Say nothing."""

    def advance(self, done: int, failed: int) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

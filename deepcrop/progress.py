"""The interface through which a job reports its progress while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a job."""

    def start(self, total: int, done: int, failed: int) -> None:
        """Start a job.

        Args:
            total: the job's sources.
            done: sources that earlier runs have done.
            failed: failed sources among those.
        """

    def advance(self, done: int, failed: int) -> None:
        """Add rows of this run.

        Args:
            done: new rows.
            failed: failed ones among them.
        """

    def note(self, text: str) -> None:
        """Show what happens now; an empty text ends that."""


class NullProgress:
    """A progress that ignores everything."""

    def start(self, total: int, done: int, failed: int) -> None:
        """Ignore it."""

    def advance(self, done: int, failed: int) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""

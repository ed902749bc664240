"""What the driver asks of an engine: sources in, rows of the images manifest out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

import pyarrow as pa

from ..sources.index import RowIndices
from .heartbeat import Heartbeat

Rows = Generator[pa.Table, None, None]
"""Rows of the images manifest, as they are done."""


class Executor(Protocol):
    """Works on sources in other processes, each at least once.

    A source comes back as one row, or not at all where a process or a node died with it: it is
    for the caller to run again what has no row. So the work on a source may be done twice, and
    must have the same result each time.
    """

    lost_node: bool
    """Whether the last run ended early because a node was lost."""

    def run(self, rows: RowIndices, heartbeat: Heartbeat) -> Rows:
        """Work on sources; yield their rows in any order, as they are done.

        Args:
            rows: int64 (n,), ascending: the sources' row indices in the listing.
            heartbeat: is called every few seconds while no row comes back.

        Raises:
            RequestError: an actor found the request to be wrong.
            JobIncomplete: the actors can't start.
        """
        ...

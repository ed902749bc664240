"""The rows of a run on their way into the manifest: they are committed in parts."""

from __future__ import annotations

import time
from contextlib import suppress

import pyarrow as pa

from ..errors import SourceError
from ..manifest.lease import Lease
from ..manifest.store import Manifest

PART_ROWS = 2000
"""Rows after which a manifest part is written."""
PART_SECONDS = 15.0
"""Seconds after which a manifest part is written, however few rows there are."""


class Committer:
    """Collects rows and appends them to the manifest, which it alone writes.

    The lease is renewed with every commit, so a run that has lost it writes nothing more.
    """

    def __init__(self, manifest: Manifest, lease: Lease) -> None:
        """Take the manifest of the output, and the lease on it."""
        self.manifest, self.lease = manifest, lease
        self.uncommitted: list[pa.Table] = []
        self.last_commit = time.monotonic()

    def add(self, rows: pa.Table) -> None:
        """Take rows; commit where a part is full, or its time is over."""
        self.uncommitted.append(rows)
        if sum(table.num_rows for table in self.uncommitted) >= PART_ROWS:
            self.commit()
        else:
            self.commit_if_due()

    def commit_if_due(self) -> None:
        """Commit if :data:`PART_SECONDS` have passed since the last commit."""
        if time.monotonic() - self.last_commit > PART_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Renew the lease, and write what was collected as the manifest's next part.

        Raises:
            JobIncomplete: another run has taken the lease.
            SourceError: the store refuses the part.
        """
        self.lease.renew()
        if any(rows.num_rows for rows in self.uncommitted):
            self.manifest.append(pa.concat_tables(self.uncommitted))
        self.uncommitted = []
        self.last_commit = time.monotonic()

    def commit_if_possible(self) -> None:
        """Commit what was collected, or drop it if the store refuses; its sources are run again."""
        with suppress(SourceError):
            self.commit()
        self.uncommitted = []

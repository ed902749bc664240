"""The rows of a run on their way into the manifest: they are committed in parts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import SourceError
from ..manifest.lease import Lease
from ..manifest.replacement import Replacer
from ..manifest.store import Manifest
from ..sources.index import NO_PART, source_ids

PART_ROWS = 2000
"""Rows after which a manifest part is written."""
PART_SECONDS = 15.0
"""Seconds after which a manifest part is written, however few rows there are."""

PartsOf = Callable[[NDArray[np.int64]], NDArray[np.int64]]
"""Returns for ids of sources the numbers of the parts that have their rows, or ``NO_PART``."""


class Committer:
    """Collects rows and writes them to the manifest, which it alone writes.

    Rows of new sources become the next part; those of others take the place of their earlier rows.
    The lease is renewed with every commit, so a run that has lost it writes nothing more.
    """

    def __init__(self, manifest: Manifest, lease: Lease, replacer: Replacer | None = None) -> None:
        """Take the manifest of the output, the lease on it, and what replaces its rows."""
        self.manifest, self.lease, self.replacer = manifest, lease, replacer
        self.parts_of: PartsOf | None = None
        """Says which rows are replaced; None: none is."""
        self.uncommitted: list[pa.Table] = []
        self.last_commit = time.monotonic()
        self.rows = 0
        """Rows that were committed."""

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
        """Renew the lease, and write what was collected.

        Raises:
            JobIncomplete: another run has taken the lease.
            SourceError: the store refuses a part.
        """
        self.lease.renew()
        if any(rows.num_rows for rows in self.uncommitted):
            self._write(pa.concat_tables(self.uncommitted))
        self.uncommitted = []
        self.last_commit = time.monotonic()

    def _write(self, rows: pa.Table) -> None:
        self.rows += rows.num_rows
        if self.parts_of is None or self.replacer is None:
            self.manifest.append(rows)
            return
        parts = self.parts_of(source_ids(rows))
        is_new = parts == NO_PART
        if is_new.any():
            self.manifest.append(rows.filter(pa.array(is_new)))
        if not is_new.all():
            self.replacer.replace(rows.filter(pa.array(~is_new)), parts[~is_new].tolist())

    def commit_if_possible(self) -> None:
        """Commit what was collected, or drop it if the store refuses; its sources are run again."""
        with suppress(SourceError):
            self.commit()
        self.uncommitted = []

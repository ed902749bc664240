"""One output under review: its page, its sources and the log of marks on them.

Its methods may be called from several threads.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from .. import __version__
from ..errors import NotFound, RequestError
from ..job import Job
from ..manifest.mark_log import Entry, MarkLog
from ..manifest.status import job_of, open_job
from ..manifest.store import Manifest
from ..progress import NullProgress, Progress
from ..report.build_record import Build, read_build
from ..report.page import DEFAULT_THUMBNAILS, build

CHECK_RECORD_S = 5.0
"""Seconds between two looks at whether a run has changed the output."""


class ShownEntry(Entry):
    """An entry of the log as the page gets it."""

    applied: bool
    """Whether the page's data hold it: a run had applied it when the page was built."""


@dataclass
class ReviewSession:
    """The state of a review server."""

    output: str
    """The job's output, a path or URI."""
    endpoint: str | None = None
    """URL of the S3 server, if it is not AWS's."""
    thumbnails: int = DEFAULT_THUMBNAILS
    """How many sources get a thumbnail where the page is built."""
    progress: Progress = field(default_factory=NullProgress)
    arrivals: list[Entry] = field(default_factory=list)
    """The entries of the log in the order in which this server learned of them."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _checked: float = 0.0

    def __post_init__(self) -> None:
        """Open the job.

        Raises:
            RequestError: there is no job at the output.
        """
        self.manifest, record = open_job(self.output, self.endpoint)
        self.job: Job = job_of(self.manifest, record, self.endpoint)
        self.storage = self.job.storage
        self.aspects = list(self.job.slugs)
        self.log = MarkLog(self.manifest.output, self.storage)
        self.build: Build | None = None
        self.page = ""
        self.sources: frozenset[str] = frozenset()

    def open(self) -> None:
        """Make sure that the page shows the output as it is, and read the log.

        Raises:
            RequestError: the output can't be shown, or its log can't be understood.
        """
        self.refresh()
        record = self.manifest.read_record() or {}
        known = read_build(self.manifest)
        if (
            known is None
            or known["version"] != __version__
            or known["updated"] != record.get("updated")
        ):
            self.rebuild()
        else:
            self._take(known)

    def rebuild(self) -> None:
        """Build the page anew.

        Raises:
            RequestError: there is no job at the output any more.
        """
        build(
            self.output,
            endpoint=self.endpoint,
            thumbnails=self.thumbnails,
            progress=self.progress,
        )
        found = read_build(self.manifest)
        if found is None:
            raise RequestError(f"output {self.output}: the page was removed while it was built")
        self._take(found)

    def _take(self, found: Build) -> None:
        """Show the page of a build."""
        uri = f"{self.manifest.output}/report/index.html"
        page = self.storage.read(uri).decode()
        rows = Manifest(self.manifest.output, self.storage)
        rows.load_parts()
        sources = frozenset(rows.table(["source_uri"])["source_uri"].to_pylist())
        with self._lock:
            self.page, self.sources, self.build = page, sources, found

    def refresh(self) -> None:
        """Read what others have marked since.

        Raises:
            RequestError: a file of the log can't be understood.
            FetchError: the store can't be read.
        """
        new = self.log.refresh()
        with self._lock:
            self.arrivals += new

    def rebuild_if_run(self) -> bool:
        """Build the page anew where a run has ended since; return whether it was."""
        if time.monotonic() - self._checked < CHECK_RECORD_S:
            return False
        self._checked = time.monotonic()
        try:
            record = json.loads(self.storage.read(f"{self.manifest.output}/job.json"))
        except (NotFound, ValueError):
            return False
        changed = self.build is None or record["updated"] != self.build["updated"]
        if record["status"] == "running" or not changed:
            return False
        self.rebuild()
        return True

    def mark(self, entries: Sequence[Entry]) -> list[Entry]:
        """Add entries to the log; they are stored when this returns.

        Raises:
            WriteError: they could not be stored.
        """
        with self._lock:
            known = set(self.log.entries)
            stored = self.log.append(entries)
            new = {each["id"]: each for each in stored if each["id"] not in known}
            self.arrivals += new.values()
        return stored

    def shown(self, entry: Entry) -> ShownEntry:
        """Return an entry as the page gets it."""
        built = 0.0 if self.build is None else self.build["started"]
        applied = self.log.applied.get(entry["id"])
        return {**entry, "applied": applied is not None and applied < built}

"""Pending marks: what people marked since the last run, as the corrections that a run applies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ..job import Job
from ..sources.corrections import SCHEMA, Corrections, Statement
from ..sources.marks import Marks, changed, marks_of, statements_of
from .mark_log import Entry, MarkLog
from .store import Manifest


@dataclass(frozen=True)
class PendingMarks:
    """The entries of an output's log that no run has applied yet."""

    corrections: Corrections
    """What they say of each source, what was applied before included."""
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Ids of the entries by the sources' URIs."""
    log: MarkLog | None = None

    @classmethod
    def of(cls, job: Job, manifest: Manifest, *, wanted: bool = True) -> PendingMarks:
        """Return the marks on a job's output that a run applies.

        Args:
            job: the job.
            manifest: the output's manifest.
            wanted: whether any are applied.

        Raises:
            RequestError: a file of the log can't be understood.
        """
        if not wanted:
            return cls(Corrections.none())
        return cls.read(manifest, list(job.slugs))

    @classmethod
    def read(cls, manifest: Manifest, aspects: Sequence[str]) -> PendingMarks:
        """Read the log of an output.

        Args:
            manifest: the output's manifest.
            aspects: names of the job's variants.

        Raises:
            RequestError: a file of the log can't be understood.
        """
        log = MarkLog(manifest.output, manifest.storage)
        log.refresh()
        pending = [each for each in log.ordered() if each["id"] not in log.applied]
        if not pending:
            return cls(Corrections.none(), {}, log)
        table = manifest.read_corrections()
        before = {} if table is None else Corrections(table).statements
        by_source: dict[str, list[Entry]] = {}
        for each in pending:
            by_source.setdefault(each["source"], []).append(each)
        ids = {uri: [each["id"] for each in entries] for uri, entries in by_source.items()}
        return cls(corrections_of(by_source, before, aspects), ids, log)

    def of_known(self, sources: Iterable[pa.Table]) -> PendingMarks:
        """Return the marks on sources that a job has; those on others stay pending.

        Args:
            sources: the listing, in parts.
        """
        unknown = set(self.corrections.unknown_uris(sources))
        if not unknown:
            return self
        rows = [
            each for each in self.corrections.table.to_pylist() if each["source_uri"] not in unknown
        ]
        ids = {uri: each for uri, each in self.ids.items() if uri not in unknown}
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        return PendingMarks(Corrections(table), ids, self.log)

    def settle(self) -> None:
        """Note in the log that a run has taken these marks into the corrections.

        Raises:
            WriteError: the note could not be stored.
        """
        if self.log is not None:
            self.log.append_applied(each for ids in self.ids.values() for each in ids)


def corrections_of(
    entries: Mapping[str, Sequence[Entry]],
    before: Mapping[str, Sequence[Statement]],
    aspects: Sequence[str],
) -> Corrections:
    """Return what entries change, as statements that take the place of the earlier ones.

    Args:
        entries: the entries by the sources' URIs, by time.
        before: the applied statements by the sources' URIs.
        aspects: names of the job's variants.
    """
    rows: list[dict[str, object]] = []
    for uri, changes in entries.items():
        applied = marks_of(before.get(uri, ()), aspects)
        marks = applied
        for each in changes:
            marks = changed(marks, each["set"])
        if _same(marks, applied):
            continue
        # Where nothing is said any more, "good" takes back what was applied.
        statements = statements_of(marks) or statements_of({"good": True})
        rows += [{"source_uri": uri, **each} for each in statements]
    return Corrections(pa.Table.from_pylist(rows, schema=SCHEMA))


def _same(one: Marks, other: Marks) -> bool:
    """Return whether two marks say the same."""

    def key(marks: Marks) -> tuple[object, ...]:
        return (
            marks.get("good", False),
            sorted(marks.get("rejected", ())),
            marks.get("focal"),
            marks.get("boxes", {}),
            marks.get("keep", []),
        )

    return key(one) == key(other)

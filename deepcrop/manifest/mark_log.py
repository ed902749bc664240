"""The log of the marks that people make on an output's sources: ``OUTPUT/marks/*.jsonl``.

Marks belong to the job, and several people make them at once, each with a server of their own
perhaps, on a file system or an object store that can't append. So every *writer* (a process) has
files of its own, which nobody else writes; it replaces its last file by a longer one, which appears
whole or not at all, and begins another when that one is large. Reading all files gives all
entries. An entry has an id, so that what is sent twice counts once, and a time that is later than
that of every entry that its writer knew: sorted by it, every reader sees the same history.

A line is a JSON object: an entry (:class:`Entry`), or the note of a run that it has taken entries
into the job's corrections (``applied``: their ids).
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict, cast

from ..errors import NotFound, RequestError
from ..sources.marks import Value
from ..storage import Storage

FOLDER = "marks"
"""The folder of the log, below the output."""
FILE_BYTES = 48 * 1024
"""Size of a file beyond which its writer begins another; the last file is rewritten each time."""
TICK_S = 1e-6
"""Seconds by which an entry is at least later than those that its writer knew."""


class Entry(TypedDict):
    """One change that a person made to the marks of a source."""

    id: str
    at: float
    """Seconds since 1970."""
    by: str
    """Name of the person, as the person gave it."""
    source: str
    """URI of the source, as in the manifest."""
    set: dict[str, Value]
    """The fields that it changes, with their new values; see :mod:`deepcrop.sources.marks`."""
    was: dict[str, Value]
    """The values that these fields had before."""
    undoes: NotRequired[str]
    """Id of the entry that it undoes."""
    redoes: NotRequired[str]
    """Id of the entry, undone before, that it does again."""


@dataclass
class MarkLog:
    """The log of one output; its methods may be called from several threads."""

    output: str
    """URI of the output, without a slash at its end."""
    storage: Storage
    writer: str = field(default_factory=lambda: f"{int(time.time()):x}-{secrets.token_hex(4)}")
    """Name of this writer, which no other has."""
    entries: dict[str, Entry] = field(default_factory=dict)
    """The known entries by id, in the order in which they became known."""
    applied: dict[str, float] = field(default_factory=dict)
    """When a run took an entry into the corrections, by the entry's id, in seconds since 1970."""
    _seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    _latest: float = 0.0
    _number: int = 0
    _lines: list[str] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def folder(self) -> str:
        """URI of the folder that holds the log."""
        return f"{self.output}/{FOLDER}"

    def refresh(self) -> list[Entry]:
        """Read what other writers have added; return the entries that weren't known.

        Raises:
            RequestError: a file of the folder is no log.
            FetchError: the store can't be read.
        """
        found: list[Entry] = []
        with self._lock:
            for each in self.storage.list(self.folder):
                version = (f"{each.etag} {each.version}", each.size)
                own = each.uri.rpartition("/")[2].startswith(f"{self.writer}.")
                if own or not each.uri.endswith(".jsonl") or self._seen.get(each.uri) == version:
                    continue
                try:
                    data = self.storage.read(each.uri)
                except NotFound:
                    continue  # the output was cleared meanwhile
                found += self._take(_parsed(data, each.uri))
                self._seen[each.uri] = version
        return found

    def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Add entries; they outlive a power failure when this returns.

        Args:
            entries: those whose ids are known already are not added again. ``at`` is set here.

        Returns:
            The entries as the log has them, in the order of the arguments.

        Raises:
            WriteError: they could not be stored; none of them was added.
        """
        with self._lock:
            stamped: dict[str, Entry] = {}
            for each in entries:
                if each["id"] not in self.entries and each["id"] not in stamped:
                    self._latest = _after(self._latest)
                    stamped[each["id"]] = cast("Entry", {**each, "at": self._latest})
            self._write([_line(each) for each in stamped.values()])
            self.entries |= stamped
            return [self.entries[each["id"]] for each in entries]

    def append_applied(self, ids: Iterable[str]) -> None:
        """Note that a run has taken entries into the corrections.

        Raises:
            WriteError: the note could not be stored.
        """
        new = [each for each in ids if each not in self.applied]
        if not new:
            return
        with self._lock:
            self._latest = _after(self._latest)
            self._write([_line({"at": self._latest, "applied": new})])
            self.applied |= dict.fromkeys(new, self._latest)

    def ordered(self) -> list[Entry]:
        """Return all known entries by time."""
        with self._lock:
            return sorted(self.entries.values(), key=lambda each: (each["at"], each["id"]))

    def _write(self, lines: Sequence[str]) -> None:
        if not lines:
            return
        before = self._lines
        if sum(map(len, before)) > FILE_BYTES:
            self._number, before = self._number + 1, []
        text = "".join([*before, *lines])
        uri = f"{self.folder}/{self.writer}.{self._number:04d}.jsonl"
        self.storage.write(uri, text.encode(), "application/x-ndjson")
        self._lines = [*before, *lines]

    def _take(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
        """Take the lines of a file; yield the entries that weren't known."""
        for line in lines:
            self._latest = max(self._latest, line["at"])
            if "applied" in line:
                for each in line["applied"]:
                    self.applied.setdefault(each, line["at"])
            elif "set" in line and line["id"] not in self.entries:
                entry = cast("Entry", dict(line))
                self.entries[entry["id"]] = entry
                yield entry


def _after(latest: float) -> float:
    """Return the present time, or one that is later than ``latest``; in seconds since 1970."""
    return round(max(time.time(), latest + TICK_S), 6)


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _parsed(data: bytes, uri: str) -> Iterator[dict[str, Any]]:
    """Read the lines of a file of the log.

    Raises:
        RequestError: one is no entry and no note.
    """
    lines = data.decode("utf-8", "replace").removesuffix("\n").split("\n") if data else []
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            if not isinstance(line["at"], int | float) or not ({"set", "applied"} & line.keys()):
                raise ValueError("neither an entry nor a note")
        except (ValueError, KeyError, TypeError) as error:
            raise RequestError(f"marks {uri}: line {number} is no mark ({error})") from None
        yield line

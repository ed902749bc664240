"""The history of a manifest: snapshots, and the parts that later runs replaced.

A run that changes rows ends with a snapshot, ``manifest/snapshots/000007.json``, which names its
parts. A later run that replaces or removes one of these parts copies it to ``manifest/history/
000007/`` first, once. So the rows of a snapshot are, part by part: those of the first history
folder from its own on that has the part, else those of the part as it is now. The variants
themselves are not kept: those of replaced rows are gone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..errors import NotFound, RequestError
from ..storage import Storage
from .parts import Part
from .store import Manifest

KEPT = 30
"""Snapshots that are kept."""


@dataclass(frozen=True)
class Snapshot:
    """The parts of a manifest at the end of a run."""

    number: int
    time: float
    """Seconds since 1970."""
    parts: tuple[Part, ...]
    counts: dict[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its number, as folders and files are named after it."""
        return f"{self.number:06d}"


class History:
    """The snapshots of one output. Only the driver of a job writes them."""

    def __init__(self, manifest: Manifest) -> None:
        """Take the manifest; nothing is read yet."""
        self.manifest = manifest
        self.last: Snapshot | None = None
        """The last snapshot, once it was loaded."""
        self._preserved: set[Part] = set()

    @property
    def _folder(self) -> str:
        return f"{self.manifest.output}/manifest/snapshots"

    def numbers(self) -> list[int]:
        """Return the numbers of all snapshots, ascending."""
        names = (
            entry.uri.rpartition("/")[2].removesuffix(".json")
            for entry in self.manifest.storage.list(self._folder)
        )
        return sorted(int(name) for name in names if name.isdigit())

    def load(self, number: int) -> Snapshot:
        """Read a snapshot.

        Raises:
            NotFound: there is none of this number.
        """
        data = json.loads(self.manifest.storage.read(f"{self._folder}/{number:06d}.json"))
        parts = tuple(part for name in data["parts"] if (part := Part.parse(name)))
        return Snapshot(number, data["time"], parts, data["counts"])

    def open(self) -> None:
        """Load the last snapshot, and which of its parts are preserved already."""
        numbers = self.numbers()
        if not numbers:
            return
        self.last = self.load(numbers[-1])
        folder = f"{self.manifest.history}/{self.last.name}"
        found = (Part.parse(entry.uri) for entry in self.manifest.storage.list(folder))
        self._preserved = {part for part in found if part is not None}

    def preserve(self, parts: Iterable[Part], *, for_readers: bool = False) -> None:
        """Copy parts of the last snapshot into the history, before they are replaced.

        Args:
            parts: the parts.
            for_readers: copy parts of no snapshot too: who has listed them may read them still.
        """
        folder = self.last.name if self.last else "000000"
        needed = self.last.parts if self.last else ()
        for part in parts:
            if (for_readers or part in needed) and part not in self._preserved:
                target = f"{self.manifest.history}/{folder}/{part.name}"
                self.manifest.storage.copy(self.manifest.uri_of(part), target)
                self._preserved.add(part)

    def take(self, counts: dict[str, object], *, changed: bool) -> int:
        """Write a snapshot of the manifest as it is now, if it changed; forget the oldest.

        Args:
            counts: numbers that the snapshot tells.
            changed: whether a row was written or removed since the last one.

        Returns:
            The number of the snapshot that the manifest is at.
        """
        if self.last is not None and not changed:
            return self.last.number
        number = 1 if self.last is None else self.last.number + 1
        parts = tuple(self.manifest.part(each) for each in self.manifest.parts)
        now = time.time()
        record = {
            "snapshot": number,
            "time": now,
            "parts": [part.name for part in parts],
            "counts": counts,
        }
        self.manifest.storage.write(
            f"{self._folder}/{number:06d}.json",
            (json.dumps(record, indent=2) + "\n").encode(),
            "application/json",
        )
        self.last, self._preserved = Snapshot(number, now, parts, counts), set()
        self._forget(number - KEPT)
        return number

    def _forget(self, last: int) -> None:
        """Remove a snapshot and all before it, and the parts that only they need."""
        storage, old = self.manifest.storage, [each for each in self.numbers() if each <= last]
        for number in [0, *old] if old else ():
            folder = f"{self.manifest.history}/{number:06d}"
            storage.delete(entry.uri for entry in storage.list(folder))
        storage.delete([f"{self._folder}/{number:06d}.json" for number in old])

    def find(self, at: str) -> Snapshot:
        """Return the snapshot of a number, or the last one until a time.

        Args:
            at: a number; or a date or time in ISO 8601, in UTC unless it says otherwise. A date
                means its end.

        Raises:
            RequestError: there is no such snapshot, with those that there are.
        """
        numbers = self.numbers()
        if not numbers:
            raise RequestError(
                f"--at {at}: no snapshots at {self.manifest.output}; a run writes one at its end"
            )
        known = f"there are {numbers[0]} to {numbers[-1]}; runs keep the last {KEPT}"
        if at.isdigit() and len(at) < 8:
            if int(at) not in numbers:
                raise RequestError(f"--at {at}: no such snapshot; {known}")
            return self.load(int(at))
        moment = _moment(at)
        for number in reversed(numbers):
            snapshot = self.load(number)
            if snapshot.time <= moment:
                return snapshot
        first = datetime.fromtimestamp(self.load(numbers[0]).time, UTC).isoformat(" ", "seconds")
        raise RequestError(f"--at {at}: before the first snapshot, of {first}; {known}")


def _moment(text: str) -> float:
    """Return seconds since 1970."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RequestError(
            f"--at {text!r}: expected the number of a snapshot, or a time such as "
            "2026-11-30 or 2026-11-30T18:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() + (86400 if len(text) == 10 else 0)


class PastManifest(Manifest):
    """The rows of a manifest as they were at a snapshot."""

    def __init__(self, output: str, storage: Storage, snapshot: Snapshot) -> None:
        """Find where each of the snapshot's parts is now."""
        super().__init__(output, storage)
        self._places: dict[Part, str] = {}
        for entry in sorted(storage.list(self.history), key=lambda each: each.uri):
            folder, _, name = entry.uri.removeprefix(f"{self.history}/").partition("/")
            part = Part.parse(name)
            if part is not None and int(folder) >= snapshot.number:
                self._places.setdefault(part, entry.uri)
        self.take_parts(list(snapshot.parts))

    def uri_of(self, part: Part) -> str:
        """Return the URI of an images part as it was."""
        return self._places.get(part, super().uri_of(part))


def past(manifest: Manifest, at: str) -> tuple[PastManifest, Snapshot]:
    """Return a manifest as it was; see :meth:`History.find`.

    Raises:
        RequestError: there is no such snapshot.
    """
    try:
        snapshot = History(manifest).find(at)
    except NotFound as error:
        raise RequestError(f"--at {at}: {error}; it was removed just now") from None
    return PastManifest(manifest.output, manifest.storage, snapshot), snapshot

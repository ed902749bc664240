"""A run in this process: the job's own actor works on its sources, without Ray.

The store counts what is written, and can die: from some write on, nothing more is carried out, as
if the process had been killed there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock

import pyarrow as pa

from deepcrop import image
from deepcrop.engine.actors import FusedActor
from deepcrop.engine.driver import Driver, RunOptions
from deepcrop.engine.executor import Executor, Rows
from deepcrop.engine.heartbeat import Heartbeat
from deepcrop.job import Job
from deepcrop.manifest.summary import RunSummary
from deepcrop.progress import NullProgress
from deepcrop.sources.corrections import Corrections
from deepcrop.sources.index import RowIndices, SourceIndex
from deepcrop.storage import Storage, StorageOptions

from .method import COUNTS

BATCH = 8
"""Sources that the actor is given at once."""


class Killed(BaseException):
    """The process is dead: nothing may handle this."""


class MortalStorage(Storage):
    """A store whose client dies at a given change."""

    def __init__(self, options: StorageOptions, lives: int | None = None) -> None:
        """Take the options of the store.

        Args:
            options: of the store.
            lives: changes that are carried out before it dies; None: it doesn't.
        """
        super().__init__(options)
        self.lives = lives
        self.written: Counter[str] = Counter()
        """Variants that were written and copied."""
        self._guard = Lock()

    def _spend(self, uri: str, kind: str) -> None:
        with self._guard:
            if self.lives is not None:
                self.lives -= 1
                if self.lives < 0:
                    raise Killed
            if ("/variants/" in uri or "/staging/" in uri) and "/manifest/" not in uri:
                self.written[kind] += 1

    def write(
        self,
        uri: str,
        data: bytes,
        content_type: str | None = None,
        *,
        sync: bool = True,
        variant: bool = False,
    ) -> int:
        """Write, or die."""
        self._spend(uri, "put")
        return super().write(uri, data, content_type, sync=False, variant=variant)

    def copy(self, source: str, target: str, *, variant: bool = False) -> None:
        """Copy, or die."""
        self._spend(target, "copy")
        super().copy(source, target, variant=variant)

    def delete(self, uris: str | Iterable[str]) -> None:
        """Delete, or die."""
        found = [uris] if isinstance(uris, str) else list(uris)
        if found:
            self._spend("", "delete")
            super().delete(found)

    @contextmanager
    def durable_writes(self, uri: str) -> Iterator[None]:
        """Wait for no disk: power doesn't fail here."""
        yield


class ActorExecutor:
    """Works on batches of sources with one actor, in this process."""

    lost_node = False

    def __init__(self, job: Job, storage: Storage, sources: SourceIndex) -> None:
        """Make the actor."""
        self.listing = sources.listing
        self.actor = FusedActor(job, storage, sources.listing.passthrough)

    def run(self, rows: RowIndices, heartbeat: Heartbeat) -> Rows:
        """Work on sources; see :meth:`deepcrop.engine.executor.Executor.run`."""
        for start in range(0, len(rows), BATCH):
            yield self._work(self.listing.take(rows[start : start + BATCH]))
            heartbeat()

    def _work(self, listed: pa.Table) -> pa.Table:
        return self.actor(listed)


class LocalSession:
    """Works on sources in this process."""

    connect_seconds = 0.0

    def connect(self) -> None:
        """Do nothing."""

    def executor(self, number: int, job: Job, storage: Storage, sources: SourceIndex) -> Executor:
        """Return an executor."""
        return ActorExecutor(job, storage, sources)

    def renew_capacity(self) -> None:
        """Do nothing."""

    def check_capacity(self) -> None:
        """Do nothing."""


@contextmanager
def _counted() -> Iterator[None]:
    """Count the images that are decoded and encoded."""
    decode, encode = image.decode, image.encode

    def counted_decode(*arguments: object, **options: object) -> object:
        COUNTS["decodes"] += 1
        return decode(*arguments, **options)  # type: ignore[arg-type]

    def counted_encode(*arguments: object, **options: object) -> object:
        COUNTS["renders"] += 1
        return encode(*arguments, **options)  # type: ignore[arg-type]

    image.decode, image.encode = counted_decode, counted_encode  # type: ignore[assignment]
    try:
        yield
    finally:
        image.decode, image.encode = decode, encode


def run(
    job: Job,
    corrections: str | None = None,
    *,
    prune: bool = False,
    lives: int | None = None,
) -> tuple[RunSummary | None, Counter[str]]:
    """Run a job in this process.

    Args:
        job: the job.
        corrections: a table of corrections.
        prune: whether to remove what is gone.
        lives: changes of the store after which the process is as if it were dead.

    Returns:
        How the run ended, None where it died; and what was done: ``decodes``, ``passes``,
        ``renders``, and variants ``put`` and ``copy``.
    """
    table = Corrections.read(corrections, job) if corrections else Corrections.none()
    storage = MortalStorage(job.storage.options, lives)
    COUNTS.clear()
    driver = Driver(job, NullProgress(), table, storage=storage, session=LocalSession())
    summary = None
    with _counted():
        try:
            summary = driver.run(RunOptions(prune=prune, max_prune=1.0))
        except Killed:
            # The lease of a dead process is free at once; this process lives.
            Storage(storage.options).delete(driver.manifest.lease)
    return summary, COUNTS + storage.written

"""Opens a comparison of two outputs: drawn once, then read from the first output."""

from __future__ import annotations

from ..manifest.mark_log import MarkLog
from ..manifest.status import job_of, open_job
from ..storage import Storage, canonical
from .kinds import with_kinds
from .pairs import CENTER, Comparison, draw, folder_of, read, write


def opened(
    first: str, second: str, count: int, seed: int, endpoint: str | None, kinds: bool
) -> tuple[Comparison, MarkLog, Storage]:
    """Return a comparison, the log of its judgements, and the store of the photos.

    Args:
        first: an output.
        second: another output, or ``center``.
        count: number of pairs at most.
        seed: of the draw.
        endpoint: URL of the S3 server.
        kinds: whether the pairs get kinds.

    Raises:
        RequestError: an output holds no job, or they have no crop of a photo in common.
    """
    manifest, record = open_job(first, endpoint)
    job = job_of(manifest, record, endpoint)
    storage = job.storage
    other = second if second == CENTER else canonical(second.rstrip("/"))
    folder = folder_of(manifest.output, other, count, seed)
    comparison = read(folder, storage)
    if comparison is None:
        comparison, _ = draw(first, second, count, seed, endpoint)
        if comparison.pairs:  # without any, the outputs may differ later
            if kinds:
                comparison = with_kinds(comparison, job)
            write(comparison, folder, storage)
    log = MarkLog(folder, storage)
    log.refresh()
    return comparison, log, storage

"""How long each stage of the work on one source may take.

Decoding and rendering have a limit for the source, and the method has one for each ratio or size
that is asked for: retargeting takes as long for each. Fetching and writing wait for the store,
which has limits of its own for every request and try.
"""

from __future__ import annotations

from ..errors import TimedOut
from ..job import Job
from ..methods import registry

SECONDS = 60.0
"""The limit where neither the job nor its method says one."""
LIMITED = ("decode", "infer", "render")
"""Stages that have a limit."""


def limit_of(job: Job, stage: str) -> float:
    """Return the seconds that a stage of the work on one source may take.

    Args:
        job: its ``time_limit``, if it has one, holds for every stage and every method.
        stage: one of :data:`LIMITED`.
    """
    if stage != "infer":
        return job.time_limit or SECONDS
    own: float = getattr(registry.find(job.method), "time_limit", SECONDS)
    return (job.time_limit or own) * len(job.requests)


def timed_out(job: Job, stage: str) -> TimedOut:
    """Return the error of a source whose stage took longer than its limit."""
    limit, count = limit_of(job, stage), len(job.requests)
    share = f" ({limit / count:g} s for each of {count} variants)"
    return TimedOut(
        f"{stage} took longer than {limit:g} s{share if stage == 'infer' and count > 1 else ''}; "
        "--time-limit SECONDS allows more",
        stage,
    )

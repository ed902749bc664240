"""The time limits of the stages of one source.

Decoding has a limit for the source, and so has rendering, for each preset. The method has one for
each ratio or size, since retargeting takes as long for each of them. Fetching and writing wait for
the store, whose requests have limits of their own.
"""

from __future__ import annotations

from ..errors import TimedOut
from ..job import Job
from ..methods import registry

DEFAULT_LIMIT_S = 60.0
"""Seconds of a stage at most, where neither the job nor its method has a limit."""
LIMITED = ("decode", "infer", "render")
"""Stages that have a limit."""


def limit_of(job: Job, stage: str) -> float:
    """Return the seconds that a stage of one source may take.

    Args:
        job: its ``time_limit``, if it has one, applies to every stage and method.
        stage: one of :data:`LIMITED`.
    """
    if stage != "infer":
        limit = job.time_limit or DEFAULT_LIMIT_S
        return limit * max(1, len(job.outputs)) if stage == "render" else limit
    own: float = getattr(registry.find(job.method), "time_limit", DEFAULT_LIMIT_S)
    return (job.time_limit or own) * len(job.slugs)


def timed_out(job: Job, stage: str) -> TimedOut:
    """Return the error of a source whose stage took longer than its limit."""
    limit, count = limit_of(job, stage), len(job.slugs)
    share = f" ({limit / count:g} s for each of {count} variants)"
    return TimedOut(
        f"{stage} took longer than {limit:g} s{share if stage == 'infer' and count > 1 else ''}; "
        "--time-limit SECONDS allows more",
        stage,
    )

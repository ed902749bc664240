"""The dry run: what a run would do, and why, with the time and cost that it would take.

Nothing is written and no cluster is started. Time and cost are projected as :mod:`.plan` does,
from the times that the rows of the output have, in place of a trial.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.layout import Node, plan_for_nodes
from ..engine.output import check_version
from ..engine.preflight import check_input_output, without_empty_folders
from ..job import Job
from ..manifest.changes import Changes
from ..manifest.corrections import all_corrections
from ..manifest.pending_marks import PendingMarks
from ..manifest.store import Manifest
from ..manifest.survey import Question, Survey, list_and_survey
from ..manifest.takeover import is_old
from ..sources.corrections import Corrections
from ..storage import canonical
from .plan import Plan, pace, project
from .prices import Prices
from .trial import THREADS, Estimate, Trial

STARTUP_S = 12.0
"""Seconds that the cluster and its actors take to start, about."""


@dataclass(frozen=True)
class DryRun:
    """What a run would do."""

    changes: Changes
    taken_over: bool
    """Whether an earlier release wrote the output."""
    plan: Plan | None
    """What it would take; None where there is nothing to do, or no row to reckon from."""
    prices: Prices | None

    def record(self) -> dict[str, object]:
        """Return plain values, for JSON."""
        return {
            "changes": self.changes.record(),
            "behind": self.changes.behind,
            "taken_over": self.taken_over,
            "plan": None if self.plan is None else self.plan.record(),
        }


def dry_run(
    job: Job, corrections: str | None = None, *, machine: str | None = None, nodes: int = 1
) -> DryRun:
    """Find out what a run would do.

    Args:
        job: the job.
        corrections: a table of corrections that the run would apply.
        machine: a name of the price table; by default this machine.
        nodes: the number of such machines.

    Raises:
        RequestError: the input or output is not usable, or there is no such machine.
    """
    prices = Prices.read()
    output = canonical(job.output.rstrip("/"))
    with without_empty_folders(output):
        check_input_output(job)
        manifest = Manifest(output, job.storage)
        record = manifest.read_record()
        if record is not None:
            check_version(output, record)
        new = Corrections.read(corrections, job) if corrections else Corrections.none()
        new = new.merged_over(PendingMarks.of(job, manifest).corrections)
        question = Question(job, all_corrections(new, manifest), record)
        found = list_and_survey(question, job.storage, output)
        _remove_if_empty(manifest)
    plan = _reckon(job, found, record, prices, machine, nodes) if record is not None else None
    return DryRun(found.changes, is_old(record), plan, prices)


def _remove_if_empty(manifest: Manifest) -> None:
    """Leave no folder behind that the check of the output made."""
    path = manifest.output
    if "://" not in path and os.path.isdir(path) and not os.listdir(path):
        os.rmdir(path)


def _reckon(
    job: Job,
    found: Survey,
    record: Mapping[str, Any],
    prices: Prices,
    machine: str | None,
    nodes: int,
) -> Plan | None:
    work, counts = found.changes.total(), found.counts
    done = sum(record["counts"][name] for name in ("ok", "failed"))
    made = record["counts"]["variants"]
    if not (work.sources and done and made):
        return None
    each = {
        stage: told["mean_ms"] / 1000 / THREADS.get(stage, 1)
        for stage, told in record["stages"].items()
    }
    shares = {
        "infer": work.passes / work.sources,
        "render": work.variants / work.sources * done / made,
        "write": work.variants / work.sources * done / made,
    }
    stages = {stage: seconds * shares.get(stage, 1.0) for stage, seconds in each.items()}
    bought = prices.machine(machine) if machine else None
    here = Node(bought.cpus, bought.gpus) if bought else Node(os.cpu_count() or 1, 0)
    layout = plan_for_nodes(job, [here] * nodes)
    variant_bytes = record["counts"].get("variant_bytes", counts.variant_bytes) / made
    trial = Trial(
        sources=work.sources,
        timed=done,
        steady=done,
        layout=layout,
        fixed=STARTUP_S,
        seconds=Estimate(pace(stages, layout)),
        stages=stages,
        bytes_in=Estimate(work.bytes / work.sources),
        bytes_out=Estimate(variant_bytes * work.variants / work.sources),
        variants=work.variants / work.sources,
        failed=record["counts"]["failed"] / done,
    )
    name = f"{nodes} x {machine}" if bought else f"{nodes} x this machine"
    planned = project(trial, layout, prices, bought, name, nodes)
    return planned

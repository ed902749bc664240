"""What commands print for people: tables, the summary of a job, the projection of a plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from ..errors import NotFound
from ..terminal import duration

if TYPE_CHECKING:
    from ..manifest.summary import RunSummary
    from ..planning.dry_run import DryRun
    from ..planning.plan import Plan
    from ..planning.prices import Prices
    from ..planning.trial import Estimate


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under headed columns."""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


def show_summary(summary: RunSummary, max_failed: float | None) -> None:
    """Print how a job ended, and where its results are.

    Args:
        summary: the job's counts.
        max_failed: share of the sources that may fail; None where none may.
    """
    from ..sources.selection import in_words

    console = Console(highlight=False)
    rate = (summary.sources - summary.resumed) / summary.seconds if summary.seconds else 0.0
    console.print(
        f"{'stopped' if summary.stopped else 'done'}: {summary.sources:,} images, "
        f"{summary.ok:,} ok, {summary.failed:,} failed, {summary.skipped:,} skipped, "
        f"{summary.variants:,} variants, {summary.seconds:.1f} s ({rate:.1f}/s)"
    )
    if summary.taken_over:
        console.print(
            f"taken over: {summary.taken_over:,} rows of an earlier release were read as they are; "
            "no image was read for it",
            soft_wrap=True,
        )
    if summary.resumed:
        console.print(f"resumed: {summary.resumed:,} images were done before")
    console.print(f"changes: {summary.changes.in_words()}", soft_wrap=True)
    gone = summary.changes.gone - summary.pruned.sources
    if gone > 0:
        console.print(
            f"gone: {gone:,} images are not in the input any more; they stay until --prune",
            soft_wrap=True,
        )
    if summary.changes.unrequested and not summary.pruned.variants:
        console.print(
            f"not asked for: {summary.changes.unrequested:,} variants; they stay until --prune",
            soft_wrap=True,
        )
    if summary.pruned.variants or summary.pruned.sources:
        console.print(
            f"pruned: {summary.pruned.sources:,} images, {summary.pruned.variants:,} variants"
        )
    if summary.ignored:
        console.print(f"ignored {in_words(summary.ignored_kinds)}", soft_wrap=True)
    for name, count in sorted(summary.errors.items(), key=lambda item: -item[1]):
        console.print(f"  failed  {count:>8,}  {name}")
    if summary.exceeds(max_failed):
        what = "sources" if max_failed is None else f"more than {max_failed:.0%} of the sources"
        hint = f"exit status 1: {what} failed; deepcrop status {summary.output} says why"
        if summary.errors.keys() - {NotFound.__name__}:
            hint += ", deepcrop retry tries them again"
        if NotFound.__name__ in summary.errors:
            hint += (
                "; those of NotFound are gone: run again, which leaves out what a folder or bucket "
                "has no more, or correct the list"
            )
        console.print(hint, soft_wrap=True)
    console.print(f"variants  {summary.output}/variants", soft_wrap=True)
    console.print(f"manifest  {summary.output}/manifest", soft_wrap=True)


def show_old_page(output: str, endpoint: str | None) -> None:
    """Print one line where an output has a page that doesn't show what the last run changed.

    Args:
        output: the job's output.
        endpoint: URL of the S3 server, where it is not the usual one.
    """
    from ..manifest.history import History
    from ..manifest.status import open_job
    from ..report.build_record import read_build

    manifest, record = open_job(output, endpoint)
    snapshot = record.get("snapshot")
    if snapshot is None or not manifest.storage.exists(f"{manifest.output}/report/index.html"):
        return
    built = read_build(manifest)
    if built is None or built["started"] < History(manifest).load(snapshot).time:
        told = f"page      is older than this run: deepcrop report {output} brings it up to date"
        Console(highlight=False).print(told, soft_wrap=True)


def show_dry_run(found: DryRun) -> None:
    """Print what a run would do."""
    from ..manifest.changes import REASONS

    mebi, changes = 2**20, found.changes
    rows = [
        [reason, f"{work.sources:,}", f"{work.variants:,}", f"{work.bytes / mebi:,.1f}", why]
        for reason, why in REASONS.items()
        if (work := changes.work[reason]).sources
    ]
    told = [
        ("gone", changes.gone, changes.gone_variants, "not in the input any more: --prune removes"),
        ("left out", changes.left_out, 0, "beyond --limit or --sample: they stay"),
        ("not asked for", 0, changes.unrequested, "variants of other requests: --prune removes"),
        ("unchanged", changes.unchanged, 0, ""),
    ]
    rows += [
        [name, f"{sources:,}", f"{variants:,}" if variants else "", "", why]
        for name, sources, variants, why in told
        if sources or variants
    ]
    print_table(("what", "images", "variants", "MiB to read", "why"), rows)
    if changes.aspects:
        names = ", ".join(f"{name} {count:,}" for name, count in sorted(changes.aspects.items()))
        print(f"variants to make, at most: {names}")
    if found.taken_over:
        print(
            "an earlier release wrote the output: its rows are taken over, no image is read again"
        )
    if found.plan is not None and found.prices is not None:
        show_plan(found.plan, found.prices, sampled=False)
    elif changes.total().sources:
        print("time and cost: no images were done here yet; `deepcrop plan` measures a sample")


def show_plan(plan: Plan, prices: Prices, *, sampled: bool = True) -> None:
    """Print what a job would take.

    Args:
        plan: the projection.
        prices: the table that its costs are of.
        sampled: whether sources were worked on for it; otherwise it comes from those that earlier
            runs worked on.
    """
    from ..planning.trial import Estimate  # with it comes Ray, which other commands don't need

    mebi = 2**20
    dollars = [
        ("machines, $", _dollars(plan.machine_cost) if plan.machine_cost else "no price"),
        ("requests, $", _dollars(Estimate(plan.request_cost))),
        ("storage, $ a month", _dollars(plan.storage_cost)),
    ]
    timed = f"{plan.steady:,} of them, while all processes were at work"
    if plan.steady == plan.timed:
        timed = "all of them, also while processes were starting: the job may be faster"
    measured = [
        ("worked on", f"{plan.timed:,}, of which {plan.failed:.0%} failed"),
        ("timed", timed),
    ]
    if not sampled:
        measured = [("judged by", f"{plan.timed:,} done before, of which {plan.failed:.0%} failed")]
    rows = [
        ("sources", f"{plan.sources:,}"),
        *measured,
        ("machines", f"{plan.machines}, {plan.actors:,} processes with the method"),
        ("time", f"{_time(plan.seconds)}, of which start-up {duration(plan.startup)}"),
        *([("GPU hours", _interval(plan.gpu_hours))] if plan.gpu_hours.value else []),
        ("MiB in", _interval(plan.bytes_in * (1 / mebi))),
        ("MiB out", _interval(plan.bytes_out * (1 / mebi))),
        ("requests", f"{plan.reads:,} read, {plan.writes:,} write"),
        *dollars,
    ]
    likely = " (in 95 of 100 cases the value lies within ±)" if sampled else ""
    print_table(("", f"estimate{likely}"), rows)
    print(f"prices: {prices.source}, {prices.date}; edit them before you rely on them")


def _time(estimate: Estimate) -> str:
    error = f" ± {duration(estimate.error)}" if estimate.error else ""
    return duration(estimate.value) + error


def _dollars(estimate: Estimate) -> str:
    return _interval(estimate) if estimate.value >= 0.01 else "less than 0.01"


def _interval(estimate: Estimate) -> str:
    """Show three figures of the value, and its interval as finely."""
    size = math.floor(math.log10(estimate.value)) if estimate.value > 0 else 0
    digits = max(0, 2 - size)
    error = f" ± {estimate.error:,.{digits}f}" if estimate.error else ""
    return f"{estimate.value:,.{digits}f}{error}"

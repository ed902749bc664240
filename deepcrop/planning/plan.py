"""The plan of a job: its time and cost on some machines, projected from a trial."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace

from ..engine.cluster import connected
from ..engine.committer import PART_ROWS
from ..engine.layout import Layout, Node, plan_for_cluster, plan_for_nodes
from ..engine.preflight import check_input_output, without_empty_folders
from ..errors import RequestError
from ..job import Job
from ..storage import canonical
from .prices import Machine, Prices
from .trial import Estimate, Trial, run_trial

GIB = 2**30
"""Bytes of a GiB."""
MEAN_PART_ROWS = PART_ROWS // 2
"""Rows of a manifest part on average: parts are also written by time, before they are full."""
LISTED = 1000
"""Keys that one request lists."""


@dataclass(frozen=True)
class Plan:
    """The projected time, traffic and cost of a whole job."""

    sources: int
    timed: int
    """Sources that were processed in the trial."""
    steady: int
    """Sources among them that came while all processes were busy; their rate is projected."""
    failed: float
    """Share of the timed sources that failed, 0..1."""
    machines: str
    actors: int
    """Processes that hold the network."""
    seconds: Estimate
    """Seconds from the start of the job to its end."""
    startup: float
    """Seconds that a job takes once: the start of its cluster and processes, and the listing."""
    gpu_hours: Estimate
    bytes_in: Estimate
    bytes_out: Estimate
    reads: int
    """Requests to the store that read an object."""
    writes: int
    """Requests that write an object or list a thousand."""
    machine_cost: Estimate | None
    """Dollars; None where the machines have no price."""
    request_cost: float
    """Dollars, for a store that charges for requests."""
    storage_cost: Estimate
    """Dollars a month, for the variants."""

    def record(self) -> dict[str, object]:
        """Return plain values, for JSON."""
        return asdict(self)


def plan(
    job: Job, prices: Prices, *, timed: int = 48, machine: str | None = None, nodes: int = 1
) -> Plan:
    """Process and time ``timed`` sources of a job, and project the whole; no result is kept.

    Args:
        job: the job.
        prices: what machines and requests cost.
        timed: sources to time while all processes are busy; more are processed before and after.
        machine: a name in ``prices``; by default the current cluster is used.
        nodes: the number of such machines.

    Raises:
        RequestError: the job or the machine is not possible, or can't be timed here.
        JobIncomplete: the sample could not be processed.
    """
    bought = prices.machine(machine) if machine else None
    with without_empty_folders(canonical(job.output.rstrip("/"))):
        check_input_output(job)
        before = time.perf_counter()
        with connected():
            joined = time.perf_counter() - before
            layout = plan_for_cluster(job)
            if bought and bought.gpus and job.gpus != 0 and layout.fused:
                raise RequestError(
                    f"machine {machine}: has GPUs, and none is here to time the method on; "
                    "plan on such a machine, or --set gpus=0"
                )
            trial = run_trial(job, layout, timed)
    trial = replace(trial, fixed=trial.fixed + joined)
    if bought:
        layout = plan_for_nodes(job, [Node(bought.cpus, bought.gpus)] * nodes)
    return project(trial, layout, prices, bought, f"{nodes} x {machine}", nodes)


def project(
    trial: Trial,
    layout: Layout,
    prices: Prices,
    bought: Machine | None,
    name: str,
    nodes: int,
) -> Plan:
    """Project a whole job with a layout, from a trial with another layout.

    Args:
        trial: the trial.
        layout: the layout of the job.
        prices: what machines and requests cost.
        bought: the kind of machine; None for the current cluster.
        name: number and name of the machines.
        nodes: the number of machines.
    """
    faster = pace(trial.stages, layout) / pace(trial.stages, trial.layout)
    seconds = trial.seconds * (faster * trial.sources) + trial.fixed
    hours = seconds * (1 / 3600)
    gpus = nodes * bought.gpus if bought else math.ceil(layout.actors * layout.gpus)
    objects = trial.sources * trial.variants + 2 * trial.sources / MEAN_PART_ROWS
    writes = math.ceil(objects + trial.sources / LISTED)
    bytes_out = trial.bytes_out * trial.sources
    return Plan(
        sources=trial.sources,
        timed=trial.timed,
        steady=trial.steady,
        failed=trial.failed,
        machines=name if bought else "the cluster at hand",
        actors=layout.actors,
        seconds=seconds,
        startup=trial.fixed,
        gpu_hours=hours * gpus,
        bytes_in=trial.bytes_in * trial.sources,
        bytes_out=bytes_out,
        reads=trial.sources,
        writes=writes,
        machine_cost=hours * (nodes * bought.hour) if bought else None,
        request_cost=(trial.sources * prices.requests.read + writes * prices.requests.write) / 1000,
        storage_cost=bytes_out * (prices.storage_month / GIB),
    )


def pace(stages: dict[str, float], layout: Layout) -> float:
    """Return the seconds from one source to the next; the slowest pool of actors decides."""
    if layout.fused:
        return sum(stages.values()) / layout.actors
    return max(
        (stages["fetch"] + stages["decode"]) / layout.cpu_actors,
        stages["infer"] / layout.actors,
        (stages["render"] + stages["write"]) / layout.cpu_actors,
    )

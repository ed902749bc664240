"""Rounds of the torture test: a job under kills and store faults until it is done, then checks."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config

from deepcrop.manifest.verify import audit

from ..proxy import Faults
from ..servers import ROOT, fault_proxy, s3_server
from . import corpus as corpora
from .checks import Findings, check, hashes
from .killer import Killer
from .method import METHODS, brittle, install
from .nodes import Nodes

BUCKET, INPUT = "torture", "in"
ASPECTS, LATER = ("1:1", "16:9"), ("1:1", "16:9", "4:5")
"""What a job asks for, and what it asks for when the input was edited."""
FAULTS = Faults(
    slowdown=0.02, deny=0.003, reset=0.01, lost=0.01, stall=0.002, truncate=0.02, corrupt=0.05,
    corrupt_upload=0.01, stall_s=1.0, streak=3,
)  # fmt: skip
DRIVER_TIMEOUT_S = 600.0
"""Seconds after which a driver that hasn't ended is taken to hang."""
POLL_S = 0.1
"""Seconds between two checks of the driver."""
INTERRUPTED, KILLED = 3, -9
"""Exit statuses of drivers that are started again."""


@dataclass
class Round:
    """The events of one round, and the errors in its output.

    Attributes:
        seed: seed of the kills and the faults.
        seconds: duration.
        kills: number of kills by kind.
        faults: number of injected faults by kind.
        restarts: how often the driver was started again.
        resumed: rows that the last driver found committed.
        recomputed: images that the method analysed more than once, before the update.
        sources: number of sources.
        findings: what is wrong with the rows and objects.
        problems: findings of ``deepcrop verify``, and drivers that ended in an unexpected way.
    """

    seed: int
    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    resumed: int = 0
    recomputed: int = 0
    sources: int = 0
    findings: Findings = field(default_factory=Findings)
    problems: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether the round's output has no errors."""
        return not self.findings.total and not self.problems


class Torture:
    """A store with the corpus, a cluster, and the hashes of an undisturbed run's variants."""

    def __init__(
        self, objects: int, seed: int, log: Callable[[str], None], method: str = "center"
    ) -> None:
        """Make the corpus; nothing runs yet.

        Args:
            objects: number of sources.
            seed: seed of the corpus.
            log: takes lines about the progress.
            method: one of ``METHODS``.
        """
        self.method = method
        self.corpus = corpora.make(objects, seed, INPUT)
        self.log = log
        self.exit = contextlib.ExitStack()

    def __enter__(self) -> Torture:
        """Start the store and the cluster, upload the corpus, and run the undisturbed job."""
        try:
            self._start()
        except BaseException:
            self.exit.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the cluster and the store."""
        self.exit.close()

    def _start(self) -> None:
        self.folder = Path(self.exit.enter_context(tempfile.TemporaryDirectory(prefix="torture-")))
        self.server = self.exit.enter_context(s3_server())
        path = [ROOT, install(self.folder / "site"), os.environ.get("PYTHONPATH", "")]
        self.environment = {
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": os.pathsep.join(str(each) for each in path if each),
            "RAY_BACKEND_LOG_LEVEL": "fatal",
            "OMP_NUM_THREADS": "1",
            # On a busy machine nodes answer late.
            "RAY_health_check_failure_threshold": "30",
        }
        self.exit.enter_context(_environment(self.environment))
        self.client = boto3.client(
            "s3", endpoint_url=self.server.endpoint, config=Config(max_pool_connections=16)
        )
        self.client.create_bucket(Bucket=BUCKET)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._upload, self.corpus))
        self.log(f"{len(self.corpus)} objects on {self.server.endpoint}")
        self.nodes = Nodes()
        self.exit.callback(self.nodes.close)
        begin = time.monotonic()
        driver = self._start_driver(self._job("reference"), self.server.endpoint)
        if driver.wait(DRIVER_TIMEOUT_S) != 0:
            raise RuntimeError(f"the undisturbed run ended with {driver.returncode}")
        findings = check(self.client, BUCKET, "reference", INPUT, self.corpus, None)
        if findings.total:
            raise AssertionError(f"the undisturbed run: {findings}")
        self.reference = hashes(self.client, BUCKET, "reference")
        self.later = corpora.edited(self.corpus)
        self._show(self.later, self.corpus)
        driver = self._start_driver(self._job("later", LATER), self.server.endpoint)
        if driver.wait(DRIVER_TIMEOUT_S) != 0:
            raise RuntimeError(f"the undisturbed run of the edits ended with {driver.returncode}")
        self.later_reference = hashes(self.client, BUCKET, "later")
        self._show(self.corpus, self.later)
        self.log(f"undisturbed: {time.monotonic() - begin:.0f} s, {len(self.reference)} variants")

    def _upload(self, source: corpora.Source) -> None:
        self.client.put_object(Bucket=BUCKET, Key=f"{INPUT}/{source.key}", Body=source.data)

    def _show(self, corpus: list[corpora.Source], before: list[corpora.Source]) -> None:
        """Have the input hold a corpus in place of another one."""
        earlier = {source.key: source for source in before}
        for source in corpus:
            if earlier.pop(source.key, None) != source:
                self._upload(source)
        for key in earlier:
            self.client.delete_object(Bucket=BUCKET, Key=f"{INPUT}/{key}")

    def _job(self, output: str, aspects: tuple[str, ...] = ASPECTS) -> Path:
        """Write a job's specification."""
        path = self.folder / f"{output}.json"
        job = {
            "input": f"s3://{BUCKET}/{INPUT}",
            "output": f"s3://{BUCKET}/{output}",
            "method": brittle(self.method),
            "options": {**METHODS[self.method], "tally": str(self._tally(output))},
            "aspects": list(aspects),
            "batch_size": 2,
            "max_failed": 1.0,
        }
        path.write_text(json.dumps(job))
        return path

    def _tally(self, output: str) -> Path:
        return self.folder / f"{output}.tally"

    def _start_driver(self, job: Path, endpoint: str, *options: str) -> subprocess.Popen[bytes]:
        with job.with_suffix(".log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "jobs.faults.torture.driver", str(job), *options],
                env=os.environ | {"AWS_ENDPOINT_URL": endpoint, "RAY_ADDRESS": self.nodes.address},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )

    def round(self, seed: int, kills: int) -> Round:
        """Run a job under faults and kills until it is done, and check its output."""
        output = f"round-{seed}"
        job = self._job(output)
        found = Round(seed, sources=len(self.corpus))
        begin = time.monotonic()
        faults = (
            FAULTS
            if self.server.checks_uploads
            else dataclasses.replace(FAULTS, corrupt_upload=0.0)
        )
        with fault_proxy(self.server.endpoint, faults, seed) as endpoint:
            self._run_and_kill(job, endpoint, kills, found)
            self._check(output, found)
            # Photos are edited, removed and added, and a ratio more is asked for.
            self._show(self.later, self.corpus)
            job = self._job(output, LATER)
            self._run_and_kill(job, endpoint, kills, found, "--prune", "--max-prune=100%")
            report = json.loads(urllib.request.urlopen(f"{endpoint}/_faults", timeout=30).read())
            found.faults.update(report["faults"])
        found.seconds = time.monotonic() - begin
        findings = check(self.client, BUCKET, output, INPUT, self.later, self.later_reference)
        self._show(self.corpus, self.later)
        for name, each in vars(findings).items():
            getattr(found.findings, name).extend(f"after the update: {one}" for one in each)
        problems = audit(f"s3://{BUCKET}/{output}", self.server.endpoint).problems()
        found.problems += [f"verify: {name}: {each}" for name, each in problems.items() if each]
        if not found.clean:
            self.log(job.with_suffix(".log").read_text()[-3000:])
        return found

    def _check(self, output: str, found: Round) -> None:
        """Check the output of the first job."""
        record = self.client.get_object(Bucket=BUCKET, Key=f"{output}/job.json")["Body"].read()
        found.resumed = json.loads(record)["counts"]["resumed"]
        analysed = self._tally(output).stat().st_size
        found.recomputed = analysed - self._tally("reference").stat().st_size
        found.findings = check(self.client, BUCKET, output, INPUT, self.corpus, self.reference)

    def _run_and_kill(
        self, job: Path, endpoint: str, kills: int, found: Round, *options: str
    ) -> None:
        before = self._parts(job.stem)
        """ETags of the manifest's parts when this driver began, by key."""
        driver = self._start_driver(job, endpoint, *options)

        def committed() -> int:
            return len(self._parts(job.stem).items() - before.items())

        killer = Killer(self.nodes, lambda: psutil.Process(driver.pid), committed, found.seed)
        plan = killer.plan(kills)
        due = time.monotonic() + killer.pause()
        started = time.monotonic()
        while True:
            self.nodes.fill()
            if driver.poll() is not None:
                if driver.returncode == 0:
                    break
                if driver.returncode not in (INTERRUPTED, KILLED):
                    found.problems.append(f"a driver ended with {driver.returncode}")
                    break
                parts = self._parts(job.stem)
                rewritten = any(parts.get(key) != etag for key, etag in before.items())
                if rewritten and not options:
                    found.problems.append("a committed part was written again")
                before = parts
                found.restarts += 1
                driver = self._start_driver(job, endpoint, *options)
                started = time.monotonic()
            if time.monotonic() - started > DRIVER_TIMEOUT_S:
                found.problems.append("a driver hung")
                driver.kill()
                driver.wait()
                break
            if plan and time.monotonic() > due:
                kind = killer.kill_first(plan)
                if kind is not None:
                    plan.remove(kind)
                    found.kills[kind] += 1
                    due = time.monotonic() + killer.pause()
            time.sleep(POLL_S)
        if "driver" in plan:
            found.problems.append("it ended before its driver was killed")

    def _parts(self, output: str) -> dict[str, str]:
        """Return the ETags of the committed parts of the images manifest, by their keys."""
        prefix = f"{output}/manifest/images/"
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return {each["Key"]: each["ETag"] for each in found.get("Contents", ())}


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def table(rounds: list[Round]) -> list[list[Any]]:
    """Return the table of rounds: names of the columns, a line for each round, the sums."""
    kills = sorted({kind for each in rounds for kind in each.kills})
    faults = sorted({kind for each in rounds for kind in each.faults})
    names = [
        "seed",
        "s",
        *(f"kill {kind}" for kind in kills),
        *(f"fault {kind}" for kind in faults),
    ]
    names += ["restarts", "resumed", "recomputed", *vars(Findings()), "problems"]
    lines = [
        [
            each.seed,
            round(each.seconds),
            *(each.kills[kind] for kind in kills),
            *(each.faults[kind] for kind in faults),
            each.restarts,
            each.resumed,
            each.recomputed,
            *(len(found) for found in vars(each.findings).values()),
            len(each.problems),
        ]
        for each in rounds
    ]
    return [names, *lines, ["all", *(sum(column) for column in list(zip(*lines, strict=True))[1:])]]

"""A Ray cluster of several nodes on one machine, with the dashboard that takes jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from ray.cluster_utils import Cluster

ROOT = Path(__file__).parents[2]
STORE = 100_000_000
"""Bytes of a node's object store."""
LABELS = ("status", "stage", "error", "le")


class Nodes:
    """A head without CPUs that serves the dashboard, and nodes that come and go."""

    def __init__(self) -> None:
        self.cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": STORE,
                "include_dashboard": True,
                "dashboard_port": 0,
                "dashboard_agent_listen_port": 0,  # other clusters of this machine have theirs
            },
        )

    @property
    def url(self) -> str:
        """What ``--address`` must say."""
        return f"http://{self.cluster.webui_url}"

    @property
    def session(self) -> Path:
        """Where the nodes' logs are, and the list of what Prometheus scrapes."""
        return Path(self.cluster.head_node.get_session_dir_path())

    def scrape(self) -> dict[str, float]:
        """Read what Prometheus would: samples such as ``name{stage=fetch}``, summed over nodes."""
        listed = json.loads((self.session / "prom_metrics_service_discovery.json").read_text())
        found: dict[str, float] = {}
        for target in {each for group in listed for each in group["targets"]}:
            text = requests.get(f"http://{target}/metrics", timeout=30).text
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    labels = [
                        f"{name}={sample.labels[name]}"
                        for name in LABELS
                        if sample.labels.get(name)
                    ]
                    key = sample.name + ("{" + ",".join(labels) + "}" if labels else "")
                    found[key] = found.get(key, 0.0) + sample.value
        return found

    def add(self, cpus: int = 1) -> Any:
        """Start a node."""
        return self.cluster.add_node(
            num_cpus=cpus, object_store_memory=STORE, dashboard_agent_listen_port=0
        )

    def actors(self, node: Any) -> int:
        """Count the job's actors on a node."""
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        titles = [" ".join(each.cmdline()) for each in raylet.children(recursive=True)]
        return sum(title.startswith("ray::") and "Map" in title for title in titles)

    def remove(self, node: Any) -> None:
        """Take a node away, with all that runs on it."""
        self.cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    """The cluster, with one CPU; its processes find this Python and this tree."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="r-") as folder:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_TMPDIR", folder)  # sockets lie in it, and their paths must be short
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_metrics_report_interval_ms", "500")
        patch.delenv("RAY_ADDRESS", raising=False)
        nodes = Nodes()
        try:
            nodes.add()
            yield nodes
        finally:
            nodes.cluster.shutdown()


@dataclass(frozen=True)
class Finished:
    """A job that was submitted and followed from the command line."""

    source: Path
    output: Path
    status: int
    said: str


@pytest.fixture(scope="session")
def finished(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The first job of the cluster: ten pictures, and two files that are none."""
    folder = tmp_path_factory.mktemp("finished")
    file = specification(folder, 10)
    done = subprocess.run(
        [sys.executable, "-m", "deepcrop", "submit", file, "--address", nodes.url, "--wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    return Finished(folder / "in", folder / "out", done.returncode, done.stdout)


def specification(folder: Path, count: int, **fields: object) -> Path:
    """Write a job's file, its pictures, and two files that are none."""
    source = folder / "in"
    source.mkdir()
    for number in range(count):
        Image.effect_noise((400, 300), 40).convert("RGB").save(source / f"{number:03d}.jpg")
    (source / "empty.jpg").write_bytes(b"")
    (source / "page.jpg").write_bytes(b"<html>")
    values = {"input": str(source), "output": str(folder / "out"), "method": "center"}
    values |= {"aspects": ["1:1"], "batch_size": 4, **fields}
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(values))
    return path

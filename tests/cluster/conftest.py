"""A Ray cluster of several nodes on one machine, with the dashboard that takes jobs."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster

ROOT = Path(__file__).parents[2]
STORE = 100_000_000
"""Bytes of a node's object store."""


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
            },
        )

    @property
    def url(self) -> str:
        """What ``--address`` must say."""
        return f"http://{self.cluster.webui_url}"

    def add(self, cpus: int = 1) -> Any:
        """Start a node."""
        return self.cluster.add_node(num_cpus=cpus, object_store_memory=STORE)

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
        patch.delenv("RAY_ADDRESS", raising=False)
        nodes = Nodes()
        try:
            nodes.add()
            yield nodes
        finally:
            nodes.cluster.shutdown()

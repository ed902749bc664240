"""Telemetry of a running job: metrics scraped over HTTP, logs of the nodes, the dashboard."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path

import pytest
import requests

DASHBOARD = Path(__file__).parents[2] / "cluster" / "dashboard.json"
GPU_METRICS = {"ray_node_gpus_utilization", "ray_node_gram_used"}
"""Metrics that nodes without a GPU don't export."""
RETRY_METRICS = {"ray_deepcrop_retries_total"}
"""Metrics that a job exports once a request was retried."""
RUNNING_METRICS = {"ray_data_num_external_inqueue_blocks", "ray_deepcrop_waiting"}
"""Metrics of the driver and its stream, which needn't outlive them."""


def test_a_job_s_metrics_say_what_its_manifest_says(nodes, finished):
    written = [path.stat().st_size for path in finished.output.glob("variants/*/*.jpg")]
    read = [path.stat().st_size for path in finished.source.iterdir()]
    expected = {
        "ray_deepcrop_images_total{status=ok}": 10,
        "ray_deepcrop_images_total{status=failed,stage=decode}": 2,
        "ray_deepcrop_errors_total{error=NotAnImage}": 2,
        "ray_deepcrop_variants_total": 10,
        "ray_deepcrop_source_bytes_total": sum(read),
        "ray_deepcrop_variant_bytes_total": sum(written),
        "ray_deepcrop_stage_seconds_count{stage=fetch}": 12,
        "ray_deepcrop_stage_seconds_count{stage=render}": 10,
    }
    deadline = time.monotonic() + 30
    found: dict[str, float] = {}
    while found != expected and time.monotonic() < deadline:
        # On a busy machine a node's agent may not listen yet.
        with contextlib.suppress(requests.ConnectionError):
            samples = nodes.scrape()
            found = {name: samples.get(name, 0.0) for name in expected}
        time.sleep(0.2)
    assert found == expected


@pytest.mark.usefixtures("finished")
def test_the_nodes_logs_say_which_source_failed_where(nodes):
    logs = [path.read_text() for path in (nodes.session / "logs").glob("worker-*.err")]
    events = [json.loads(line) for log in logs for line in log.splitlines() if '"event"' in line]
    failed = {(Path(each["source_uri"]).name, each["stage"], each["error"]) for each in events}
    assert failed == {
        ("empty.jpg", "decode", "NotAnImage"),
        ("page.jpg", "decode", "NotAnImage"),
    }
    assert all(isinstance(each["source_id"], int) for each in events)


@pytest.mark.usefixtures("finished")
def test_the_dashboard_s_metrics_are_exported_once_a_job_has_run(nodes):
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"\bray_\w+", query)}
    missing = asked - GPU_METRICS - RETRY_METRICS - RUNNING_METRICS
    assert len(missing) >= 9
    deadline = time.monotonic() + 30
    while missing and time.monotonic() < deadline:
        # On a busy machine a node's agent may not listen yet.
        with contextlib.suppress(requests.ConnectionError):
            missing -= {name.partition("{")[0] for name in nodes.scrape()}
        time.sleep(0.2)
    assert missing == set()

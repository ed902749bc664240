"""What a running job shows: metrics scraped over HTTP, logs of the nodes, the dashboard's names."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path

import pytest
import requests
from ray.dashboard.modules.reporter import reporter_agent
from ray.data._internal.execution.interfaces import op_runtime_metrics

from deepcrop.engine import telemetry

DASHBOARD = Path(__file__).parents[2] / "cluster" / "dashboard.json"
SUFFIXES = {"Counter": ["_total"], "Gauge": [""], "Histogram": ["_sum", "_count", "_bucket"]}
"""What Ray's exporter appends to a metric's name."""


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


def test_the_dashboard_asks_for_metrics_that_exist():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"\bray_(\w+)", query)}
    ours = _metrics(telemetry.__file__, r'(Counter|Gauge|Histogram)\(\s*"(\w+)"')
    exported = {name + suffix for kind, name in ours for suffix in SUFFIXES[kind]}
    engines = {name for _, name in _metrics(reporter_agent.__file__, r'(Gauge)\(\s*"(\w+)"')}
    engines |= {
        f"data_{name}"
        for _, name in _metrics(op_runtime_metrics.__file__, r"( )(num_external_\w+): int")
    }
    assert asked <= exported | engines
    counted = {name for name in asked if name.startswith("deepcrop_")}
    assert {name for _, name in ours} == {
        re.sub("_(total|sum|count|bucket)$", "", each) for each in counted
    }


def _metrics(file: str, pattern: str) -> list[tuple[str, str]]:
    return re.findall(pattern, Path(file).read_text())

"""What a run counts."""

import pyarrow as pa
import pytest

from deepcrop.manifest.summary import RunSummary
from deepcrop.schema import IMAGES


def test_stages_add_up_over_rows_and_runs():
    rows = [
        {"status": "ok", "variants": [], "fetch_ms": 1.0, "decode_ms": 2.0, "render_ms": 3.0},
        {"status": "failed", "variants": [], "fetch_ms": 2.0},
    ]
    result = RunSummary("out", 4)
    for _ in range(2):
        result.count(pa.Table.from_pylist(rows, schema=IMAGES))
    stages = result.stages()
    assert stages["fetch"] == {"seconds": 0.006, "mean_ms": 1.5, "share": 0.375}
    assert stages["infer"] == {"seconds": 0.0, "mean_ms": 0.0, "share": 0.0}
    assert sum(stage["share"] for stage in stages.values()) == pytest.approx(1)


def test_no_row_is_no_time():
    assert all(not any(stage.values()) for stage in RunSummary("out", 0).stages().values())

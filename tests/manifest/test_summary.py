"""The counter of manifest rows, and the summary of a run."""

import pyarrow as pa
import pytest

from deepcrop.manifest.summary import EXAMPLES, RowCounts, RunSummary
from deepcrop.schema import IMAGES

FAILED = {"status": "failed", "error_stage": "decode", "error_class": "Corrupt", "variants": []}


def table(*rows):
    return pa.Table.from_pylist([{"flags": []} | row for row in rows], schema=IMAGES)


def test_stages_add_up_over_rows_and_runs():
    rows = table(
        {"status": "ok", "variants": [], "fetch_ms": 1.0, "decode_ms": 2.0, "render_ms": 3.0},
        FAILED | {"fetch_ms": 2.0},
    )
    stages = RowCounts.total([rows, rows]).stages()
    assert stages["fetch"] == {"seconds": 0.006, "mean_ms": 1.5, "share": 0.375}
    assert stages["infer"] == {"seconds": 0.0, "mean_ms": 0.0, "share": 0.0}
    assert sum(stage["share"] for stage in stages.values()) == pytest.approx(1)


def test_no_row_is_no_time():
    assert all(not any(stage.values()) for stage in RowCounts().stages().values())


def test_bytes_and_retries_leave_out_duplicates_which_are_not_read():
    original = {"status": "ok", "source_bytes": 100, "attempts": 3, "flags": ["head-cut"]}
    duplicate = {"status": "skipped", "source_bytes": 100, "attempts": 1, "duplicate_of": "/a"}
    variants = [{"bytes": 10}, {"bytes": 20}]
    counts = RowCounts.of(table(original | {"variants": variants}, duplicate | {"variants": []}))
    assert (counts.ok, counts.failed, counts.skipped, counts.done) == (1, 0, 1, 2)
    assert (counts.source_bytes, counts.fetched_bytes, counts.variant_bytes) == (200, 100, 30)
    assert (counts.variants, counts.retries, counts.flags) == (2, 2, {"head-cut": 1})


def test_failures_are_grouped_by_stage_and_class_with_the_first_examples():
    rows = [
        FAILED | {"source_uri": f"/{n}", "error_message": f"{n}", "retryable": n > 0}
        for n in range(4)
    ]
    other = FAILED | {"source_uri": "/x", "error_stage": "fetch", "error_class": "NotFound"}
    counts = RowCounts.total([table(other), table(*rows), table(*rows)])
    (key, corrupt), (rare, _) = counts.frequent_failures()
    assert key == ("decode", "Corrupt") and rare == ("fetch", "NotFound")
    assert corrupt.count == 8 and not corrupt.retryable and len(corrupt.examples) == EXAMPLES
    assert corrupt.examples[:2] == [("/0", "0"), ("/1", "1")]
    assert counts.errors() == {"NotFound": 1, "Corrupt": 8}


def test_the_summary_of_a_run_says_what_is_left_and_keeps_the_keys_of_its_record():
    summary = RunSummary("out", 4, ignored_kinds={"other files": 2, "repeated": 1})
    summary.counts.add(RowCounts.of(table(FAILED, {"status": "ok", "variants": []})))
    assert (summary.done, summary.pending, summary.ignored) == (2, 2, 3)
    assert summary.exceeds(None) and summary.exceeds(0.2) and not summary.exceeds(0.25)
    assert list(summary.record()) == [
        *("sources", "ok", "failed", "skipped", "variants", "ignored", "resumed", "passes"),
        *("seconds", "listing_seconds", "stopped", "errors", "changes", "absent", "pruned"),
        *("taken_over", "compacted", "variant_bytes"),
    ]

"""What the page says of a job as a whole."""

import pyarrow as pa
import pytest

from deepcrop.errors import RequestError
from deepcrop.manifest.store import COMMITTED
from deepcrop.planning.prices import Prices
from deepcrop.report.statistics import MAX_POINTS, SCORE_BINS, Cost, JobStatistics
from deepcrop.tables import images_table
from tests.report.synthetic import preset_variant, row


def part(rows, committed=None):
    table = images_table(rows, pa.schema([]))
    return table.replace_schema_metadata({COMMITTED: str(committed)} if committed else {})


def ok(name, **fields):
    return row("/out", f"/in/{name}.jpg", **fields)


def failed(name, error):
    return row("/out", f"/in/{name}.jpg", error=("decode", error, f"{name} is broken"))


def test_counts_times_and_scores_add_up():
    rows = [ok("a", scores={"1x1": 0.99, "16x9": 1.0}), ok("b"), failed("c", "Corrupt")]
    statistics = JobStatistics.of([part(rows)], started=0.0)
    counts = statistics.counts
    assert (counts.ok, counts.failed, counts.done) == (2, 1, 3)
    assert counts.variants == 4 and counts.variant_bytes == 4000
    assert counts.source_bytes == 150_000 and counts.milliseconds["infer"] == pytest.approx(24)
    assert statistics.scores["1x1"] == [0] * 10 + [1] + [0] * 8 + [1]
    assert sum(statistics.scores["16x9"]) == 2 and len(statistics.scores["16x9"]) == SCORE_BINS


def test_failures_are_grouped_by_class_the_largest_first_with_a_few_examples():
    rows = [failed(f"t{index}", "Corrupt") for index in range(7)] + [failed("x", "TooLarge")]
    groups = JobStatistics.of([part(rows)], started=0.0).counts.frequent_failures()
    assert [(name, each.count) for (_, name), each in groups] == [("Corrupt", 7), ("TooLarge", 1)]
    assert (
        groups[0][1].examples[0] == ("/in/t0.jpg", "t0 is broken")
        and len(groups[0][1].examples) == 5
    )


def test_pace_is_rows_between_commits_and_leaves_out_the_pause_before_the_last_run():
    parts = [part([ok("a")] * 10, 105), part([ok("b")] * 20, 110), part([ok("c")] * 30, 1010)]
    statistics = JobStatistics.of(parts[:2], started=100.0)
    assert statistics.throughput == [(5, 2), (10, 4)] and statistics.rate == 3
    # Resumed at 1000: the first part's beginning is not known any more, and counts for nothing.
    assert JobStatistics.of(parts, started=1000.0).throughput == [(5, 4), (15, 3)]


def test_a_long_job_has_a_plot_of_few_points_and_the_same_rate():
    parts = [part([ok("a")] * 2, 1000 + 4 * index) for index in range(1, 500)]
    statistics = JobStatistics.of(parts, started=1000.0)
    assert len(statistics.throughput) <= MAX_POINTS and statistics.throughput[-1][0] == 4 * 499
    assert {rate for _, rate in statistics.throughput} == {0.5}


def test_a_manifest_without_times_or_rows_has_no_pace():
    assert JobStatistics.of([part([ok("a")])], started=0.0).throughput == []
    empty = JobStatistics.of([], started=0.0)
    assert empty.counts.done == 0 and empty.rate is None and not empty.counts.failures


def test_the_cost_is_that_of_the_machines_while_it_ran_and_of_the_requests():
    prices = Prices.model_validate(
        {
            "source": "made up",
            "date": "today",
            "machines": {"big": {"cpus": 16, "hour": 3.6}},
            "requests": {"read": 0.1, "write": 1.0},
            "storage_month": 0.0,
        }
    )
    statistics = JobStatistics.of([part([ok("a")] * 100, 1100)], started=1000.0)
    cost = Cost.of(statistics, prices, "big", 2)
    assert cost.machines == "2 x big"
    assert cost.dollars == pytest.approx(100 * 2 * 0.001 + 100 * 0.0001 + 200 * 0.001)
    with pytest.raises(RequestError, match="one of: big"):
        Cost.of(statistics, prices, "small", 1)


def test_scores_count_a_photo_and_ratio_once_whatever_its_files():
    made = ok("a", scores={"1x1": 0.32, "16x9": 0.92})
    square, wide = made["variants"]
    files = [
        preset_variant(square, "card", width, format=each)
        for width in (100, 200)
        for each in ("webp", "jpeg")
    ]
    padded = preset_variant(wide, "tile", 100, fit="pad")
    made["variants"] = [*files, preset_variant(square, "late", 100), padded]
    statistics = JobStatistics.of([part([made, ok("b", scores={"1x1": 0.32})])], started=0.0)
    assert statistics.scores == {"1x1": [0] * 6 + [2] + [0] * 13}
    assert statistics.counts.variants == 7

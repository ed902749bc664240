"""The metrics of a running job for Prometheus, exported by Ray and counted by the driver.

The driver alone counts, from the rows that it commits, so no image counts twice whatever dies
meanwhile. Each node's Ray exports them, with ``ray_`` before the name and ``_total`` after a
counter's; the memory of GPUs and the queues between actors are among Ray's own metrics.
``cluster/dashboard.json`` shows them all.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from ray.util.metrics import Counter, Gauge, Histogram

from ..manifest.summary import RowCounts
from ..schema import STAGES

SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
"""Bounds of the histograms' buckets."""


class Telemetry:
    """The metrics of one run."""

    def __init__(self, method: str) -> None:
        """Register the metrics; their label ``method`` is the job's."""
        self.method = {"method": method}
        self.images = Counter(
            "deepcrop_images",
            "Sources with a row, by status and the stage at which they failed.",
            ("method", "status", "stage"),
        )
        self.errors = Counter("deepcrop_errors", "Failed sources.", ("method", "error"))
        self.retries = Counter("deepcrop_retries", "Tries beyond each source's first.", ("method",))
        self.variants = Counter("deepcrop_variants", "Variants written.", ("method",))
        self.bytes_in = Counter("deepcrop_source_bytes", "Bytes of sources read.", ("method",))
        self.bytes_out = Counter("deepcrop_variant_bytes", "Bytes of variants.", ("method",))
        self.seconds = Histogram(
            "deepcrop_stage_seconds",
            "Seconds that a source spent at a stage.",
            SECONDS,
            ("method", "stage"),
        )
        self.pending = Gauge("deepcrop_waiting", "Sources that have no row yet.", ("method",))

    def set_pending(self, sources: int) -> None:
        """Set the number of sources that have no row yet."""
        self.pending.set(sources, self.method)

    def count(self, counts: RowCounts, rows: pa.Table) -> None:
        """Add rows of the images manifest to the metrics; each row is given once.

        Args:
            counts: the counts of the rows.
            rows: the rows, whose times go into the histograms.
        """
        for status in ("ok", "skipped"):
            self._add(self.images, counts.statuses[status], status=status, stage="")
        for (stage, error), group in counts.failures.items():
            self._add(self.images, group.count, status="failed", stage=stage)
            self._add(self.errors, group.count, error=error)
        self._add(self.variants, counts.variants)
        self._add(self.bytes_out, counts.variant_bytes)
        self._add(self.bytes_in, counts.fetched_bytes)
        self._add(self.retries, counts.retries)
        processed = rows.filter(pc.is_null(rows["duplicate_of"]))
        for stage in STAGES:
            for milliseconds in pc.drop_null(processed[f"{stage}_ms"]).to_pylist():
                self.seconds.observe(milliseconds / 1000, self.method | {"stage": stage})

    def _add(self, counter: Counter, number: int, **labels: str) -> None:
        if number > 0:  # a counter refuses zero
            counter.inc(number, self.method | labels)

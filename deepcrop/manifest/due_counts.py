"""The counts of what is due: sources, variants to make and looks of the method, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..job import Job
from ..recipes import Recipes
from .changes import ADDED, NEW, UPDATED, Changes, Work


class DueCounts:
    """Counts sources that are worked on in what a run found to do."""

    def __init__(self, job: Job, recipes: Recipes, changes: Changes) -> None:
        """Take what is wanted, and where to count it."""
        self.job, self.recipes, self.changes = job, recipes, changes

    def add_new(self, count: int, size: int) -> None:
        """Count sources that have no row.

        Args:
            count: of them.
            size: their bytes.
        """
        self._add(NEW, count, size)

    def add(
        self,
        rows: pa.Table,
        sizes: NDArray[np.int64],
        due: NDArray[np.int64],
        reasons: Mapping[str, NDArray[np.bool_]],
    ) -> None:
        """Count sources that have rows, by the first reason that applies.

        Args:
            rows: the columns ``rendering_recipes`` and ``variants`` of some rows.
            sizes: bytes of their sources.
            due: indices of those that are worked on.
            reasons: which of the rows each reason applies to.
        """
        left = np.zeros(rows.num_rows, bool)
        left[due] = True
        for reason, mask in reasons.items():
            mine = left & mask
            left &= ~mask
            count, total = int(mine.sum()), int(sizes[mine].sum())
            if count and reason == ADDED:
                self._add_lacking(rows.filter(pa.array(mine)), total)
            elif count:
                self._add(reason, count, total)
        self.changes.work[UPDATED].sources += int(left.sum())

    def _add(self, reason: str, count: int, size: int) -> None:
        requests = len(self.job.requests)
        self.changes.work[reason].add(Work(count, requests * count, count, size))
        self._add_names(range(requests), count)

    def _add_lacking(self, rows: pa.Table, size: int) -> None:
        """Count the variants that rows lack.

        Which boxes are known stands in whole rows. By the ratios of the variants that a row has,
        which are read anyway, it is told well enough.
        """
        work = Work(rows.num_rows, 0, 0, size)
        had: list[list[str] | None] = [None] * rows.num_rows
        if "rendering_recipes" in rows.column_names:
            had = rows["rendering_recipes"].to_pylist()
        names = [
            {each["aspect"] for each in variants or ()} for variants in rows["variants"].to_pylist()
        ]
        missing: Counter[int] = Counter()
        spare = {ratio.slug for ratio in self.recipes.spare_ratios}
        for considered, made in zip(had, names, strict=True):
            lacks = [
                index
                for index, rendering in enumerate(self.recipes.renderings)
                if not any(entry.startswith(rendering) for entry in considered or ())
            ]
            missing.update(lacks)
            known = {_ratio_of(name) for name in made} | spare
            aspects = {self.job.requests[index].aspect.slug for index in lacks}
            work.passes += bool(aspects - known) or self.job.kind == "retarget"
        work.variants = missing.total()
        for index, count in missing.items():
            self._add_names([index], count)
        self.changes.work[ADDED].add(work)

    def _add_names(self, requests: Sequence[int] | range, count: int) -> None:
        if count:
            for index in requests:
                self.changes.aspects[self.job.requests[index].slug] += count


def _ratio_of(name: str) -> str:
    """Return the name of the ratio of a variant."""
    if not name.endswith("px"):
        return name
    width, height = map(int, name.removesuffix("px").split("x"))
    divisor = int(np.gcd(width, height))
    return f"{width // divisor}x{height // divisor}"

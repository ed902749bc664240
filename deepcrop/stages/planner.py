"""What the stages have to do for a source, compared with the row that it has."""

from __future__ import annotations

from ..geometry import Size
from ..job import Job
from ..manifest.reuse import focal_of, nothing_known, reusable
from ..recipes import Recipes
from ..schema import SAME_SOURCE
from .item import ImageTask


class Planner:
    """Decides, source by source, what is kept of its earlier variants and what is made."""

    def __init__(self, job: Job) -> None:
        """Take the job."""
        self.job = job
        self.recipes = Recipes(job)

    def compare(self, task: ImageTask) -> None:
        """Compare a source with its row, where that was made of the same bytes.

        It is called before a source is fetched, when the store says that the bytes are those of the
        row, and once they were fetched. A source that nothing has to be made of is settled.
        """
        row = task.same
        if task.reuse is not None or row is None or row["status"] not in ("ok", "failed"):
            return
        if row["width"] is None or row["height"] is None:
            return
        size = Size(row["width"], row["height"])
        correction = task.stated.within(size)
        wanted = self.recipes.wanted(task.source, correction, size, row["format"])
        reuse = reusable(row, row["sha256"] or "", wanted, self.job.requests)
        if row["status"] == "failed" and not reuse.kept:
            return
        task.size, task.format, task.orientation = size, row["format"], row["orientation"]
        task.wanted, task.reuse = wanted, reuse
        task.focal = focal_of(row)
        if not any(wanted.needs_method):
            task.focal = correction.about(wanted.names).focal_of_boxes(size)
        task.settled = reuse.is_complete

    def compare_failure(self, task: ImageTask) -> None:
        """Leave a source alone whose bytes can't be decoded, and are those that couldn't before."""
        row = task.same
        if row is not None and row["status"] == "failed" and row["error_stage"] == "decode":
            task.settled = task.fails_again = not task.source.get(SAME_SOURCE)

    def begin_anew(self, task: ImageTask) -> None:
        """Plan all variants of a source that has none to keep; its size is known."""
        if task.reuse is None:
            assert task.size is not None
            task.wanted = self.recipes.wanted(task.source, task.correction, task.size, task.format)
            task.reuse = nothing_known(task.wanted)

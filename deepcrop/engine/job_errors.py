"""Errors in the rows of sources that every further source would meet too: they end the job."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import Refused, Unwritable

JOB_ERRORS = pa.array([Unwritable.__name__, Refused.__name__])
"""Classes of errors that are the job's rather than a source's."""


def split_job_errors(rows: pa.Table) -> tuple[pa.Table, str | None]:
    """Return the rows that can be committed, and the error that ends the job, if there is one.

    A source with such an error hasn't failed: it gets no row, so that the resumed job tries it
    again.

    Args:
        rows: of the images manifest.
    """
    is_job_error = pc.is_in(rows["error_class"], value_set=JOB_ERRORS)
    if not pc.any(is_job_error).as_py():
        return rows, None
    message = rows.filter(is_job_error)["error_message"][0].as_py()
    return rows.filter(pc.invert(is_job_error)), message

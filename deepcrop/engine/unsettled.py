"""Rows that end a job: what one source met, every further source would meet too."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import Refused, Unwritable

GENERAL = pa.array([Unwritable.__name__, Refused.__name__])
"""Classes of errors that every further source would meet too."""


def unsettled(rows: pa.Table) -> tuple[pa.Table, str | None]:
    """Return the rows that can be committed, and what ends the job if there is such a thing.

    A source that met what every further one would meet too hasn't failed: it gets no row, so that
    the resumed job tries it again.
    """
    general = pc.is_in(rows["error_class"], value_set=GENERAL)
    if not pc.any(general).as_py():
        return rows, None
    return rows.filter(pc.invert(general)), rows.filter(general)["error_message"][0].as_py()

"""The listing of a job: what is there, which of it the job wants, and what earlier runs knew.

Made in a process of its own, which ends then: sorting and comparing all names takes several times
the memory of the listing itself.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ..storage import Storage
from .duplicates import mark
from .job import Job
from .source import Listing, list_sources, select


def make_listing(job: Job, storage: Storage, known: pa.Table | None) -> Listing:
    """List a job's sources.

    Args:
        job: says where they are, and which are wanted.
        storage: the store that they lie in.
        known: the listing of an earlier run; its sources stay, and keep their keys.

    Raises:
        RequestError: there is nothing there, or it can't be read.
    """
    listing = list_sources(job.input, storage, known)
    table = select(listing.table, job.limit, job.sample)
    if job.dedupe:
        table = mark(table, known, storage)
    if known is not None:
        gone = pc.invert(pc.is_in(known["source_id"], value_set=table["source_id"]))
        table = pa.concat_tables([table, known.filter(gone)], promote_options="permissive")
    return Listing(table, listing.ignored)

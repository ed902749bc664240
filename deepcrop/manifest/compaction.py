"""Compaction: small parts, as daily runs leave them, are merged.

The merged part is written under a name that says which parts it replaces (:mod:`.parts`); from then
on only it counts. The parts that it was made of are copied to the history before, so that a reader
that has listed them can still read them, and removed after. A driver that is killed in between
leaves both, and the next one removes what doesn't count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from .history import History
from .parts import Part
from .store import COMMITTED, Manifest, committed

SMALL_ROWS = 1000
"""Rows of parts that are merged, less than."""
MERGED_ROWS = 2000
"""Rows of a merged part at most."""
FEWEST = 8
"""Small parts side by side that are merged, at least."""


def compact(manifest: Manifest, history: History, rows: Mapping[int, int]) -> int:
    """Merge small parts of earlier runs; return how many parts there are less.

    Those of the last run stay: the page tells its pace by them.

    Args:
        manifest: the manifest, which this process alone writes.
        history: its history.
        rows: the number of rows of each part that was there before this run.
    """
    before = len(manifest.parts)
    for group in _groups(manifest.parts, rows):
        _merge(manifest, history, group)
    return before - len(manifest.parts)


def _groups(parts: Sequence[int], rows: Mapping[int, int]) -> Iterator[list[int]]:
    """Yield the numbers of parts that are merged into one."""
    group: list[int] = []
    total = 0
    for number in [*parts, None]:
        count = SMALL_ROWS if number is None else rows.get(number, SMALL_ROWS)
        if number is None or count >= SMALL_ROWS or total + count > MERGED_ROWS:
            if len(group) >= FEWEST:
                yield group
            group, total = [], 0
        if number is not None and count < SMALL_ROWS:
            group.append(number)
            total += count


def _merge(manifest: Manifest, history: History, numbers: Sequence[int]) -> None:
    parts = [manifest.part(number) for number in numbers]
    tables = [manifest.read(number) for number in numbers]
    merged = Part(parts[0].first, parts[-1].last)
    whole = pa.concat_tables(tables, promote_options="permissive")
    times = [time for table in tables if (time := committed(table)) is not None]
    if times:  # the first, so that the pace of a job is that of its own rows
        whole = whole.replace_schema_metadata({COMMITTED: repr(times[0]).encode()})
    history.preserve(parts, for_readers=True)
    manifest.write_variants(merged, whole)
    manifest.put(manifest.uri_of(merged), whole)
    kept = [manifest.part(each) for each in manifest.parts if each not in set(numbers)]
    manifest.take_parts(sorted([*kept, merged]))
    manifest.delete_parts(set(parts))
    manifest.delete_variants_parts(set(parts))

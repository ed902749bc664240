"""The index gives back the rows of the listing, a window at a time."""

import pickle

import numpy
import pyarrow as pa
import pytest

from deepcrop import tables
from deepcrop.schema import SOURCES
from deepcrop.sources import index
from deepcrop.sources.index import ParquetListing, SourceIndex, to_parquet


def listing(count: int) -> pa.Table:
    rows = {name: [None] * count for name in SOURCES.names}
    rows["source_id"] = [number * 7 - 50 for number in range(count)]
    rows["source_uri"] = [f"/in/{number}.jpg" for number in range(count)]
    rows["duplicate_of"] = [None if number % 3 else "/in/0.jpg" for number in range(count)]
    return pa.table(rows, schema=SOURCES).append_column("who", pa.array(["Ann"] * count))


def indexed(table: pa.Table) -> SourceIndex:
    return SourceIndex(ParquetListing(to_parquet(table)))


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 200])
def test_windows_hold_the_wanted_rows_in_their_order(monkeypatch, count):
    monkeypatch.setattr(index, "WINDOW_ROWS", 32)
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 4)
    table = listing(count)
    sources = indexed(table)
    assert len(sources) == count
    assert sources.is_duplicate.tolist() == [not number % 3 for number in range(count)]
    for mask in (numpy.ones(count, bool), ~sources.is_duplicate, numpy.arange(count) % 50 == 9):
        windows = [*sources.tables(mask)]
        assert all(0 < each.num_rows <= 32 for each in windows)
        expected = table.filter(pa.array(mask))
        assert pa.concat_tables([table.slice(0, 0), *windows]).equals(expected)


def test_rows_are_taken_by_their_index(monkeypatch):
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 4)
    table = listing(50)
    copy = pickle.loads(pickle.dumps(ParquetListing(to_parquet(table))))
    for rows in ([], [0], [49], [3, 4], [0, 7, 8, 9, 30, 49], [*range(50)]):
        expected = table.take(pa.array(rows, pa.int64()))
        assert copy.take(numpy.array(rows, numpy.int64)).equals(expected)


def test_sources_are_found_by_their_ids():
    order = numpy.random.default_rng(3).permutation(50)
    ids = listing(50).take(pa.array(order))["source_id"].to_numpy()
    sources = indexed(listing(50).take(pa.array(order)))
    assert sources.rows(ids).tolist() == [*range(50)]
    assert sources.rows(ids[[9, 0, 9]]).tolist() == [9, 0, 9]
    # Rows of sources that are listed no more: below, between and above those that are.
    others = numpy.array([-(2**63), ids[7], 1, 2**63 - 1, ids[3]])
    assert sources.rows(others).tolist() == [7, 3]
    assert len(sources.rows(numpy.empty(0, numpy.int64))) == 0
    assert len(indexed(listing(0)).rows(ids)) == 0


def test_ids_do_not_keep_their_table():
    before = pa.total_allocated_bytes()
    ids = index.source_ids(listing(10_000))
    assert len(ids) == 10_000 and pa.total_allocated_bytes() == before


def test_blocks_hold_all_row_indices_in_their_order():
    blocks = index.index_blocks(numpy.arange(5, 55), 16)
    assert [each.num_rows for each in blocks] == [16, 16, 16, 2]
    assert pa.concat_tables(blocks)["row_index"].to_pylist() == [*range(5, 55)]

"""The shelf gives back what was put there, a window at a time."""

import pickle

import numpy
import pyarrow as pa
import pytest

from deepcrop import tables
from deepcrop.schema import SOURCES as SCHEMA
from deepcrop.sources import index as shelf
from deepcrop.sources.corrections import CORRECTIONS_COLUMN, Corrections
from deepcrop.sources.index import Packed, Shelf, pack


def listing(count: int) -> pa.Table:
    rows = {name: [None] * count for name in SCHEMA.names}
    rows["source_id"] = [number * 7 - 50 for number in range(count)]
    rows["source_uri"] = [f"/in/{number}.jpg" for number in range(count)]
    rows["duplicate_of"] = [None if number % 3 else "/in/0.jpg" for number in range(count)]
    return pa.table(rows, schema=SCHEMA).append_column("who", pa.array(["Ann"] * count))


def shelve(table: pa.Table) -> Shelf:
    return Shelf(Packed(pack(table), lambda rows: rows))


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 200])
def test_windows_hold_the_wanted_rows_in_their_order(monkeypatch, count):
    monkeypatch.setattr(shelf, "WINDOW", 32)
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 4)
    table = listing(count)
    shelved = shelve(table)
    assert len(shelved) == count
    assert shelved.copies.tolist() == [not number % 3 for number in range(count)]
    for wanted in (numpy.ones(count, bool), ~shelved.copies, numpy.arange(count) % 50 == 9):
        windows = [*shelved.tables(wanted)]
        assert all(0 < each.num_rows <= 32 for each in windows)
        expected = table.filter(pa.array(wanted))
        assert pa.concat_tables([table.slice(0, 0), *windows]).equals(expected)


def test_rows_are_taken_by_their_places(monkeypatch):
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 4)
    table = listing(50)
    packed = pickle.loads(pickle.dumps(Packed(pack(table), Corrections.none().attach)))
    for places in ([], [0], [49], [3, 4], [0, 7, 8, 9, 30, 49], [*range(50)]):
        rows = packed.take(numpy.array(places, numpy.int64))
        assert rows.equals(Corrections.none().attach(table.take(pa.array(places, pa.int64()))))


def test_sources_are_found_by_their_ids():
    order = numpy.random.default_rng(3).permutation(50)
    ids = listing(50).take(pa.array(order))["source_id"].to_numpy()
    shelved = shelve(listing(50).take(pa.array(order)))
    assert shelved.places(ids).tolist() == [*range(50)]
    assert shelved.places(ids[[9, 0, 9]]).tolist() == [9, 0, 9]
    # Rows of sources that are listed no more: below, between and above those that are.
    others = numpy.array([-(2**63), ids[7], 1, 2**63 - 1, ids[3]])
    assert shelved.places(others).tolist() == [7, 3]
    assert len(shelved.places(numpy.empty(0, numpy.int64))) == 0
    assert len(shelve(listing(0)).places(ids)) == 0


def test_what_is_said_of_a_source_is_attached_to_its_row(monkeypatch):
    monkeypatch.setattr(shelf, "WINDOW", 32)
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 4)
    table = listing(50)
    said = [{"source_uri": f"/in/{number}.jpg", "kind": "good"} for number in (3, 44)]
    statements = Corrections(pa.Table.from_pylist(said, schema=Corrections.none().table.schema))
    corrected = Shelf(Packed(pack(table), statements.attach))
    # One of which something is said is nobody's duplicate.
    assert numpy.flatnonzero(corrected.copies).tolist() == [*{*range(0, 50, 3)} - {3}]
    rows = pa.concat_tables(corrected.tables(numpy.ones(50, bool)))
    assert rows.equals(statements.attach(table))
    assert [bool(each) for each in rows[CORRECTIONS_COLUMN].to_pylist()].count(True) == 2


def test_ids_do_not_keep_their_table():
    before = pa.total_allocated_bytes()
    ids = shelf.ids_of(listing(10_000))
    assert len(ids) == 10_000 and pa.total_allocated_bytes() == before


def test_blocks_are_places_as_often_as_they_are_asked_for():
    blocks = shelf.Blocks(numpy.arange(5, 55), 16)
    assert [each.num_rows for each in blocks] == [16, 16, 16, 2] and len(blocks) == 4
    assert pa.concat_tables(blocks)["place"].to_pylist() == [*range(5, 55)]

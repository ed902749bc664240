"""The shelf gives back what was put there, a window at a time."""

import numpy
import pyarrow as pa
import pytest

from deepcrop.pipeline import manifest, shelf
from deepcrop.pipeline.corrections import COLUMN, Corrections
from deepcrop.pipeline.shelf import Shelf, pack
from deepcrop.pipeline.source import SCHEMA


def listing(count: int) -> pa.Table:
    rows = {name: [None] * count for name in SCHEMA.names}
    rows["source_id"] = [number * 7 - 50 for number in range(count)]
    rows["source_uri"] = [f"/in/{number}.jpg" for number in range(count)]
    rows["duplicate_of"] = [None if number % 3 else "/in/0.jpg" for number in range(count)]
    return pa.table(rows, schema=SCHEMA).append_column("who", pa.array(["Ann"] * count))


def shelve(table: pa.Table) -> Shelf:
    return Shelf(pack(table), lambda rows: rows)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 200])
def test_windows_hold_the_wanted_rows_in_their_order(monkeypatch, count):
    monkeypatch.setattr(shelf, "WINDOW", 32)
    monkeypatch.setattr(manifest, "GROUP", 4)
    table = listing(count)
    packed = shelve(table)
    assert packed.ids.tolist() == table["source_id"].to_pylist()
    assert packed.copies.tolist() == [not number % 3 for number in range(count)]
    for wanted in (numpy.ones(count, bool), ~packed.copies, numpy.arange(count) % 50 == 9):
        windows = [*packed.tables(wanted)]
        assert all(0 < each.num_rows <= 32 for each in windows)
        expected = table.filter(pa.array(wanted))
        assert pa.concat_tables([table.slice(0, 0), *windows]).equals(expected)


def test_the_window_grows_with_the_processes(monkeypatch):
    monkeypatch.setattr(shelf, "WINDOW", 32)
    monkeypatch.setattr(shelf, "SHARE", 10)
    monkeypatch.setattr(manifest, "GROUP", 4)
    packed = shelve(listing(200))
    for processes, rows in ((1, 32), (3, 32), (6, 60), (100, 200)):
        windows = packed.tables(numpy.ones(200, bool), processes)
        assert next(windows).num_rows == rows


def test_what_is_said_of_a_source_is_attached_to_its_row(monkeypatch):
    monkeypatch.setattr(shelf, "WINDOW", 32)
    monkeypatch.setattr(manifest, "GROUP", 4)
    table = listing(50)
    said = [{"source_uri": f"/in/{number}.jpg", "kind": "good"} for number in (3, 44)]
    statements = Corrections(pa.Table.from_pylist(said, schema=Corrections.none().table.schema))
    corrected = Shelf(pack(table), statements.attach)
    # One of which something is said is nobody's duplicate.
    assert numpy.flatnonzero(corrected.copies).tolist() == [*{*range(0, 50, 3)} - {3}]
    rows = pa.concat_tables(corrected.tables(numpy.ones(50, bool)))
    assert rows.equals(statements.attach(table))
    assert [bool(each) for each in rows[COLUMN].to_pylist()].count(True) == 2


def test_ids_do_not_keep_their_table():
    before = pa.total_allocated_bytes()
    ids = shelf.ids_of(listing(10_000))
    assert len(ids) == 10_000 and pa.total_allocated_bytes() == before


def test_blocks_are_the_table_as_often_as_they_are_asked_for():
    table = listing(50)
    blocks = shelf.Blocks(table, 16)
    assert [each.num_rows for each in blocks] == [16, 16, 16, 2] and len(blocks) == 4
    assert pa.concat_tables(blocks).equals(table)

"""Manifests whose parts were written by several releases."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from deepcrop import cli
from deepcrop.pipeline.conform import conform
from deepcrop.pipeline.manifest import COMMITTED, IMAGES, images_table
from deepcrop.pipeline.status import read_status
from deepcrop.report.page import build
from tests.report.synthetic import row, write_output


def without_flags(table: pa.Table) -> pa.Table:
    """The same rows as a release wrote them that had no flags."""
    rows = table.drop_columns("flags").to_pylist()
    kind = table.schema.field("variants").type.value_type
    variant = pa.struct([each for each in kind if each.name != "flags"])
    schema = pa.schema([each for each in IMAGES if each.name not in ("flags", "variants")])
    return pa.Table.from_pylist(rows, schema=schema.append(pa.field("variants", pa.list_(variant))))


def test_missing_columns_and_fields_are_empty_and_the_rest_is_as_it_was():
    rows = [row("/out", "/in/a.jpg"), row("/out", "/in/b.jpg", scores={}), row("/out", "/in/c.jpg")]
    table = images_table(
        [{**each, "extra": 1} for each in rows], pa.schema([("extra", pa.int64())])
    )
    old = without_flags(table).append_column("extra", pa.array([1, 1, 1]))
    old = old.replace_schema_metadata({COMMITTED: b"5"})
    now = conform(old, IMAGES)
    assert now.schema.metadata == {COMMITTED: b"5"} and now["flags"].to_pylist() == [[], [], []]
    assert now.select(table.column_names).cast(table.schema).to_pylist() == table.to_pylist()
    assert conform(table, IMAGES) is table


def test_a_part_without_flags_beside_one_with_them_is_read_everywhere(tmp_path, capsys):
    flagged = row(str(tmp_path), "/in/b.jpg", variant_flags={"1x1": ["head-cut"]})
    manifest = write_output(tmp_path, [flagged])
    old = without_flags(images_table([row(str(tmp_path), "/in/a.jpg")], pa.schema([])))
    sink = io.BytesIO()
    pq.write_table(old, sink)
    manifest.storage.write(f"{manifest.images}/part-000001.parquet", sink.getvalue())
    found = read_status(str(tmp_path))
    assert (found.ok, found.variants, found.flags) == (2, 4, {"head-cut": 1})
    assert found.record()["flags"] == {"head-cut": 1}
    assert build(str(tmp_path)).endswith("index.html")
    assert cli._status(["export", str(tmp_path), "--as", "css", "--to", f"{tmp_path}/a.css"]) == 0
    assert cli._status(["status", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "head-cut" in out and "cuts a head" in out

"""One schema in all parts: whatever a list held when, whichever release wrote them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepcrop.cli import app
from deepcrop.manifest.conform import conform
from deepcrop.manifest.status import read_status
from deepcrop.manifest.store import COMMITTED, Manifest
from deepcrop.manifest.verify import audit
from deepcrop.schema import IMAGES, VARIANT, VARIANTS
from deepcrop.sources.discovery import list_sources
from deepcrop.sources.index import passthrough_columns, to_parquet
from deepcrop.stages.item import from_listing, to_table
from deepcrop.storage import Storage
from tests.report.synthetic import BOXES, row, write_output, write_photo

LISTS = [
    "uri,sku,gone\n/in/a.jpg,,g\n",
    "uri,sku,gone\n/in/a.jpg,,g\n/in/b.jpg,00120,\n",
    "uri,more,sku\n/in/a.jpg,,\n/in/c.jpg,x,7\n",
]


def grow(folder, manifest: Manifest) -> None:
    """Add a part for each list, as the runs of a job do whose list grows."""
    known = None
    for text in LISTS:
        (folder / "list.csv").write_text(text)
        table = list_sources(str(folder / "list.csv"), Storage(), known).table
        done = manifest.table(["source_id"])["source_id"] if known is not None else None
        known = table
        manifest.conform(passthrough_columns(to_parquet(table)))
        if done is not None:
            table = table.filter(pa.compute.invert(pa.compute.is_in(table["source_id"], done)))
        carried = passthrough_columns(to_parquet(known))
        manifest.append(to_table(from_listing(table), "center", carried))


WRITTEN = [
    {"source_uri": "/in/a.jpg", "sku": None, "gone": "g", "more": None},
    {"source_uri": "/in/b.jpg", "sku": "00120", "gone": None, "more": None},
    {"source_uri": "/in/c.jpg", "sku": "7", "gone": None, "more": "x"},
]


@pytest.fixture
def grown(tmp_path):
    grow(tmp_path, Manifest(str(tmp_path / "out"), Storage()))
    return tmp_path / "out" / "manifest" / "images"


def test_all_parts_have_the_columns_of_all_lists_in_one_type(grown):
    schemas = [pq.read_schema(path) for path in sorted(grown.iterdir())]
    assert len(schemas) == 3 and all(each.equals(schemas[0]) for each in schemas)
    assert schemas[0].names[len(IMAGES) :] == ["sku", "gone", "more"]
    assert not any(pa.types.is_null(kind) for kind in schemas[0].types)


def test_readers_open_the_folder_whatever_came_later(grown, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets
    import duckdb
    import pandas
    import polars

    names = list(WRITTEN[0])
    every = f"{grown}/*.parquet"
    rows = duckdb.sql(f"select {', '.join(names)} from '{every}' order by 1").fetchall()
    assert [dict(zip(names, each, strict=True)) for each in rows] == WRITTEN
    assert polars.read_parquet(every).select(names).sort("source_uri").to_dicts() == WRITTEN
    frame = pandas.read_parquet(grown)[names].astype(object)
    assert frame.where(frame.notna(), None).to_dict("records") == WRITTEN
    loaded = datasets.load_dataset(
        "parquet", data_files=every, split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded.select_columns(names).to_list() == WRITTEN


def old(table: pa.Table) -> pa.Table:
    """Rows as an earlier release wrote them: without flags, outside and inside of variants."""
    rows = table.to_pylist()
    for each in rows:
        del each["flags"]
        for variant in each["variants"]:
            del variant["flags"]
    nested = pa.struct([each for each in VARIANT if each.name != "flags"])
    fields = [each for each in table.schema if each.name not in ("flags", "variants")]
    schema = pa.schema([*fields, ("variants", pa.list_(nested))], table.schema.metadata)
    return pa.Table.from_pylist(rows, schema=schema)


@pytest.fixture
def older(tmp_path):
    """An output of which an earlier release wrote all."""
    rows = [row(str(tmp_path), f"/in/{name}.jpg") for name in "ab"]
    for variant in (variant for each in rows for variant in each["variants"]):
        x0, y0, x1, y1 = BOXES[variant["aspect"]]
        variant["sha256"] = write_photo(
            path := tmp_path / variant["variant_uri"], (x1 - x0, y1 - y0)
        )
        variant["bytes"] = path.stat().st_size
    rows.append(row(str(tmp_path), "/in/c.jpg", error=("decode", "Corrupt", "broken")))
    manifest = write_output(tmp_path, rows)
    sources = [{name: each[name] for name in ("source_uri", "source_id")} for each in rows]
    manifest.write_listing(to_parquet(pa.Table.from_pylist(sources)))
    images = tmp_path / "manifest/images/part-000000.parquet"
    pq.write_table(old(pq.read_table(images)), images)
    for path in (tmp_path / "manifest/variants").rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None).drop_columns(["flags", "aspect"])
        pq.write_table(table, path)
    return tmp_path


def test_parts_of_an_earlier_release_are_read(older):
    manifest = Manifest(str(older), Storage())
    manifest.load_parts()
    rows = manifest.table()
    assert rows.schema.equals(IMAGES) and COMMITTED in rows.schema.metadata
    assert rows["flags"].to_pylist() == [[], [], []]
    assert [each["flags"] for each in rows["variants"].to_pylist()[0]] == [[], []]
    assert rows["variants"].to_pylist()[2] == []
    assert manifest.table(["status", "flags"]).schema.names == ["status", "flags"]
    assert read_status(str(older)).ok == 2


@pytest.mark.parametrize(
    "command",
    ["status OUT", "verify OUT", "report OUT", "export OUT --as css --to OUT/x.css",
     "export OUT --as xmp --to OUT/xmp", "export OUT --as webdataset --to OUT/shards"],
)  # fmt: skip
def test_commands_take_outputs_of_an_earlier_release(older, command, capsys):
    assert app.exit_status(command.replace("OUT", str(older)).split()) == 0, capsys.readouterr()
    if "verify" in command:
        assert audit(str(older)).clean


def test_a_rewritten_part_of_an_earlier_release_is_whole(older):
    manifest = Manifest(str(older), Storage())
    manifest.load_parts()
    before = manifest.table()
    manifest.conform(pa.schema([]))
    assert pq.read_schema(older / "manifest/images/part-000000.parquet").equals(IMAGES)
    after = manifest.table()
    assert after.equals(before) and after.schema.metadata == before.schema.metadata
    squares = pq.read_table(
        older / "manifest/variants/aspect=1x1/part-000000.parquet", partitioning=None
    )
    assert squares.schema.equals(VARIANTS) and squares["aspect"].to_pylist() == ["1x1"] * 2


def test_structs_in_lists_keep_what_is_missing_where():
    kind = pa.list_(pa.struct([("x", pa.int32()), ("tags", pa.list_(pa.string()))]))
    values = [[{"x": 1}, None], None, [], [{"x": None}]]
    array = pa.array(values, pa.list_(pa.struct([("x", pa.int64())])))
    field = pa.field("a", kind)
    whole = [[{"x": 1, "tags": []}, None], None, [], [{"x": None, "tags": []}]]
    for start in range(4):
        table = conform(pa.table({"b": range(4 - start), "a": array.slice(start)}), [field])
        assert table.schema.names == ["a", "b"] and table.schema.field("a").type == kind
        assert table["a"].to_pylist() == whole[start:]
        table.validate(full=True)
    assert conform(pa.table({"a": pa.nulls(2)}), [field])["a"].to_pylist() == [None, None]

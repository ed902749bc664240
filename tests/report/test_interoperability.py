"""What a job leaves opens in the programs that people have."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.report.synthetic import write_five


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job of five sources, one failed, with its variants."""
    return write_five(tmp_path_factory.mktemp("job"))


def test_duckdb(output):
    import duckdb

    images, variants = f"{output}/manifest/images", f"{output}/manifest/variants"
    counts = duckdb.sql(
        f"select status, count(*) from '{images}/*.parquet' group by 1 order by 1"
    ).fetchall()
    assert counts == [("failed", 1), ("ok", 4)]
    # The aspect is the partition's, and a column of each file.
    joined = duckdb.sql(
        f"""select aspect, count(*), min(width / height), any_value(focal_x)
        from read_parquet('{variants}/*/*.parquet', hive_partitioning=true) as variants
        join (select source_id, focal_x from '{images}/*.parquet') using (source_id)
        group by aspect order by aspect"""
    ).fetchall()
    assert [(each[0], each[1], each[3]) for each in joined] == [("16x9", 4, 0.25), ("1x1", 4, 0.25)]
    nested = duckdb.sql(
        f"select unnest(variants, recursive := true) from '{images}/*.parquet'"
    ).fetchall()
    assert len(nested) == 8


def test_pandas(output):
    import pandas

    images = pandas.read_parquet(output / "manifest" / "images")
    assert sorted(images["status"]) == ["failed", "ok", "ok", "ok", "ok"]
    assert images["variants"][0][0]["aspect"] == "1x1"
    variants = pandas.read_parquet(output / "manifest" / "variants")
    assert variants.groupby("aspect", observed=True)["score"].mean().to_dict() == {
        "16x9": 0.75, "1x1": 0.5,
    }  # fmt: skip


def test_polars(output):
    import polars

    images = polars.read_parquet(output / "manifest" / "images" / "*.parquet")
    exploded = images.explode("variants").unnest("variants", separator=".")
    assert exploded.filter(polars.col("status") == "ok").height == 8
    variants = polars.scan_parquet(output / "manifest" / "variants", hive_partitioning=True)
    squares = variants.filter(polars.col("aspect") == "1x1").collect()
    assert squares.height == 4 and squares["x1"].to_list() == [250] * 4


def test_hugging_face_datasets(output, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    images = datasets.load_dataset(
        "parquet",
        data_files=f"{output}/manifest/images/*.parquet",
        split="train",
        cache_dir=str(tmp_path),
    )
    assert images.num_rows == 5 and images[0]["variants"][0]["aspect"] == "1x1"


COUNTS = {"1x1": 4, "16x9": 4}


def _aspects(values) -> dict[str, int]:
    return dict(Counter(map(str, values)))


@pytest.mark.parametrize("hive", [True, False])
def test_duckdb_reads_the_aspect_with_and_without_partitions(output, hive):
    import duckdb

    files = f"{output}/manifest/variants/*/*.parquet"
    for source in (f"read_parquet('{files}', hive_partitioning={hive})", f"'{files}'"):
        assert _aspects(duckdb.sql(f"select aspect from {source}").fetchnumpy()["aspect"]) == COUNTS
        [[squares]] = duckdb.sql(f"select count(*) from {source} where aspect = '1x1'").fetchall()
        assert squares == 4


def test_pyarrow_reads_the_aspect_with_and_without_partitions(output):
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    folder = f"{output}/manifest/variants"
    # Both of them take a folder's name for a dictionary; `partitioning="hive"` of a dataset takes
    # it for text, and refuses any column of another type: there is no need for it.
    dictionaries = ds.HivePartitioning.discover(infer_dictionary=True)
    for table in (
        pq.read_table(folder),
        pq.read_table(folder, partitioning=None),
        ds.dataset(folder).to_table(),
        ds.dataset(folder, partitioning=dictionaries).to_table(),
    ):
        assert _aspects(table["aspect"].to_pylist()) == COUNTS
    squares = ds.field("aspect") == "1x1"
    for partitioning in (None, dictionaries):
        found = ds.dataset(folder, partitioning=partitioning).to_table(filter=squares)
        assert found["x1"].to_pylist() == [250] * 4


def test_pandas_reads_the_aspect_with_and_without_partitions(output):
    import pandas

    folder = output / "manifest" / "variants"
    parts = [pandas.read_parquet(path) for path in sorted(folder.rglob("*.parquet"))]
    plain = pandas.read_parquet(folder, partitioning=None)
    for frame in (pandas.read_parquet(folder), plain, pandas.concat(parts)):
        assert _aspects(frame["aspect"]) == COUNTS
    assert len(pandas.read_parquet(folder, filters=[("aspect", "==", "1x1")])) == 4


@pytest.mark.parametrize("hive", [True, False])
def test_polars_reads_the_aspect_with_and_without_partitions(output, hive):
    import polars

    for files in ("manifest/variants/*/*.parquet", "manifest/variants"):
        frame = polars.read_parquet(output / files, hive_partitioning=hive)
        assert _aspects(frame["aspect"]) == COUNTS
        lazy = polars.scan_parquet(output / files, hive_partitioning=hive)
        assert lazy.filter(polars.col("aspect") == "1x1").collect()["x1"].to_list() == [250] * 4


def test_datasets_reads_the_aspect(output, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    files = f"{output}/manifest/variants/*/*.parquet"
    variants = datasets.load_dataset(
        "parquet", data_files=files, split="train", cache_dir=str(tmp_path)
    )
    assert _aspects(variants["aspect"]) == COUNTS


def test_a_list_from_img2dataset_is_an_input(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet

    from deepcrop.sources.discovery import list_sources
    from deepcrop.storage import Storage

    columns = {"url": ["https://x.org/b.jpg"], "caption": ["a bee"], "key": ["000000000"]}
    table = pa.table(columns | {"status": ["success"], "width": [640]})
    pyarrow.parquet.write_table(table, tmp_path / "00000.parquet")
    [listed] = list_sources(str(tmp_path / "00000.parquet"), Storage()).table.to_pylist()
    assert listed["source_uri"] == "https://x.org/b.jpg" and listed["caption"] == "a bee"
    assert listed["input_status"] == "success" and listed["input_width"] == 640

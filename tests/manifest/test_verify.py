"""The audit names every fault, and finds parts that readers can't open together."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from deepcrop.cli.app import app
from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verification import WORDS, Audit
from deepcrop.manifest.verify import audit
from deepcrop.schema import IMAGES
from deepcrop.sources.index import to_parquet
from deepcrop.storage import Storage
from deepcrop.tables import images_table
from tests.report.synthetic import BOXES, row, write_output, write_photo

CARRIED = pa.schema([("sku", pa.string())])


def whole_row(folder: Path, name: str, **fields) -> dict:
    """A row whose variants are there."""
    made = row(str(folder), f"/in/{name}.jpg", **fields)
    for variant in made["variants"]:
        x0, y0, x1, y1 = BOXES[variant["aspect"]]
        variant["sha256"] = write_photo(path := Path(variant["variant_uri"]), (x1 - x0, y1 - y0))
        variant["bytes"] = path.stat().st_size
    return made


@pytest.fixture
def out(tmp_path) -> Path:
    """A sound output of three parts, two sources each, with a carried column."""
    parts = [[whole_row(tmp_path, f"{number}{name}") for name in "ab"] for number in range(3)]
    manifest = write_output(tmp_path, parts[0])
    manifest.write(0, images_table(parts[0], CARRIED))
    for rows in parts[1:]:
        manifest.append(images_table(rows, CARRIED))
    listed = [
        {name: each[name] for name in ("source_id", "source_uri")}
        for rows in parts
        for each in rows
    ]
    manifest.write_listing(to_parquet(pa.Table.from_pylist(listed)))
    return tmp_path


def image_part(out: Path, number: int) -> Path:
    return out / f"manifest/images/part-{number:06d}.parquet"


def rewrite(path: Path, change) -> None:
    table = pq.ParquetFile(path).read()
    pq.write_table(change(table), path)


def retyped(name: str, kind: pa.DataType):
    def change(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index(name)
        empty = pa.types.is_null(kind)
        return table.set_column(at, name, pa.nulls(len(table)) if empty else table[name].cast(kind))

    return change


def test_a_sound_output_is_clean(out):
    found = audit(str(out))
    assert found.clean and (found.sources, found.rows, found.variants) == (6, 6, 12)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("images/part-000001", retyped("sku", pa.null()), "column 'sku' has type null"),
        ("images/part-000000", retyped("sku", pa.null()), "column 'sku' has type null"),
        ("images/part-000001", retyped("sku", pa.large_string()),
         "column 'sku' is large_string, and string in part-000000.parquet"),
        ("images/part-000002", lambda table: table.drop_columns("sku"),
         "column 'sku' is missing, which part-000000.parquet has"),
        ("images/part-000002", lambda table: table.append_column("more", table["sku"]),
         "column 'more' is missing in part-000000.parquet"),
        ("images/part-000002",
         lambda table: table.append_column("more", pa.array([[], []], pa.list_(pa.null()))),
         "column 'more' has type list<"),
        ("variants/aspect=1x1/part-000002", retyped("x0", pa.int64()),
         "column 'x0' is int64, and int32 in part-000000.parquet"),
        ("variants/aspect=16x9/part-000000", retyped("score", pa.float64()),
         "column 'score' is float"),
        ("sources/listing",
         lambda table: table.append_column("sku", pa.nulls(6)), "column 'sku' has type null"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_together_are_found(out, file, change, said):
    rewrite(out / f"manifest/{file}.parquet", change)
    found = audit(str(out))
    names = {name for name, uris in found.problems().items() if uris}
    assert names == {"unreadable"}, found
    assert any(said in each for each in found.unreadable)
    # All else is still counted.
    assert (found.sources, found.rows, found.variants) == (6, 6, 12)


def test_what_is_found_is_what_readers_refuse(out):
    import duckdb
    import polars

    images = f"{out}/manifest/images/*.parquet"
    for each in (duckdb.read_parquet(images).fetchall(), polars.read_parquet(images)):
        assert len(each) == 6
    rewrite(image_part(out, 0), retyped("sku", pa.null()))
    rewrite(image_part(out, 1), lambda table: filled(retyped("sku", pa.string())(table)))
    with pytest.raises(Exception, match=r"(?i)null|type|mismatch"):
        polars.read_parquet(images)


def filled(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index("sku")
    return table.set_column(at, "sku", pa.array(["00120"] * len(table)))


@pytest.mark.parametrize("keep", [0, 4, 100, 0.5, 0.99])
@pytest.mark.parametrize("file", ["images/part-000001", "variants/aspect=1x1/part-000001"])
def test_a_part_that_is_cut_short_is_found_and_the_rest_is_checked(out, file, keep):
    path = out / f"manifest/{file}.parquet"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if keep < 1 else keep])
    found = audit(str(out))
    assert [each.partition(": ")[0] for each in found.unreadable] == [str(path)]
    if "images" in file:
        assert found.rows == 4 and found.missing_rows == ["/in/1a.jpg", "/in/1b.jpg"]
    else:
        assert found.rows == 6 and len(found.inconsistent) == 2


def test_a_broken_listing_is_found(out):
    path = out / "manifest/sources/listing.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    found = audit(str(out))
    assert str(path) in found.unreadable[0] and found.rows == 6 and not found.missing_rows


def test_every_fault_is_named(out):
    manifest = Manifest(str(out), Storage())
    manifest.load_parts()
    rows = manifest.read(0).to_pylist()
    first = rows[0]["variants"][0]["variant_uri"]
    copies = [
        rows[1] | {"source_uri": f"/in/{name}.jpg", "source_id": number, "variants": []} | fields
        for number, (name, fields) in enumerate([
            ("same", {"duplicate_of": rows[1]["source_uri"]}),
            ("other", {"duplicate_of": rows[1]["source_uri"], "sha256": "0"}),
            ("of none", {"duplicate_of": "/in/none.jpg"}),
        ])
    ]  # fmt: skip
    manifest.append(pa.Table.from_pylist([rows[0], *copies], schema=pa.schema([*IMAGES, *CARRIED])))
    Path(rows[1]["variants"][0]["variant_uri"]).unlink()
    Path(rows[1]["variants"][1]["variant_uri"]).write_bytes(b"<html>")
    write_photo(out / "variants/1x1/stray.jpg")
    found = audit(str(out))
    assert found.duplicated == sorted([rows[0]["source_uri"]] + [
        variant["variant_uri"] for variant in rows[0]["variants"]
    ])  # fmt: skip
    assert first in found.duplicated
    assert found.missing_variants == [rows[1]["variants"][0]["variant_uri"]]
    assert [each.partition(": ")[0] for each in found.mismatched] == [
        rows[1]["variants"][1]["variant_uri"]
    ]
    assert found.orphaned == [f"{out}/variants/1x1/stray.jpg"]
    assert found.inconsistent == ["/in/of none.jpg", "/in/other.jpg"]
    assert not found.unreadable and not found.missing_rows


def test_every_word_is_explained(out):
    assert set(WORDS) == set(Audit().problems())
    path = image_part(out, 1)
    path.write_bytes(b"PAR1")
    said = CliRunner().invoke(app, ["verify", str(out)])
    assert said.exit_code == 1
    for name in ("unreadable", "lost"):
        assert f"\n{name}: {WORDS[name][0]}. To do: {WORDS[name][1]}.\n" in said.stdout
    assert "\nabsent: " not in said.stdout
    text = " ".join(CliRunner().invoke(app, ["verify", "--help"]).stdout.split())
    assert all(f"{name}: " in text for name in WORDS)

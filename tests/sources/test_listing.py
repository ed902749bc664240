"""Listings: what is written down of URIs that carry secrets, and what a resumed job knows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from deepcrop import tables
from deepcrop.schema import SOURCES
from deepcrop.sources.corrections import CORRECTIONS_COLUMN, Corrections
from deepcrop.sources.discovery import list_sources, with_secrets, without_secrets
from deepcrop.sources.index import iter_row_groups, passthrough_columns, to_parquet
from deepcrop.sources.listing import join_corrections
from deepcrop.storage import Storage, strip_credentials

SIGNED = "https://ann:word@media.example/a/{}.jpg?w=800&X-Amz-Signature=0123abc"


@pytest.mark.parametrize(
    ("uri", "written"),
    [
        (
            SIGNED.format(1),
            "https://[redacted]@media.example/a/1.jpg?w=800&X-Amz-Signature=[redacted]",
        ),
        ("https://media.example/x?id=1", "https://media.example/x?id=1"),
        ("s3://bucket/token=abc/user@host", "s3://bucket/token=abc/user@host"),
        ("/media/password=no.jpg", "/media/password=no.jpg"),
    ],
)
def test_only_secrets_are_left_out(uri, written):
    assert strip_credentials(uri) == written


def test_a_listing_is_written_without_secrets_and_read_back_with_them(tmp_path: Path):
    path = tmp_path / "list.txt"
    path.write_text("\n".join([SIGNED.format(1), SIGNED.format(2), "/media/plain.jpg"]))
    listed = list_sources(str(path), Storage()).table
    written = without_secrets(listed)
    assert "0123abc" not in str(written.to_pylist()) and "word" not in str(written.to_pylist())
    assert with_secrets(written, str(path), Storage()).equals(listed)


def test_a_new_signature_makes_no_new_source(tmp_path: Path):
    tables = []
    for signature in ("0123abc", "4567def"):
        path = tmp_path / "list.txt"
        path.write_text(SIGNED.format(1).replace("0123abc", signature))
        tables.append(list_sources(str(path), Storage()).table)
    assert tables[0]["source_id"] == tables[1]["source_id"]
    assert tables[0]["key"] == tables[1]["key"]


def test_corrections_become_a_column_of_the_listing(monkeypatch):
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 4)
    count = 50
    rows = {name: [None] * count for name in SOURCES.names}
    rows["source_uri"] = [f"/in/{number}.jpg" for number in range(count)]
    rows["duplicate_of"] = [None if number % 3 else "/in/0.jpg" for number in range(count)]
    packed = to_parquet(pa.table(rows, schema=SOURCES).append_column("who", pa.nulls(count)))
    assert join_corrections(packed, Corrections.none()) is packed
    statements = [{"source_uri": f"/in/{number}.jpg", "kind": "good"} for number in (3, 44)]
    schema = Corrections.none().table.schema
    corrections = Corrections(pa.Table.from_pylist(statements, schema=schema))
    joined = join_corrections(packed, corrections)
    assert passthrough_columns(joined).names == ["who"]
    table = pa.concat_tables(iter_row_groups(joined))
    column = table[CORRECTIONS_COLUMN].to_pylist()
    assert [number for number, each in enumerate(column) if each] == [3, 44]
    assert [each["kind"] for each in column[3]] == ["good"]
    # A source with a statement of its own is a duplicate no more.
    originals = table.filter(pc.is_null(table["duplicate_of"]))["source_uri"].to_pylist()
    assert originals == [
        f"/in/{number}.jpg" for number in range(count) if number % 3 or number == 3
    ]

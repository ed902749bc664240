"""The manifest's parts, and the audit that finds every kind of fault."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verify import audit
from deepcrop.schema import IMAGES
from deepcrop.schema import SOURCES as SCHEMA
from deepcrop.sources.index import to_parquet
from deepcrop.sources.rows import source_id
from deepcrop.storage import Storage


def row(uri: str, *variants: dict) -> dict:
    return {
        "source_uri": uri,
        "source_id": source_id(uri),
        "status": "ok",
        "variants": list(variants),
        "fingerprint": "f",
    }


def variant(uri: str, aspect: str, **facts) -> dict:
    return {"variant_uri": uri, "aspect": aspect, "x0": 0, "y0": 0, "x1": 5, "y1": 5, **facts}


def table(*rows: dict) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=IMAGES)


@pytest.fixture
def manifest(tmp_path) -> Manifest:
    return Manifest(str(tmp_path), Storage())


def test_a_part_is_committed_by_its_images_file_and_variants_are_derived(manifest, tmp_path):
    manifest.append(table(row("a", variant("va1", "1x1"), variant("va2", "2x1")), row("b")))
    manifest.append(table(row("c", variant("vc1", "1x1"))))
    assert manifest.parts == [0, 1]
    assert manifest.table(["source_uri"])["source_uri"].to_pylist() == ["a", "b", "c"]
    square = pq.read_table(tmp_path / "manifest/variants/aspect=1x1/part-000000.parquet")
    assert square["variant_uri"].to_pylist() == ["va1"]
    assert square["source_uri"].to_pylist() == ["a"] and square["x1"].to_pylist() == [5]


def test_variants_parts_without_their_commit_point_are_swept(manifest, tmp_path):
    manifest.append(table(row("a", variant("va", "1x1"))))
    manifest.append(table(row("b", variant("vb", "1x1"))))
    (tmp_path / "manifest/images/part-000001.parquet").unlink()
    again = Manifest(str(tmp_path), Storage())
    again.open()
    assert again.parts == [0]
    left = [path.name for path in (tmp_path / "manifest/variants").rglob("*.parquet")]
    assert left == ["part-000000.parquet"]
    assert again.append(table(row("b"))) == 1


def test_a_rewritten_part_leaves_no_variants_of_its_old_rows(manifest, tmp_path):
    manifest.append(table(row("a", variant("va", "1x1")), row("b", variant("vb", "3x1"))))
    manifest.write(0, table(row("a", variant("va", "1x1"))))
    left = [str(path.parent.name) for path in (tmp_path / "manifest/variants").rglob("*.parquet")]
    assert left == ["aspect=1x1"]


def _output(tmp_path) -> Manifest:
    """An output of two sources with a real variant each, as a job leaves it."""
    import hashlib

    import numpy

    from deepcrop.image import encode

    manifest = Manifest(str(tmp_path), Storage())
    rows = []
    for name in ("a", "b"):
        data = encode(numpy.full((5, 5, 3), ord(name), numpy.uint8), "png")
        path = tmp_path / "variants" / "1x1" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        facts = {
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "format": "png",
            "width": 5,
            "height": 5,
        }
        rows.append(row(name, variant(str(path), "1x1", **facts)))
    manifest.append(table(*rows))
    sources = [{"source_uri": name, "source_id": source_id(name)} for name in ("a", "b")]
    manifest.write_listing(to_parquet(pa.Table.from_pylist(sources, schema=SCHEMA)))
    (tmp_path / "job.json").write_text(json.dumps({"status": "completed"}))
    return manifest


def test_the_audit_of_a_sound_output_is_clean(tmp_path):
    _output(tmp_path)
    found = audit(str(tmp_path))
    assert found.clean and (found.sources, found.rows, found.variants) == (2, 2, 2)


@pytest.mark.parametrize(
    ("problem", "spoil"),
    [
        ("absent", lambda out, manifest: (out / "variants/1x1/a.png").unlink()),
        ("orphaned", lambda out, manifest: (out / "variants/1x1/c.png").write_bytes(b"x")),
        ("wrong", lambda out, manifest: _flip(out / "variants/1x1/a.png")),
        ("lost", lambda out, manifest: manifest.write(0, manifest.read(0).slice(0, 1))),
        ("duplicated", lambda out, manifest: manifest.append(manifest.read(0).slice(0, 1))),
        (
            "inconsistent",
            lambda out, manifest: (
                out / "manifest/variants/aspect=1x1/part-000000.parquet"
            ).unlink(),
        ),
    ],
)
def test_the_audit_finds_every_kind_of_fault(tmp_path, problem, spoil):
    manifest = _output(tmp_path)
    spoil(tmp_path, manifest)
    assert audit(str(tmp_path)).problems()[problem]


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))

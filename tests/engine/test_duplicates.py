"""Identical bytes are worked on once, and every copy's row says where its variants are."""

from __future__ import annotations

import shutil

import pytest

import deepcrop
from deepcrop.engine.driver import Driver
from deepcrop.job import Job
from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verify import audit
from deepcrop.progress import NullProgress
from deepcrop.storage import Storage

pytestmark = pytest.mark.usefixtures("cluster")


def job(source, output) -> Job:
    values = {"method": "center", "aspects": ["1:1", "16:9"], "dedupe": True}
    return Job.parse({"input": str(source), "output": str(output), **values})


def rows(output) -> dict[str, dict]:
    manifest = Manifest(str(output), Storage())
    manifest.load_parts()
    return {row["source_uri"]: row for row in manifest.table().to_pylist()}


def test_copies_refer_to_the_first_and_have_no_variants(corpus, tmp_path):
    result = deepcrop.run(job(corpus, tmp_path / "out"))
    # Six good names share their bytes; of the six that fail none has a copy.
    assert (result.sources, result.ok, result.failed, result.skipped) == (24, 13, 6, 5)
    found = rows(tmp_path / "out")
    first = found[f"{corpus}/a.jpg"]
    copies = [row for row in found.values() if row["duplicate_of"]]
    assert {row["duplicate_of"] for row in copies} == {first["source_uri"]}
    for row in copies:
        assert row["status"] == "skipped" and row["variants"] == []
        assert (row["sha256"], row["width"]) == (first["sha256"], first["width"])
    assert first["status"] == "ok" and len(first["variants"]) == 2
    assert audit(str(tmp_path / "out")).clean


@pytest.mark.slow
def test_a_resumed_job_and_a_longer_listing_keep_the_first(corpus, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Driver, "_duplicate_rows", _stop)
        with pytest.raises(KeyError):
            Driver(job(corpus, out), NullProgress()).run()
    assert deepcrop.run(job(corpus, out)).skipped == 5
    shutil.copy(corpus / "a.jpg", corpus / "A before a.jpg")
    result = deepcrop.run(job(corpus, out))
    assert (result.sources, result.skipped, result.resumed) == (25, 6, 24)
    assert rows(out)[f"{corpus}/A before a.jpg"]["duplicate_of"] == f"{corpus}/a.jpg"
    assert audit(str(out)).clean


@pytest.mark.slow
def test_copies_of_what_fails_have_failed_rows_of_their_own(corpus, tmp_path):
    shutil.copy(corpus / "bad" / "half.jpg", corpus / "bad" / "other half.jpg")
    result = deepcrop.run(job(corpus, tmp_path / "out"))
    assert (result.failed, result.skipped) == (7, 5)
    row = rows(tmp_path / "out")[f"{corpus}/bad/other half.jpg"]
    assert row["error_class"] == "Corrupt" and row["duplicate_of"] is None
    assert audit(str(tmp_path / "out")).clean


@pytest.mark.slow
def test_the_same_bytes_with_other_hints_are_no_duplicates(corpus, tmp_path):
    lines = [f"{corpus}/{name},{x},0.5" for name, x in (("a.jpg", 0.1), ("b b.jpg", 0.9))]
    (tmp_path / "list.csv").write_text("\n".join(["uri,focal_x,focal_y", *lines]))
    assert deepcrop.run(job(tmp_path / "list.csv", tmp_path / "out")).ok == 2


def _stop(*_):
    raise KeyError("stopped")

"""The whole job on a real cluster, with a method that needs no network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from PIL import Image

import deepcrop
from deepcrop import weights
from deepcrop.engine import session
from deepcrop.engine.retry import retry
from deepcrop.errors import JobIncomplete, RequestError, WriteError
from deepcrop.job import Job
from deepcrop.manifest.lease import Lease
from deepcrop.manifest.status import read_status
from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verify import audit
from deepcrop.progress import NullProgress
from deepcrop.schema import IMAGES
from deepcrop.sources import discovery as source
from deepcrop.storage import Storage

pytestmark = pytest.mark.usefixtures("cluster")

TIMES = ("fetch_ms", "decode_ms", "infer_ms", "render_ms", "write_ms")


def job(corpus: Path, output: Path | str, **fields) -> Job:
    """Return a job with one actor: starting another takes longer than most of these jobs."""
    values = {"method": "center", "aspects": ["1:1", "16:9"], "sizes": ["40x30"], "gpus": 0}
    values |= {"actors": 1}
    return Job.parse({"input": str(corpus), "output": str(output), **values, **fields})


def rows(output: Path | str) -> list[dict]:
    """The manifest's rows in the order of their URIs, without what differs from run to run."""
    manifest = Manifest(str(output), Storage())
    manifest.load_parts()
    table = manifest.table().drop_columns(TIMES)
    return sorted(table.to_pylist(), key=lambda row: row["source_uri"])


def test_every_source_has_one_row_and_every_variant_is_what_its_row_says(
    corpus, tmp_path, monkeypatch
):
    # So that a process of the cluster lists them.
    monkeypatch.setattr(source, "LOCAL_LISTING_MAX", 5)
    result = deepcrop.run(job(corpus, tmp_path / "out", max_size=64, actors=2))
    assert (result.sources, result.ok, result.failed, result.ignored) == (24, 18, 6, 1)
    found = audit(str(tmp_path / "out"))
    assert found.clean, found.problems()
    assert found.rows == found.sources == 24 and found.variants == 18 * 3
    failed = {row["source_uri"].rpartition("/")[2]: row for row in rows(tmp_path / "out")}
    assert failed["page.jpg"]["error_class"] == "NotAnImage"
    assert (
        failed["page.jpg"]["error_stage"] == "decode"
        and "HTML" in failed["page.jpg"]["error_message"]
    )
    assert failed["half.jpg"]["error_class"] == "Corrupt"
    assert failed["bomb.png"]["error_class"] == "TooLarge"
    assert all(row["variants"] == [] for row in failed.values() if row["status"] == "failed")
    assert read_status(str(tmp_path / "out")).state == "completed"


def test_sizes_are_exact_and_boxes_are_of_the_ratio(corpus, tmp_path):
    deepcrop.run(job(corpus, tmp_path / "out", max_size=64))
    for row in rows(tmp_path / "out"):
        for variant in row["variants"]:
            box = [variant[name] for name in ("x0", "y0", "x1", "y1")]
            assert 0 <= box[0] < box[2] <= row["width"] and 0 <= box[1] < box[3] <= row["height"]
            size = (variant["width"], variant["height"])
            with Image.open(variant["variant_uri"]) as written:
                assert written.size == size
            if variant["aspect"] == "40x30px" and row["width"] >= 40 and row["height"] >= 30:
                assert size == (40, 30)
            if variant["aspect"] == "1x1":
                assert size[0] == size[1] == min(row["width"], row["height"], 64)


@pytest.mark.slow
def test_pools_apart_give_what_one_fused_actor_gives(corpus, tmp_path):
    deepcrop.run(job(corpus, tmp_path / "fused", aspects=["1:1"], sizes=[], max_size=64))
    deepcrop.run(job(corpus, tmp_path / "apart", aspects=["1:1"], sizes=[], max_size=64, gpus=0.5))
    assert audit(str(tmp_path / "apart")).clean
    fused, apart = rows(tmp_path / "fused"), rows(tmp_path / "apart")
    for one, other in zip(fused, apart, strict=True):
        for variant in (*one["variants"], *other["variants"]):
            variant["variant_uri"] = variant["variant_uri"].rpartition("/variants/")[2]
        assert one == other


@pytest.mark.slow
def test_smaller_shares_of_a_gpu_than_there_are_cpus_for_do_not_wait_for_ever(corpus, tmp_path):
    assert deepcrop.run(job(corpus, tmp_path / "out", gpus=0.05)).ok == 18


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gpus": 2}, "has 1"),
        ({"actors": 9}, "has 2 CPUs"),
        ({"actors": 9, "gpus": 0.1}, "room for 3"),
    ],
)
def test_more_than_the_cluster_has_is_a_wrong_request(corpus, tmp_path, change, words):
    with pytest.raises(RequestError, match=words):
        deepcrop.run(job(corpus, tmp_path / "out", **change))
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_file_of_another_methods_weights_is_a_wrong_request(corpus, tmp_path):
    change = {"method": "saliency", "weights": str(weights.PRETRAINED / "mars.safetensors")}
    with pytest.raises(RequestError, match=r"^weights '.*mars.safetensors': not of the method"):
        deepcrop.run(job(corpus, tmp_path / "out", **change))


def test_the_same_command_again_does_nothing_twice_and_takes_up_what_is_new(
    corpus, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    first = deepcrop.run(job(corpus, out))
    before = rows(out)
    times = {path: path.stat().st_mtime_ns for path in (out / "variants").rglob("*.jpg")}
    with monkeypatch.context() as patch:
        patch.setattr(session, "connected", lambda: pytest.fail("a cluster, with nothing to do"))
        again = deepcrop.run(job(corpus, out))
    assert again.resumed == first.sources and rows(out) == before
    assert {path: path.stat().st_mtime_ns for path in (out / "variants").rglob("*.jpg")} == times
    shutil.copy(corpus / "a.jpg", corpus / "many" / "new.jpg")
    third = deepcrop.run(job(corpus, out))
    assert third.sources == first.sources + 1 and third.resumed == first.sources
    assert audit(str(out)).clean


@pytest.mark.slow
def test_names_that_would_clash_get_keys_of_their_own(corpus, tmp_path):
    deepcrop.run(job(corpus, tmp_path / "out"))
    variants = [
        row["variants"] for row in rows(tmp_path / "out") if "/many/0." in row["source_uri"]
    ]
    names = {variant["variant_uri"] for each in variants for variant in each}
    assert len(variants) == 2 and len(names) == 6


@pytest.mark.slow
def test_overwrite_starts_afresh_and_what_a_later_release_wrote_is_refused(corpus, tmp_path):
    out = tmp_path / "out"
    deepcrop.run(job(corpus, out))
    manifest = Manifest(str(out), Storage())
    manifest.write_record(manifest.read_record() | {"manifest_version": 3})
    with pytest.raises(RequestError, match="by a later release"):
        deepcrop.run(job(corpus, out))
    deepcrop.run(job(corpus, out, quality=50, aspects=["3:1"]), overwrite=True)
    assert audit(str(out)).clean
    assert not (out / "variants" / "16x9").exists() or not any(
        (out / "variants" / "16x9").rglob("*.*")
    )


def test_retry_runs_only_what_failed_and_replaces_its_rows(corpus, tmp_path):
    out = tmp_path / "out"
    deepcrop.run(job(corpus, out))
    before = {row["source_uri"]: row for row in rows(out)}
    shutil.copy(corpus / "a.jpg", corpus / "bad" / "half.jpg")
    shutil.copy(corpus / "a.jpg", corpus / "bad" / "empty.jpg")
    result, _ = retry(str(out), ["Corrupt"], None, NullProgress())
    assert (result.ok, result.failed) == (19, 5)
    after = {row["source_uri"]: row for row in rows(out)}
    changed = [uri.rpartition("/")[2] for uri in before if before[uri] != after[uri]]
    assert changed == ["half.jpg"]
    result, _ = retry(str(out), ["decode"], None, NullProgress())
    assert (result.ok, result.failed) == (20, 4)
    assert audit(str(out)).clean
    with pytest.raises(RequestError, match="no such class"):
        retry(str(out), ["Gremlins"], None, NullProgress())


def test_too_many_failures_stop_the_job_with_everything_so_far_intact(corpus, tmp_path):
    result = deepcrop.run(job(corpus, tmp_path / "out", max_failed="5%", batch_size=2, actors=1))
    assert result.stopped and 0 < result.ok + result.failed < 24
    found = audit(str(tmp_path / "out"))
    assert not found.duplicated and not found.mismatched and found.missing_rows
    assert read_status(str(tmp_path / "out")).state == "stopped"


def test_columns_of_the_list_are_carried_over(corpus, tmp_path):
    table = "uri,caption,photographer,width\n"
    table += f"{corpus}/a.jpg,a cat,Ann,07\n{corpus}/tall.tif,,Bob,8\n{corpus}/a.jpg,twice,Ann,9\n"
    (tmp_path / "list.csv").write_text(table)
    result = deepcrop.run(job(tmp_path / "list.csv", tmp_path / "out"))
    assert (result.sources, result.ok, result.ignored) == (2, 2, 1)
    found = {Path(row["source_uri"]).name: row for row in rows(tmp_path / "out")}
    assert found["a.jpg"]["photographer"] == "Ann" and found["a.jpg"]["input_width"] == "07"
    assert found["a.jpg"]["width"] == 120


def test_a_list_that_changes_leaves_one_table(corpus, tmp_path):
    path, out = tmp_path / "list.csv", tmp_path / "out"
    for text in (
        f"uri,sku\n{corpus}/a.jpg,\n",
        f"uri,sku\n{corpus}/a.jpg,\n{corpus}/tall.tif,00120\n",
        f"uri,more,sku\n{corpus}/one.webp,m,123456789012345678901\n{corpus}/a.jpg,,\n",
    ):
        path.write_text(text)
        deepcrop.run(job(path, out))
        assert audit(str(out)).clean
    parts = sorted((out / "manifest" / "images").iterdir())
    schemas = [pq.read_schema(part) for part in [*parts, out / "manifest/sources/listing.parquet"]]
    assert len(parts) == 3 and schemas[0].equals(schemas[1]) and schemas[0].equals(schemas[2])
    for schema in schemas:
        assert schema.field("sku").type == schema.field("more").type == pyarrow.string()
    found = [(Path(row["source_uri"]).name, row["sku"], row["more"]) for row in rows(out)]
    expected = [("one.webp", "123456789012345678901", "m"), ("tall.tif", "00120", None)]
    assert found == [("a.jpg", None, None), *expected]


def test_what_is_no_photo_is_named_at_the_end_and_afterwards(corpus, tmp_path, capsys):
    from deepcrop.cli import app

    for name in ("._a.jpg", "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "deep/._c.jpeg", "Thumbs.db"):
        (corpus / name).parent.mkdir(parents=True, exist_ok=True)
        (corpus / name).write_bytes(b"\0\5\x16\7")
    flags = f"--input {corpus} --output {tmp_path}/out -m center -a 1:1 --gpus 0 --exclude many/"
    assert app.exit_status(["run", *flags.split(), "--exclude", "bad/*"]) == 0
    kinds = "16 excluded (--exclude), 2 AppleDouble (._*), 1 Synology thumbnail (@eaDir)"
    said = " ".join(capsys.readouterr().out.split())
    assert f"ignored 21: {kinds}" in said
    assert app.exit_status(["status", f"{tmp_path}/out"]) == 0
    assert f"ignored 21: {kinds}" in " ".join(capsys.readouterr().out.split())
    record = Manifest(str(tmp_path / "out"), Storage()).read_record()
    assert record["ignored"] == 21 == sum(record["ignored_kinds"].values())
    assert audit(str(tmp_path / "out")).clean


def test_a_focal_point_of_the_list_moves_the_window(corpus, tmp_path):
    (tmp_path / "list.csv").write_text(f"uri,focal_x,focal_y\n{corpus}/a.jpg,0.95,0.5\n")
    deepcrop.run(job(tmp_path / "list.csv", tmp_path / "out", aspects=["1:1"]))
    [row] = rows(tmp_path / "out")
    assert row["focal_x"] == pytest.approx(0.95) and row["variants"][0]["x1"] == 120


@pytest.mark.slow
def test_the_manifests_open_as_they_are(corpus, tmp_path):
    deepcrop.run(job(corpus, tmp_path / "out"))
    images = pyarrow.dataset.dataset(tmp_path / "out" / "manifest" / "images").to_table()
    assert images.schema.names[: len(IMAGES)] == IMAGES.names
    variants = pyarrow.dataset.dataset(tmp_path / "out" / "manifest" / "variants").to_table()
    assert set(variants["aspect"].to_pylist()) == {"1x1", "16x9", "40x30px"}
    record = json.loads((tmp_path / "out" / "job.json").read_text())
    assert record["status"] == "completed" and record["counts"]["ok"] == 18
    assert 0 < record["counts"]["listing_seconds"] < record["counts"]["seconds"]


def test_two_runs_on_one_output_are_kept_apart(corpus, tmp_path):
    lease = Lease(str(tmp_path / "out" / ".lease.json"), Storage())
    lease.acquire()
    with pytest.raises(JobIncomplete, match="another run is writing"):
        deepcrop.run(job(corpus, tmp_path / "out"))
    lease.release()
    assert deepcrop.run(job(corpus, tmp_path / "out")).ok == 18


def test_s3_in_and_out_gives_what_folders_give(corpus, tmp_path, best_s3):
    for path in corpus.rglob("*.*"):
        if path.is_file():
            best_s3.storage().write(
                f"{best_s3.uri}/in/{path.relative_to(corpus)}", path.read_bytes()
            )
    output = f"{best_s3.uri}/out"
    result = deepcrop.run(job(f"{best_s3.uri}/in", output))
    assert (result.sources, result.ok, result.failed) == (23, 17, 6)
    assert audit(output).clean


DRIVER = """
import sys
import deepcrop
deepcrop.run(deepcrop.Job(input=sys.argv[1], output=sys.argv[2], method="center", aspects=["1:1"],
                          batch_size=4, actors=1))
"""


def test_a_killed_driver_costs_time_only(tmp_path, photos):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    random = numpy.random.default_rng(0)
    for index in range(120):
        noise = random.integers(0, 255, (300, 400, 3), dtype=numpy.uint8)
        Image.fromarray(noise).save(source / f"{index:03d}.jpg")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("RAY_ADDRESS", None)
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, source, out], env=environment, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while len(list((out / "variants").rglob("*.jpg"))) < 10 and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 10 <= len(list((out / "variants").rglob("*.jpg"))) < 120
    resumed = Job.parse(
        {
            "input": str(source),
            "output": str(out),
            "method": "center",
            "aspects": ["1:1"],
            "batch_size": 4,
            "actors": 1,
        }
    )
    assert read_status(str(out)).state == "interrupted"
    assert deepcrop.run(resumed).ok == 120
    assert audit(str(out)).clean


def test_a_manifest_that_cannot_be_written_interrupts_and_loses_nothing(
    corpus, tmp_path, monkeypatch
):
    def refuse(*_):
        raise WriteError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "append", refuse)
        with pytest.raises(JobIncomplete, match=r"no space left.*resumes"):
            deepcrop.run(job(corpus, tmp_path / "out"))
    assert deepcrop.run(job(corpus, tmp_path / "out")).ok == 18
    assert audit(str(tmp_path / "out")).clean

"""Updates on a real cluster: one more ratio, an edited photo, photos that are gone, old outputs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.torch import save_file

import deepcrop
from deepcrop import weights
from deepcrop.cli import app
from deepcrop.errors import RequestError
from deepcrop.manifest.verify import audit
from deepcrop.schema import IMAGES, SOURCES
from tests.engine.test_driver import job, rows

pytestmark = pytest.mark.usefixtures("cluster")


def files(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes() for path in (out / "variants").rglob("*.*")
    }


@pytest.fixture
def small(corpus: Path) -> Path:
    """A folder of eleven photos."""
    for path in [*(corpus / "bad").iterdir(), corpus / "tall.tif"]:
        path.unlink()
    return corpus / "many"


def test_a_ratio_more_an_edit_and_what_is_gone(small, tmp_path, capsys):
    out = tmp_path / "out"
    deepcrop.run(job(small, out, aspects=["1:1"], sizes=[]))
    first = files(out)
    photo = small / "3.jpg"
    status, data = photo.stat(), (small / "4.jpg").read_bytes()
    photo.write_bytes(data + b"\0" * (status.st_size - len(data)))
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    (small / "5.jpg").unlink()
    wanted = job(small, out, aspects=["1:1", "16:9"], sizes=["30x30"])
    assert app.exit_status(["status", str(out)]) == 0
    assert "behind its input: 1 changed, 1 gone" in capsys.readouterr().out
    options = [f"--input={small}", f"--output={out}", "-mcenter", "-a1:1", "-a16:9", "--json"]
    assert app.exit_status(["run", *options, "--dry-run"]) == 0
    found = json.loads(capsys.readouterr().out)["changes"]
    assert (found["added"]["sources"], found["changed"]["sources"]) == (8, 1)
    assert files(out) == first
    result = deepcrop.run(wanted)
    assert (result.changes.gone, result.sources, result.snapshot) == (1, 9, 2)
    assert audit(str(out)).clean and first["variants/1x1/5.jpg"] == files(out)["variants/1x1/5.jpg"]
    with pytest.raises(RequestError, match="more than --max-prune 5%"):
        deepcrop.run(wanted, prune=True, max_prune=0.05)
    assert deepcrop.run(wanted, prune=True, max_prune=0.5).pruned.sources == 1
    deepcrop.run(job(small, tmp_path / "fresh", aspects=["1:1", "16:9"], sizes=["30x30"]))
    assert files(out) == files(tmp_path / "fresh")
    assert audit(str(out)).clean
    # What is asked for no more stays until it is pruned.
    result = deepcrop.run(job(small, out, aspects=["16:9"], sizes=["30x30"]))
    assert result.changes.unrequested == 9 and files(out) == files(tmp_path / "fresh")


def test_what_pruning_would_remove_is_told_and_then_counted(small, tmp_path, capsys):
    out = tmp_path / "out"
    deepcrop.run(job(small, out, aspects=["1:1", "16:9"], sizes=[]))
    options = [f"--input={small}", f"--output={out}", "-mcenter", "-a4:5", "--json"]
    assert app.exit_status(["run", *options, "--prune", "--dry-run"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["changes"]["unrequested_variants"] == 20
    assert told["changes"]["removable_bytes"] == sum(map(len, files(out).values()))
    assert told["plan"]["bytes_out"]["value"] > 0
    assert app.exit_status(["run", *options, "--prune"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["variants"], summary["pruned"]["variants"]) == (10, 20)
    assert json.loads((out / "job.json").read_text())["counts"]["variants"] == 10 == len(files(out))


def test_what_was_damaged_is_made_again(small, tmp_path, capsys):
    out = tmp_path / "out"
    deepcrop.run(job(small, out, aspects=["1:1", "16:9"], sizes=[]))
    made, before = files(out), rows(out)
    lost, changed = (out / "variants" / name for name in ("1x1/3.jpg", "16x9/4.jpg"))
    lost.unlink()
    changed.write_bytes(changed.read_bytes()[:-40])
    assert app.exit_status(["verify", str(out)]) == 1
    assert "deepcrop verify OUTPUT --repair makes it again" in capsys.readouterr().out
    assert app.exit_status(["verify", str(out), "--repair"]) == 0
    assert files(out) == made and audit(str(out)).clean
    timed = {name for name in before[0] if name.endswith("_ms")}
    assert [{k: v for k, v in row.items() if k not in timed} for row in rows(out)] == [
        {k: v for k, v in row.items() if k not in timed} for row in before
    ]


def test_a_job_is_the_same_from_any_folder(small, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(small.parent)
    options = [f"--input={small.name}", "--output=../out", "-mcenter", "-a1:1"]
    assert app.exit_status(["run", *options]) == 0
    monkeypatch.chdir(tmp_path)
    (small / "3.jpg").unlink()
    out = (small.parent / "../out").resolve()
    assert app.exit_status(["status", str(out)]) == 0
    assert "behind its input: 1 gone" in capsys.readouterr().out
    assert json.loads((out / "job.json").read_text())["job"]["input"] == str(small)


def test_an_output_of_an_earlier_release_is_taken_over(small, tmp_path, capsys):
    out = tmp_path / "out"
    deepcrop.run(job(small, out, sizes=[]))
    before, made = rows(out), files(out)
    as_of_an_earlier_release(out)
    options = [f"--input={small}", f"--output={out}", "-mcenter", "-a1:1", "-a16:9"]
    assert app.exit_status(["run", *options]) == 0
    assert "taken over: 10 rows of an earlier release" in capsys.readouterr().out
    after = rows(out)
    for row in (*before, *after):
        row.pop("note_parts")
    assert after == before and files(out) == made and audit(str(out)).clean
    (small / "2.jpg").write_bytes((small / "1.jpg").read_bytes())
    result = deepcrop.run(job(small, out, sizes=[]))
    assert (result.changes.work["changed"].sources, result.resumed) == (1, 9)


def as_of_an_earlier_release(out: Path) -> None:
    """Take away what 0.1 didn't write."""
    new = {"source_modified", "source_version", "analysis_recipe", "rendering_recipes"}
    for path in (out / "manifest/images").iterdir():
        table = pq.read_table(path)
        bare = table.drop_columns([*new, "note_parts"])
        found = bare.to_pylist()
        for variant in (each for row in found for each in row["variants"]):
            for name in ("source_sha256", "analysis_recipe", "rendering_recipe"):
                del variant[name]
        kept = [each for each in IMAGES if each.name in bare.column_names]
        schema = deepcrop_01_schema(kept)
        pq.write_table(bare.from_pylist(found, schema=schema), path)
    listing = out / "manifest/sources/listing.parquet"
    pq.write_table(pq.read_table(listing).select(SOURCES.names[:-2]), listing)
    record = json.loads((out / "job.json").read_text())
    del record["manifest_version"], record["snapshot"]
    record["settings"]["version"] = "0.1.0"
    (out / "job.json").write_text(json.dumps(record))


def deepcrop_01_schema(fields):
    import pyarrow as pa

    from deepcrop.schema import VARIANT

    nested = pa.struct(
        [each for each in VARIANT if each.name[:6] not in ("source", "analys", "render")]
    )
    return pa.schema(
        [
            pa.field("variants", pa.list_(nested)) if each.name == "variants" else each
            for each in fields
        ]
    )


@pytest.mark.slow
def test_other_weights_do_again_what_they_change(small, tmp_path):
    out = tmp_path / "out"
    fields = {"method": "saliency", "aspects": ["1:1"], "sizes": [], "actors": 1}
    state, metadata = weights.load("saliency")
    other = {name: 1.01 * value for name, value in state.items()}
    save_file(other, tmp_path / "other.safetensors", dict(metadata))
    deepcrop.run(job(small, out, weights=str(tmp_path / "other.safetensors"), **fields))
    result = deepcrop.run(job(small, out, **fields))
    assert result.changes.work["again"].sources == 10
    deepcrop.run(job(small, tmp_path / "fresh", **fields))
    assert files(out) == files(tmp_path / "fresh") and audit(str(out)).clean


def test_an_edited_photo_of_a_list_file_is_noticed(small, tmp_path):
    out, listed = tmp_path / "out", tmp_path / "list.txt"
    listed.write_text("\n".join(str(path) for path in sorted(small.iterdir())))
    wanted = job(listed, out, sizes=[])
    assert deepcrop.run(wanted).sources == 10
    assert deepcrop.run(wanted).changes.work["changed"].sources == 0
    (small / "3.jpg").write_bytes((small / "4.jpg").read_bytes())
    (small / "5.jpg").unlink()  # a list that still names it: its row stays
    unchecked = job(listed, out, sizes=[], check_listed=False)
    assert deepcrop.run(unchecked).changes.work["changed"].sources == 0
    result = deepcrop.run(wanted)
    assert (result.changes.work["changed"].sources, result.changes.gone) == (1, 0)
    made = files(out)
    assert made["variants/1x1/3.jpg"] == made["variants/1x1/4.jpg"] and audit(str(out)).clean

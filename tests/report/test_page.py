"""The page as a file."""

import html
import io
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from deepcrop.cli import app
from deepcrop.job import Job
from deepcrop.manifest.status import read_status
from deepcrop.methods.base import CropMethod
from deepcrop.report.commands import run_command, with_absolute_input
from deepcrop.report.page import build
from deepcrop.report.thumbnails import LONGEST_EDGE, thumbnail_name
from deepcrop.schema import IMAGES
from deepcrop.tables import images_table
from tests.report.synthetic import row, write_output, write_photo


def facts(output):
    text = (output / "report" / "index.html").read_text()
    return json.loads(re.search(r'id="facts-of-job">(.*?)</script>', text, re.DOTALL)[1]), text


def test_thumbnails_are_made_once_for_the_worst_and_what_cannot_be_read_has_none(tmp_path):
    rows = []
    for index, score in enumerate((0.9, 0.1, 0.5)):
        path = tmp_path / "in" / f"{index}.jpg"
        digest = write_photo(path, (900, 600 + index))
        scores = {"1x1": score}
        size = {"width": 900, "height": 600 + index}
        rows.append(row(str(tmp_path), str(path), sha256=digest, scores=scores, **size))
    rows.append(row(str(tmp_path), str(tmp_path / "gone.jpg"), scores={"1x1": 0.2}))
    write_output(tmp_path, rows)
    build(str(tmp_path), thumbnails=3)
    folder = tmp_path / "report" / "thumbnails"
    there = {str(path.relative_to(folder))[:-4]: path for path in folder.rglob("*.jpg")}
    assert set(there) == {thumbnail_name(rows[1]["sha256"]), thumbnail_name(rows[2]["sha256"])}
    with Image.open(there[thumbnail_name(rows[1]["sha256"])]) as small:
        assert small.size == (LONGEST_EDGE, round(LONGEST_EDGE * 601 / 900))
    times = {path: path.stat().st_mtime_ns for path in there.values()}
    build(str(tmp_path), thumbnails=4)
    assert {path: path.stat().st_mtime_ns for path in there.values()} == times
    assert len(list(folder.rglob("*.jpg"))) == 3


def test_names_cannot_leave_their_place_in_the_page(tmp_path):
    name = "</script><script>alert(1)</script>"
    error = ("decode", "Corrupt", "<b>bold</b>")
    write_output(tmp_path, [row(str(tmp_path), f"/in/{name}/a.jpg", error=error)])
    build(str(tmp_path))
    told, html = facts(tmp_path)
    assert told["root"] == f"/in/{name}/"
    assert "<script>alert" not in html and "<b>bold" not in html


def test_a_job_without_rows_has_a_page_that_says_how_far_it_is(tmp_path):
    manifest = write_output(tmp_path, [row(str(tmp_path), "/in/a.jpg")], sources=40)
    manifest.write_record(manifest.read_record() | {"status": "running"})
    build(str(tmp_path))
    told, html = facts(tmp_path)
    assert told["count"] == 1 and "interrupted" in html and "1 of 40 images" in html


def with_record(output, **fields):
    """The page of a job whose record has these fields too."""
    manifest = write_output(output, [row(str(output), "/in/a.jpg")])
    manifest.write_record(manifest.read_record() | fields)
    build(str(output))
    return html.unescape(facts(output)[1])


def test_the_page_says_what_a_score_means_as_the_record_of_the_job_has_it(tmp_path):
    told = with_record(tmp_path, score_meaning="the chance that it <rains>, 0 to 1")
    assert "A score is the chance that it <rains>, 0 to 1." in told
    assert "<dd>the chance that it <rains>, 0 to 1; 1 where a person set" in told
    # The meaning may have changed since: the record of an earlier release has none.
    told = with_record(tmp_path / "old")
    assert f"A score is {CropMethod.score_meaning}." in told


def test_the_page_tells_the_terms_of_all_weights_that_the_job_used(tmp_path):
    assert "The method center needs no weights" in with_record(tmp_path / "none", weights=[])
    own = {"name": "/models/mine.safetensors", "licence": None, "commercial": "unclear"}
    named = {"name": "saliency", "licence": "some <terms>", "commercial": "no"}
    told = with_record(
        tmp_path / "two",
        weights_sha256="0123abc",
        weights=[own | {"commercial_reason": "nobody said"}, named | {"commercial_reason": "lent"}],
    )
    panel = re.sub(r"\s*<[^<>]*>\s*", "|", told[told.index("<h2>Weights") :])
    for fact in (
        "file||/models/mine.safetensors", "licence||not in deepcrop's catalogue",
        "commercial use||unclear: nobody said", "sha256||0123abc", "name||saliency",
        "commercial use||no: lent",
    ):  # fmt: skip
        assert fact in panel
    assert told.count("0123abc") == 1 and "some <terms>" in told


def test_the_command_in_the_page_is_the_jobs_own(capsys):
    job = Job(
        input="in put", output="out", method="saliency", aspects=["1:1"], sizes=["40x30"],
        quality=80, max_failed=0.1, options={"minimum_zoom": 0.75},
    )  # fmt: skip
    import shlex

    words = shlex.split(run_command(job))
    assert words[:2] == ["deepcrop", "run"]
    assert app.exit_status([*words[1:], "--print-config"]) == 0
    assert capsys.readouterr().out == job.to_yaml()


def test_the_command_in_the_page_can_be_run_anywhere(tmp_path, monkeypatch):
    manifest = write_output(
        tmp_path / "out", [row(str(tmp_path / "out"), f"{tmp_path}/in/x/a.jpg")]
    )
    record = manifest.read_record()
    record["job"]["input"] = "in"
    manifest.write_record(record)
    for place in (tmp_path, tmp_path / "out"):  # that of the run, and another one
        monkeypatch.chdir(place)
        build(str(tmp_path / "out"))
        command = f"deepcrop run --input {tmp_path}/in --output {tmp_path}/out "
        assert command in html.unescape(facts(tmp_path / "out")[1])


def test_an_input_is_made_absolute_where_that_is_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text("source_uri\n")

    def absolute(given, root="/media/photos/2024/"):
        job = Job(input=given, output="/out", method="center", aspects=["1:1"])
        return with_absolute_input(job, root).input

    assert absolute("photos") == absolute("../photos/") == "/media/photos"
    assert absolute("./media/photos/2024") == "/media/photos/2024"
    assert absolute("list.csv") == f"{tmp_path}/list.csv"
    for unchanged in ("/in", "s3://media/in", "file:///in", "gone.csv", "elsewhere", ".."):
        assert absolute(unchanged) == unchanged


def test_commands_in_the_page_name_the_output_and_its_server(tmp_path):
    manifest = write_output(tmp_path / "a b", [row(str(tmp_path), "/in/a.jpg")])
    record = manifest.read_record()
    record["job"]["s3_endpoint"] = "http://127.0.0.1:9"
    manifest.write_record(record)
    build(str(tmp_path / "a b"))
    _, html = facts(tmp_path / "a b")
    place = f"&#39;{tmp_path}/a b&#39;"
    assert f"deepcrop correct {place} corrections.csv --s3-endpoint http://127.0.0.1:9<" in html


def test_report_of_a_folder_without_a_job_is_a_wrong_request(capsys, tmp_path):
    assert app.exit_status(["report", str(tmp_path)]) == 2
    assert "no job there" in capsys.readouterr().err


def test_a_page_beside_a_job_in_a_store(s3, tmp_path):
    storage, output = s3.storage(), f"{s3.uri}/out"
    digest = write_photo(tmp_path / "a.jpg")
    storage.write(f"{s3.uri}/in/a.jpg", (tmp_path / "a.jpg").read_bytes())
    write_output(output, [row(output, f"{s3.uri}/in/a.jpg", sha256=digest)])
    assert build(output) == f"{output}/report/index.html"
    written = {entry.uri.removeprefix(f"{output}/report/") for entry in storage.list(output)}
    assert {
        "index.html",
        "data/index-0000.js",
        "data/details-00000.js",
        f"thumbnails/{thumbnail_name(digest)}.jpg",
    } <= written
    details = storage.read(f"{output}/report/data/details-00000.js").decode()
    assert '"href":"../variants/1x1/a.jpg"' in details


def without_flags(table: pa.Table) -> pa.Table:
    """The same rows as a release wrote them that had no flags."""
    rows = table.drop_columns("flags").to_pylist()
    kind = table.schema.field("variants").type.value_type
    variant = pa.struct([each for each in kind if each.name != "flags"])
    schema = pa.schema([each for each in IMAGES if each.name not in ("flags", "variants")])
    return pa.Table.from_pylist(rows, schema=schema.append(pa.field("variants", pa.list_(variant))))


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
    assert (
        app.exit_status(["export", str(tmp_path), "--as", "css", "--to", f"{tmp_path}/a.css"]) == 0
    )
    assert app.exit_status(["status", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "head-cut" in out and "cuts a head" in out

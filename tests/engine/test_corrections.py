"""What people said of sources: read, checked, and honoured by a re-run of what it touches."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

import deepcrop
from deepcrop.cli import app
from deepcrop.engine.retry import retry
from deepcrop.errors import RequestError
from deepcrop.geometry import Box, Size
from deepcrop.job import Job
from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verify import audit
from deepcrop.methods.base import Crop
from deepcrop.progress import NullProgress
from deepcrop.report.page import build
from deepcrop.sources.corrections import CORRECTED_NOTE, Correction, Corrections
from deepcrop.storage import Storage
from tests.report.synthetic import row, write_output

HEAD = "source_uri,kind,aspect,x0,y0,x1,y1\n"
SIZE = Size(200, 100)


def job(corpus: Path, output: Path, **fields) -> Job:
    """Return a job with one actor: starting another takes longer than most of these jobs."""
    values = {"method": "center", "aspects": ["1:1", "16:9"], "gpus": 0, "actors": 1}
    return Job.parse({"input": str(corpus), "output": str(output), **values, **fields})


def write(path: Path, *lines: str) -> str:
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return str(path)


def settled(*statements, aspect=0) -> Crop:
    wanted = job(Path("in"), Path("out"))
    crops = [
        Crop(Box.centred(request.aspect.largest_window(SIZE), (0.5, 0.5), SIZE), 0.4, (0.5, 0.5))
        for request in wanted.requests
    ]
    names = ("kind", "aspect", "x0", "y0", "x1", "y1")
    rows = [dict(zip(names, each, strict=True)) for each in statements]
    return Correction.of(rows).adjust(crops, wanted.requests, SIZE)[aspect]


def test_a_focal_point_moves_every_window():
    crop = settled(("focal", None, 0.1, 0.5, None, None))
    assert (
        crop.box == Box(0, 0, 100, 100) and crop.focal == (0.1, 0.5) and crop.note == CORRECTED_NOTE
    )


def test_a_kept_box_is_in_the_window_and_what_lies_outside_the_source_does_not_count():
    assert settled(("keep", None, 150, 10, 180, 90)).box == Box(80, 0, 180, 100)
    assert settled(("keep", None, 190, 10, 900, 90)).box == Box(100, 0, 200, 100)
    assert settled(("keep", None, 700, 10, 900, 90)).box == Box(50, 0, 150, 100)


def test_a_kept_box_counts_more_than_the_focal_point():
    focal, keep = ("focal", None, 0.9, 0.5, None, None), ("keep", None, 80, 0, 99, 9)
    assert settled(focal, keep).box == Box(80, 0, 180, 100)


def test_a_box_of_ones_own_becomes_exactly_of_the_ratio():
    crop = settled(("box", "1x1", 20, 10, 81, 70))
    assert crop.box.size == Size(60, 60) and crop.box.inside(SIZE) and crop.score == 1
    assert abs(crop.box.x0 - 20) <= 1 and crop.box.y0 == 10
    assert settled(("box", "1x1", 20, 10, 81, 70), aspect=1).score == 0.4


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/in/a.jpg,best,,,,,", "row 1: kind 'best': expected one of good, rejected"),
        ("/in/a.jpg,rejected,4:5,,,,", "aspect '4x5': expected one of 16x9, 1x1"),
        ("/in/a.jpg,box,,1,2,3,4", "aspect None"),
        ("/in/a.jpg,box,1:1,1,2,1,4", "expected 0 <= x0 < x1"),
        ("/in/a.jpg,keep,,1,2,,", "expected x0, y0, x1 and y1"),
        ("/in/a.jpg,focal,,1.5,0,,", "from 0 to 1"),
        ("/in/a.jpg,focal,,left,0,,", "cannot be read"),
        (",good,,,,,", "source_uri is empty"),
    ],
)
def test_a_statement_without_sense_is_named(tmp_path, line, words):
    with pytest.raises(RequestError, match=words):
        Corrections.read(write(tmp_path / "c.csv", line), job(tmp_path, tmp_path / "out"))


def test_a_table_without_its_columns_is_refused(tmp_path):
    (tmp_path / "c.csv").write_text("uri,kind\na,good\n")
    with pytest.raises(RequestError, match=r"no column 'source_uri'.*source_uri, kind, aspect"):
        Corrections.read(str(tmp_path / "c.csv"), job(tmp_path, tmp_path / "out"))
    with pytest.raises(RequestError, match="no such"):
        Corrections.read(str(tmp_path / "none.csv"), job(tmp_path, tmp_path / "out"))


def test_retarget_methods_honour_no_boxes(tmp_path):
    made = job(tmp_path, tmp_path / "out", method="dnr")
    with pytest.raises(RequestError, match="makes pixels"):
        Corrections.read(write(tmp_path / "c.csv", "/in/a.jpg,focal,,0.5,0.5,,"), made)
    assert Corrections.read(write(tmp_path / "d.csv", "/in/a.jpg,rejected,,,,,"), made).statements


def test_parquet_says_what_csv_says(tmp_path):
    made = job(tmp_path, tmp_path / "out")
    lines = ('"/in/a,""b"".jpg",box,1:1,1,2,30,31', "/in/c.jpg,rejected,,,,,")
    text = Corrections.read(write(tmp_path / "c.csv", *lines), made)
    pa.parquet.write_table(text.table, tmp_path / "c.parquet")
    assert Corrections.read(str(tmp_path / "c.parquet"), made).table == text.table
    assert set(text.statements) == {'/in/a,"b".jpg', "/in/c.jpg"}


def rows(output: Path) -> dict[str, dict]:
    manifest = Manifest(str(output), Storage())
    manifest.load_parts()
    table = manifest.table()
    return {row["source_uri"].rpartition("/")[2]: row for row in table.to_pylist()}


def done_anew(before: dict, after: dict) -> set[str]:
    """The sources that were worked on again: their times differ to the nanosecond."""
    return {name for name in before if before[name] != after[name]}


@pytest.mark.usefixtures("cluster")
def test_a_run_with_corrections_does_anew_only_what_they_touch(corpus, tmp_path):
    out = tmp_path / "out"
    made = job(corpus, out)
    deepcrop.run(made)
    before = rows(out)
    file = write(
        tmp_path / "c.csv",
        f"{corpus}/a.jpg,focal,,0,0.5,,",
        f"{corpus}/many/1.jpg,rejected,1:1,,,,",
        f"{corpus}/many/2.jpg,rejected,,,,,",
        f"{corpus}/many/3.jpg,good,,,,,",
    )
    result = deepcrop.run(made, corrections=file)
    after = rows(out)
    assert done_anew(before, after) == {"a.jpg", "1.jpg", "2.jpg"}
    assert result.resumed == result.sources - 3
    square = after["a.jpg"]["variants"][0]
    assert (square["x0"], square["x1"]) == (0, 80) and after["a.jpg"]["note"] == CORRECTED_NOTE
    assert [each["aspect"] for each in after["1.jpg"]["variants"]] == ["16x9"]
    assert after["2.jpg"]["variants"] == [] and after["2.jpg"]["status"] == "ok"
    found = audit(str(out))
    assert found.clean, found.problems()
    # The same again, nothing at all, or a retry: nothing is done anew, nothing is forgotten.
    deepcrop.run(made, corrections=file)
    deepcrop.run(made)
    retry(str(out), ["Corrupt"], None, NullProgress())
    assert done_anew(after, rows(out)) <= {"half.jpg"}
    # What is said anew of a source replaces what was said before.
    deepcrop.run(made, corrections=write(tmp_path / "d.csv", f"{corpus}/many/2.jpg,good,,,,,"))
    latest = rows(out)
    assert done_anew(after, latest) - {"half.jpg"} == {"2.jpg"}
    assert len(latest["2.jpg"]["variants"]) == 2 and latest["a.jpg"] == after["a.jpg"]
    assert audit(str(out)).clean


@pytest.mark.usefixtures("cluster")
def test_a_job_is_corrected_by_the_name_of_its_output_alone(corpus, tmp_path, monkeypatch, capsys):
    for folder in ("bad", "many", "deep"):
        shutil.rmtree(corpus / folder)
    monkeypatch.chdir(tmp_path)
    deepcrop.run(job(Path("in"), Path("out")))
    build("out", thumbnails=0)
    before, page = rows(tmp_path / "out"), (tmp_path / "out/report/index.html").read_text()
    shutil.copy(corpus / "a.jpg", tmp_path / "in" / "new.jpg")
    # The page's command is run where browsers put what they download.
    (tmp_path / "downloads").mkdir()
    monkeypatch.chdir(tmp_path / "downloads")
    write(tmp_path / "downloads" / "c.csv", f"{tmp_path}/in/a.jpg,focal,,0,0.5,,")
    assert app.exit_status(["correct", f"{tmp_path}/out", "c.csv"]) == 0
    assert "page" in capsys.readouterr().out
    after = rows(tmp_path / "out")
    assert done_anew(before, after) == {"a.jpg"} and "new.jpg" not in after
    assert after["a.jpg"]["variants"][0]["x0"] == 0 and not (tmp_path / "downloads/out").exists()
    assert (tmp_path / "out/report/index.html").read_text() != page
    index = (tmp_path / "out/report/data/index-0000.js").read_text()
    assert ':{"focal":[0.0,0.5]}}});' in index
    # A retry knows the job as well, and looks for no new sources either.
    monkeypatch.chdir(tmp_path / "downloads")
    retry(f"{tmp_path}/out", [], None, NullProgress())
    assert "new.jpg" not in rows(tmp_path / "out")
    # Without a page none is written, unless it is asked for.
    shutil.rmtree(tmp_path / "out" / "report")
    assert app.exit_status(["correct", f"{tmp_path}/out", "c.csv"]) == 0
    assert not (tmp_path / "out" / "report").exists()
    assert app.exit_status(["correct", f"{tmp_path}/out", "c.csv", "--report"]) == 0
    assert (tmp_path / "out" / "report" / "index.html").exists()


def test_wrong_corrections_of_a_job_are_a_wrong_request(tmp_path, capsys):
    write_output(tmp_path / "out", [row(f"{tmp_path}/out", "/in/a.jpg")])
    file = write(tmp_path / "c.csv", "/in/a.jpg,focal,,50,50,,")
    for arguments, words in (
        ((tmp_path / "nowhere", file), "no job there"),
        ((tmp_path / "out", tmp_path / "none.csv"), "none.csv"),
        ((tmp_path / "out", file), "50 looks like a percentage"),
    ):
        assert app.exit_status(["correct", *map(str, arguments)]) == 2
        told = capsys.readouterr().err
        assert words in told and told.count("\n") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_duplicate_with_a_correction_gets_variants_of_its_own(corpus, tmp_path):
    out = tmp_path / "out"
    made = job(corpus, out, dedupe=True)
    deepcrop.run(made)
    copy = next(row for row in rows(out).values() if row["duplicate_of"])
    assert copy["status"] == "skipped"
    deepcrop.run(
        made, corrections=write(tmp_path / "c.csv", f"{copy['source_uri']},focal,,0,0.5,,")
    )
    name = copy["source_uri"].rpartition("/")[2]
    now = rows(out)[name]
    assert now["status"] == "ok" and now["duplicate_of"] is None
    with Image.open(now["variants"][0]["variant_uri"]) as variant:
        assert variant.size == (80, 80)
    assert audit(str(out)).clean


@pytest.mark.usefixtures("cluster")
def test_corrections_of_what_is_no_source_are_refused(corpus, tmp_path):
    file = write(tmp_path / "c.csv", f"{corpus}/nowhere.jpg,good,,,,,")
    with pytest.raises(RequestError, match=r"nowhere\.jpg is no source of this job"):
        deepcrop.run(job(corpus, tmp_path / "out"), corrections=file)

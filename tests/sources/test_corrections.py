"""Corrections of one photo, and the files that they come in."""

from __future__ import annotations

import pytest
from PIL import Image

from deepcrop.errors import RequestError
from deepcrop.flags import Flag
from deepcrop.geometry import Size
from deepcrop.job import Job
from deepcrop.sources.corrections import (
    CORRECTED_NOTE,
    CORRECTIONS_COLUMN,
    OUTSIDE_NOTE,
    Correction,
    Corrections,
)
from deepcrop.stages.decode import Decoder
from deepcrop.stages.fetch import Fetcher
from deepcrop.stages.infer import Predictor
from deepcrop.stages.item import ImageTask
from deepcrop.stages.render import Renderer

NAMES = ("kind", "aspect", "x0", "y0", "x1", "y1")
SIZE = Size(200, 100)


def statement(*values):
    return dict(zip(NAMES, values, strict=True))


def job(folder, **fields):
    values = {"method": "center", "aspects": ["1:1", "16:9"]}
    return Job.parse({"input": str(folder), "output": f"{folder}/out", **values, **fields})


def row_of(tmp_path, *statements):
    """Run the stages on one photo with corrections; return its manifest row."""
    made = job(tmp_path)
    Image.new("RGB", (SIZE.width, SIZE.height)).save(tmp_path / "a.png")
    source = dict.fromkeys(("source_id", "source_bytes", "source_etag", "caption"))
    source |= {"source_uri": str(tmp_path / "a.png"), "key": "a", "focal_x": None, "focal_y": None}
    tasks = [ImageTask(source | {CORRECTIONS_COLUMN: [statement(*each) for each in statements]})]
    predictor = Predictor(made, device="cpu")
    decoder = Decoder(made, predictor.analysis, keep_pictures=True)
    for stage in (Fetcher(made.storage), decoder, predictor, Renderer(made, made.storage)):
        stage(tasks)
    return tasks[0].row("center")


@pytest.mark.parametrize("kind", ["box", "keep"])
def test_a_correction_wholly_outside_the_photo_is_ignored_and_the_row_says_so(tmp_path, kind):
    aspect = "1x1" if kind == "box" else None
    row = row_of(tmp_path, (kind, aspect, 300, 10, 400, 90))
    assert row["note"] == OUTSIDE_NOTE.text and row["flags"] == []
    assert [each["x0"] for each in row["variants"]] == [50, 11]


def test_of_two_corrections_the_one_inside_the_photo_is_applied(tmp_path):
    row = row_of(tmp_path, ("box", "1x1", 300, 0, 400, 90), ("box", "16x9", 0, 0, 160, 90))
    assert row["note"] == f"{OUTSIDE_NOTE.text}; {CORRECTED_NOTE}"
    square, wide = row["variants"]
    assert square["x0"] == 50 and square["flags"] == []
    assert wide["x0"] == 0 and wide["flags"] == [Flag.CORRECTED]


def test_a_box_that_reaches_out_of_the_photo_is_clipped_and_counts(tmp_path):
    row = row_of(tmp_path, ("box", "1x1", 150, 50, 900, 900))
    assert row["note"] == CORRECTED_NOTE and Flag.CORRECTED in row["flags"]


def test_what_lies_outside_depends_on_the_size_of_the_photo():
    stated = Correction.of(
        [statement("box", "1x1", 150, 0, 250, 90), statement("good", *[None] * 5)]
    )
    assert stated.within(SIZE) == stated
    assert stated.within(Size(150, 100)) == Correction()


def test_a_file_with_semicolons_is_refused_with_a_hint(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("source_uri;kind;aspect;x0;y0;x1;y1\n/a.jpg;focal;;0,5;0,5;;\n")
    with pytest.raises(RequestError, match="separated by semicolons: save it with commas"):
        Corrections.read(str(path), job(tmp_path))


@pytest.mark.parametrize("written", ["600x315", "600x315px"])
def test_an_exact_size_is_written_with_or_without_its_unit(tmp_path, written):
    path = tmp_path / "c.csv"
    path.write_text(f"source_uri,kind,aspect,x0,y0,x1,y1\n/a.jpg,box,{written},0,0,60,40\n")
    found = Corrections.read(str(path), job(tmp_path, sizes=["600x315"]))
    assert found.table["aspect"].to_pylist() == ["600x315px"]
    path.write_text("source_uri,kind,aspect,x0,y0,x1,y1\n/a.jpg,rejected,16x9,,,,\n")
    both = Corrections.read(str(path), job(tmp_path, sizes=["16x9"]))
    assert both.table["aspect"].to_pylist() == ["16x9"]
    path.write_text("source_uri,kind,aspect,x0,y0,x1,y1\n/a.jpg,rejected,600x316,,,,\n")
    with pytest.raises(RequestError, match=r"'600x316': expected one of .*600x315px"):
        Corrections.read(str(path), job(tmp_path, sizes=["600x315"]))

"""What a row says of variants that are not as they were asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from deepcrop.errors import RenderError
from deepcrop.job import Job
from deepcrop.sources.corrections import CORRECTIONS_COLUMN
from deepcrop.stages.item import ImageTask
from deepcrop.stages.local import LocalPipeline
from deepcrop.stages.render import Renderer
from deepcrop.storage import Storage


def crop(folder: Path, size: tuple[int, int], statements: list[dict] | None = None, **fields):
    """Make the variants of a picture; return its row, and the files by name with their sizes."""
    Image.new("RGB", size, (10, 200, 30)).save(folder / "a.png")
    values = {"input": "-", "output": str(folder / "out"), "method": "center", "format": "png"}
    single = LocalPipeline(Job.parse(values | {"aspects": [], "sizes": ["80x100"]} | fields))
    task = single.process(str(folder / "a.png"), "a")
    task.source[CORRECTIONS_COLUMN] = statements
    task.wanted = task.reuse = None
    single.write(task)
    files = {}
    for path in (folder / "out").iterdir() if (folder / "out").exists() else ():
        with Image.open(path) as image:
            files[path.name] = image.size
    return task.row("center"), files


def test_an_exact_size_that_the_source_has_is_exact_and_nothing_is_remarked(tmp_path):
    row, files = crop(tmp_path, (300, 200))
    assert files == {"a-80x100px.png": (80, 100)}
    assert row["note"] is None and row["flags"] == [] == row["variants"][0]["flags"]


def test_a_smaller_source_gives_its_own_pixels_under_a_name_that_says_so(tmp_path):
    row, files = crop(tmp_path, (60, 50))
    assert files == {"a-80x100px-smaller.png": (40, 50)}
    [variant] = row["variants"]
    assert (variant["aspect"], variant["width"], variant["height"]) == ("80x100px", 40, 50)
    assert row["flags"] == variant["flags"] == ["smaller-than-asked"] and not variant["upscaled"]
    assert row["note"] == "not 80x100: the crop box has 40x50 pixels (--upscale allow enlarges)"


def test_a_smaller_source_is_enlarged_where_that_is_allowed(tmp_path):
    row, files = crop(tmp_path, (60, 50), upscale="allow")
    assert files == {"a-80x100px.png": (80, 100)}
    [variant] = row["variants"]
    assert row["flags"] == variant["flags"] == ["enlarged"] and variant["upscaled"]


def test_a_smaller_source_is_left_out_or_fails_where_the_job_says_so(tmp_path):
    row, files = crop(tmp_path, (60, 50), upscale="skip", aspects=["1:1"])
    assert files == {"a-1x1.png": (50, 50)} and len(row["variants"]) == 1
    assert row["status"] == "ok" and row["flags"] == ["smaller-than-asked"]
    assert row["note"].startswith("no 80x100: the crop box has 40x50 pixels")
    with pytest.raises(RenderError, match=r"not 80x100: the crop box has 40x50 pixels; with"):
        crop(tmp_path, (60, 50), upscale="fail", aspects=["1:1"])
    assert not (tmp_path / "out" / "a-1x1.png").exists()


def said(kind: str, aspect: str | None, *corners: float) -> dict:
    values = dict(zip(("x0", "y0", "x1", "y1"), corners, strict=False))
    return {"kind": kind, "aspect": aspect, **values}


def test_what_a_person_rejected_is_noted_and_flagged(tmp_path):
    row, files = crop(tmp_path, (300, 200), [said("rejected", None)], aspects=["1:1"])
    assert files == {} and row["variants"] == [] and row["status"] == "ok"
    assert (row["note"], row["flags"]) == ("rejected by a person", ["rejected"])
    row, files = crop(tmp_path, (300, 200), [said("rejected", "1x1")], aspects=["1:1"])
    assert list(files) == ["a-80x100px.png"]
    assert (row["note"], row["flags"]) == ("1x1 rejected by a person", ["rejected"])
    assert row["variants"][0]["flags"] == []


def test_what_a_person_moved_is_flagged_variant_by_variant(tmp_path):
    box = said("box", "1x1", 0, 0, 50, 50)
    row, _ = crop(tmp_path, (300, 200), [box], aspects=["1:1"])
    assert [each["flags"] for each in row["variants"]] == [["corrected"], []]
    row, _ = crop(tmp_path, (300, 200), [said("focal", None, 0.5, 0.5)], aspects=["1:1"])
    assert [each["flags"] for each in row["variants"]] == [["corrected"]] * 2
    assert row["flags"] == ["corrected"]


def test_both_names_of_an_exact_size_are_removed_with_it(tmp_path):
    values = {"input": "/in", "output": str(tmp_path), "method": "center", "sizes": ["80x100"]}
    stray = [tmp_path / "variants" / name / "a.jpg" for name in ("80x100px", "80x100px-smaller")]
    for path in stray:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"of a try that died")
    task = ImageTask({"source_uri": "/in/a.jpg", "key": "a"})
    task.fail(RenderError("no"))
    Renderer(Job.parse(values), Storage())([task])
    assert not any(path.exists() for path in stray)

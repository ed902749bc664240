"""Gain maps in a job: kept in JPEG variants where that is asked for, otherwise told."""

import numpy as np
import pytest

from deepcrop.image import GAIN_MAP_DROPPED, GainMap, decode, encode
from deepcrop.image.gain_maps.model import Parameters
from deepcrop.job import Job
from deepcrop.stages.local import LocalPipeline
from tests.image.samples import photo


@pytest.mark.parametrize(
    ("fields", "kept"),
    [({"hdr": "keep"}, True), ({}, False), ({"hdr": "keep", "format": "webp"}, False)],
)
def test_a_variant_keeps_its_part_of_the_map_or_the_row_says_it_did_not(tmp_path, fields, kept):
    levels = np.zeros((128, 128, 1), np.uint8)
    levels[:, 64:] = 255
    source = tmp_path / "photo.jpg"
    parameters = Parameters((0.0,), (2.0,), alternate_headroom=2.0)
    source.write_bytes(encode(photo()[:256], "jpeg", gain_map=GainMap(levels, parameters)))
    job = Job(
        input=str(source), output=str(tmp_path / "out"), method="center", aspects=["1:1"], **fields
    )
    pipeline = LocalPipeline(job)
    task = pipeline.process(str(source), "photo")
    [path] = pipeline.write(task)
    found = decode((tmp_path / path).read_bytes(), hdr="keep").gain_map
    row = task.row("center")
    if not kept:
        assert found is None
        assert row["note"] == GAIN_MAP_DROPPED
        return
    assert row["note"] is None
    x0, x1 = task.variants[0]["x0"], task.variants[0]["x1"]
    bright = (x1 - 256) / (x1 - x0)  # the source's right half
    assert np.mean(found.pixels > 127) == pytest.approx(bright, abs=0.02)
    assert task.variants[0]["bytes"] == (tmp_path / path).stat().st_size

"""Rendering in this process, without Ray: what a variant carries."""

import io

import numpy as np
import pytest
from PIL import Image

from deepcrop.geometry import Box, Size
from deepcrop.image import decode
from deepcrop.job import Job
from deepcrop.methods.base import Crop
from deepcrop.stages.decode import Decoder
from deepcrop.stages.item import ImageTask
from deepcrop.stages.render import Renderer
from tests.image.metadata.test_xmp_variant import packet
from tests.image.samples import DISPLAY_P3, matrix_profile, photo, saved

SIZE = Size(512, 512)


def source(xmp=None, **options):
    exif = Image.Exif()
    exif[315] = "the artist"
    exif.get_ifd(0x8769)[0x9214] = (300, 200)
    return saved(photo(), "jpeg", exif=exif.tobytes(), xmp=xmp or packet(), **options)


def rendered(tmp_path, data, crops=(), pixels=(), **values):
    """Render one source; return its work and the variant's bytes."""
    values = {"method": "center" if crops else "dnr", "aspects": ["1:1"]} | values
    job = Job.parse({"input": str(tmp_path), "output": str(tmp_path / "out"), **values})
    row = dict.fromkeys(("source_bytes", "source_etag", "caption", "focal_x", "focal_y"))
    row |= {"source_uri": f"{tmp_path}/a.jpg", "key": "a", "source_id": 1}
    task = ImageTask(row, data=data, size=SIZE, format="jpeg", crops=crops)
    if pixels:  # made in another process, from what this one decoded
        Decoder(job, None, keep_pictures=False)([task])
        task.pixels = pixels
    Renderer(job, job.storage)([task])
    assert task.error is None
    return task, (tmp_path / "out" / "variants" / "1x1" / "a.jpg").read_bytes()


def exif_of(data):
    return Image.open(io.BytesIO(data)).getexif()


CROPS = [Crop(Box(100, 100, 400, 400), 1.0, (0.5, 0.5))]
PIXELS = [np.zeros((100, 100, 3), np.uint8)]


def test_a_crop_carries_what_is_true_of_it(tmp_path):
    task, data = rendered(tmp_path, source(), CROPS, keep_metadata=True, max_size=150)
    exif = exif_of(data)
    assert exif[315] == "the artist"
    assert exif.get_ifd(0x8769)[0x9214] == (100, 50)
    assert exif.get_ifd(0x8769)[0xA002] == 150
    assert task.row("center")["note"] is None


def test_rearranged_content_carries_no_positions(tmp_path):
    """Its pixels are made in another process: the file's blocks travel beside them."""
    data = source(icc_profile=matrix_profile(DISPLAY_P3, 2.2))
    _, written = rendered(tmp_path, data, pixels=PIXELS, keep_metadata=True, colour="keep")
    exif = exif_of(written)
    assert exif[315] == "the artist"
    assert 0x9214 not in exif.get_ifd(0x8769)
    assert decode(written, colour="keep").metadata.icc is not None


@pytest.mark.parametrize(("crops", "pixels"), [(CROPS, ()), ((), PIXELS)])
def test_nothing_is_carried_unasked(tmp_path, crops, pixels):
    profile = matrix_profile(DISPLAY_P3, 2.2)
    data = source(icc_profile=profile)
    _, written = rendered(tmp_path, data, crops, pixels, colour="keep")
    assert decode(written, colour="keep").metadata.icc == profile
    assert not exif_of(written)


def test_a_packet_that_cannot_be_read_is_told_in_the_manifest(tmp_path):
    data = source(packet("<unbound:a/>"))
    task, written = rendered(tmp_path, data, CROPS, keep_metadata=True)
    assert task.row("center")["note"] == "XMP that can't be read was left out"
    assert decode(written).metadata.xmp is None

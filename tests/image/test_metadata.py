"""Metadata: kept true, or not at all."""

import io

import numpy as np
import pytest
from PIL import Image

from deepcrop.image import Metadata, decode, encode
from tests.image.samples import DISPLAY_P3, in_srgb, matrix_profile, photo, saved

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def tagged(format, **options):
    exif = Image.Exif()
    exif[274], exif[315], exif[33432] = 6, "the artist", "the owner"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    if format == "tiff":
        exif[700] = XMP
    image = Image.fromarray(photo()[:40, :60])
    return saved(image, format, exif=exif.tobytes(), xmp=XMP, **options)


@pytest.mark.parametrize("source", ["jpeg", "webp", "avif", "tiff"])
@pytest.mark.parametrize("target", ["jpeg", "webp", "avif", "png"])
def test_exif_and_xmp_survive_with_their_orientation_reset(source, target):
    picture = decode(tagged(source))
    assert picture.pixels.shape == (60, 40, 3)
    data = encode(picture.pixels, target, metadata=picture.metadata)
    again = decode(data)
    assert again.pixels.shape == picture.pixels.shape  # not turned a second time
    exif = Image.open(io.BytesIO(data)).getexif()
    assert exif.get(274, 1) == 1
    assert (exif[315], exif[33432]) == ("the artist", "the owner")
    assert exif.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert exif.get_ifd(0x8825)[1] == "N"
    assert not set(exif) & {256, 257, 258, 262, 273, 279}
    assert again.metadata.xmp == XMP.replace(b'"6"', b'"1"')


@pytest.mark.parametrize("target", ["jpeg", "webp", "avif", "png"])
def test_nothing_is_written_unasked(target):
    data = encode(decode(tagged("jpeg")).pixels, target)
    assert decode(data).metadata == Metadata()
    assert b"artist" not in data


@pytest.mark.parametrize("target", ["jpeg", "webp", "avif", "png"])
def test_a_kept_profile_is_written_and_means_the_same(target):
    profile = matrix_profile(DISPLAY_P3, 2.2)
    data = saved(photo()[:64, :64], "png", icc_profile=profile)
    picture = decode(data, colour="keep")
    again = encode(picture.pixels, target, quality=95, metadata=picture.metadata.colour_only)
    assert decode(again, colour="keep").metadata.icc == profile
    wanted = in_srgb(photo()[:64, :64], DISPLAY_P3, 2.2)
    assert np.abs(decode(again).pixels - wanted).mean() < 3


def test_a_long_profile_takes_several_jpeg_segments():
    profile = matrix_profile(DISPLAY_P3, 2.2)
    long = (len(profile) + 150_000).to_bytes(4, "big") + profile[4:] + bytes(150_000)
    data = encode(photo(), "jpeg", metadata=Metadata(icc=long))
    assert decode(data, colour="keep").metadata.icc == long
    assert data.count(b"ICC_PROFILE\0") == 3


def test_blocks_too_long_for_a_jpeg_segment_are_left_out():
    data = encode(photo(), "jpeg", metadata=Metadata(xmp=b"x" * 70_000))
    assert decode(data).metadata.xmp is None


def test_the_thumbnail_of_the_whole_photo_is_not_kept():
    """It would show what the crop leaves out."""
    exif = Image.Exif()
    exif[315] = "the artist"
    block = bytearray(exif.tobytes())
    thumb = saved(photo()[:16, :16], "jpeg")
    # One more directory behind the first: compression, offset and length of a JPEG.
    assert block[6:8] == b"II" or block[6:8] == b"MM"
    order = "little" if block[6:8] == b"II" else "big"
    tiff = block[6:]
    entries = int.from_bytes(tiff[8:10], order)
    link = 10 + 12 * entries
    at = len(tiff)
    tiff[link : link + 4] = at.to_bytes(4, order)
    tiff += (2).to_bytes(2, order)
    for tag, value in ((0x201, at + 2 + 24 + 4), (0x202, len(thumb))):
        tiff += tag.to_bytes(2, order) + (4).to_bytes(2, order) + (1).to_bytes(4, order)
        tiff += value.to_bytes(4, order)
    tiff += bytes(4) + thumb
    picture = decode(saved(photo(), "jpeg", exif=b"Exif\0\0" + bytes(tiff)))
    assert b"artist" in picture.metadata.exif
    assert thumb[:200] not in picture.metadata.exif

"""Gain maps: read in every form, cut along, and read again by libultrahdr."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deepcrop.geometry import Box, Size
from deepcrop.image import GAIN_MAP_DROPPED, GainMap, Metadata, decode, encode, render
from deepcrop.image.colour.transfer import SRGB
from deepcrop.image.formats import jpeg
from deepcrop.image.gain_maps import apple, binary, jpeg_form, xmp_form
from deepcrop.image.gain_maps.model import Parameters, from_apple
from tests.image.samples import saved, shown

WIDTH, HEIGHT = 320, 240
Y, X = np.mgrid[:HEIGHT, :WIDTH]
BASE = np.stack([60 + X * 0.3, 80 + Y * 0.4, 140 + X * 0.1], -1).astype(np.uint8)
MAP = (X * 0.5 + Y * 0.4)[::4, ::4, None].astype(np.uint8)
PARAMETERS = Parameters((0.0,), (2.0,), alternate_headroom=2.0)


def hdr_of(data):
    """Return the linear HDR light (H, W, 3) that libultrahdr makes of a file."""
    return np.asarray(imagecodecs.ultrahdr_decode(data)[..., :3], np.float32)


def stops(a, b):
    return np.abs(np.log2((a + 1 / 64) / (b + 1 / 64)))


def expected(box, size):
    """The HDR light of a crop by the formula, from the smooth source."""
    x = box.x0 + (np.arange(size.width) + 0.5) * box.size.width / size.width - 0.5
    y = box.y0 + (np.arange(size.height) + 0.5) * box.size.height / size.height - 0.5
    x, y = np.meshgrid(x, y)
    base = SRGB(np.stack([60 + x * 0.3, 80 + y * 0.4, 140 + x * 0.1], -1) / 255)
    gain = 2 * (x * 0.5 + y * 0.4)[..., None] / 255
    return (base + 1 / 64) * 2**gain - 1 / 64


@pytest.mark.parametrize("size", [Size(200, 150), Size(100, 75), Size(61, 47), Size(20, 15)])
@pytest.mark.parametrize("box", [Box(80, 40, 280, 190), Box(1, 3, 254, 192)])
def test_libultrahdr_reads_what_was_cut(box, size):
    source = encode(BASE, "jpeg", quality=97, gain_map=GainMap(MAP, PARAMETERS))
    picture = decode(source, hdr="keep")
    cut = picture.gain_map.cut(picture.source_size, box, size)
    variant = encode(render(picture, box, size), "jpeg", quality=97, gain_map=cut)
    difference = stops(hdr_of(variant), expected(box, size))
    assert np.median(difference) < (0.03 if size.width > 20 else 0.05)
    assert np.percentile(difference, 98) < (0.12 if size.width > 20 else 0.25)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_map_is_turned_with_its_picture(orientation):
    """Both are stored in the orientation of the camera, which only the base's EXIF tells."""
    tags = Image.Exif()
    tags[274] = orientation
    source = encode(
        BASE, "jpeg", metadata=Metadata(exif=tags.tobytes()), gain_map=GainMap(MAP, PARAMETERS)
    )
    found = decode(source, hdr="keep").gain_map.pixels
    wanted = shown(np.repeat(MAP, 3, 2), orientation)[..., :1]
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() < 2


def without(data, start):
    """Remove the segments that begin with some bytes, from both pictures."""
    found = jpeg_form.find(data)
    base, behind = data[: -len(found.data)], found.data
    for marker, body in list(jpeg_form._segments(behind)):
        if body.startswith(start):
            behind = behind.replace(jpeg.segment(marker, body), b"")
    assert len(behind) < len(found.data)
    return base + behind


@pytest.mark.parametrize("form", ["xmp", "iso"])
def test_each_form_alone_is_enough(form):
    three = Parameters((0.0, 0.1, 0.0), (1.0, 2.0, 3.0), (1.0, 1.2, 1.0), alternate_headroom=3.0)
    gain_map = GainMap(np.repeat(MAP, 3, 2), three)
    data = encode(BASE, "jpeg", gain_map=gain_map)
    data = without(data, binary.NAMESPACE if form == "xmp" else jpeg.XMP_HEADER)
    found = decode(data, hdr="keep").gain_map
    assert found.pixels.shape == gain_map.pixels.shape
    assert found.parameters.maximum == pytest.approx(three.maximum)
    assert found.parameters.gamma == pytest.approx(three.gamma)
    assert found.parameters.alternate_headroom == pytest.approx(3.0)


def test_a_file_that_libultrahdr_wrote():
    light = SRGB(BASE / 255) * (1 + 3 * (X / WIDTH)[..., None])
    rgba = np.dstack([light, np.ones((HEIGHT, WIDTH))]).astype(np.float16)
    source = bytes(imagecodecs.ultrahdr_encode(rgba))
    picture = decode(source, hdr="keep")
    assert picture.gain_map is not None
    box, size = Box(40, 20, 280, 200), Size(240, 180)
    cut = picture.gain_map.cut(picture.source_size, box, size)
    variant = encode(render(picture, box, size), "jpeg", quality=97, gain_map=cut)
    assert np.median(stops(hdr_of(variant), hdr_of(source)[20:200, 40:280])) < 0.05


def apple_exif(headroom, gain):
    """EXIF with Apple's maker note, in which tag 33 is the headroom and tag 48 the gain."""
    entries = b"".join(
        struct.pack(">HHII", tag, 10, 1, 14 + 2 + 24 + 4 + 8 * i) for i, tag in enumerate((33, 48))
    )
    values = b"".join(struct.pack(">ii", round(v * 10000), 10000) for v in (headroom, gain))
    note = b"Apple iOS\0\0\1MM" + struct.pack(">H", 2) + entries + bytes(4) + values
    tags = Image.Exif()
    tags.get_ifd(0x8769)[0x927C] = note
    return tags.tobytes()


@pytest.mark.parametrize(
    ("headroom", "gain", "wanted"),
    [(0.5, 0.005, 1.7), (0.5, 1.0, 1.5), (1.2, 0.005, 2.65), (1.2, 1.0, 2.0)],
)
def test_apples_headroom(headroom, gain, wanted):
    assert np.log2(apple.headroom_of(apple_exif(headroom, gain))) == pytest.approx(wanted, abs=2e-3)
    assert apple.headroom_of(b"Exif\0\0") is None
    assert apple.headroom_of(None) is None


def test_apples_map_becomes_an_equal_one():
    samples = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    found = from_apple(samples, 4.0)
    gain = 2.0 ** (found.pixels / 255 * found.parameters.maximum[0])
    assert np.abs(gain / (1 + 3 * SRGB(samples / 255)) - 1).max() < 0.005


def apple_jpeg(headroom=None):
    """A photo as iPhones export it: the map is described by Apple's own XMP."""
    said = f' g:HDRGainMapHeadroom="{headroom}"' if headroom else ""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:g="http://ns.apple.com/HDRGainMap/1.0/" '
        'xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/" rdf:about=""'
        f'{said}><apdi:AuxiliaryImageType>{xmp_form.APPLE_TYPE}</apdi:AuxiliaryImageType>'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()  # fmt: skip
    behind = saved(MAP[..., 0], "jpeg", quality=95)
    behind = jpeg.with_blocks(behind, jpeg.segment(jpeg.APP1, jpeg.XMP_HEADER + packet))
    return jpeg_form.joined(saved(BASE, "jpeg", quality=95), behind)


def test_apples_jpeg():
    found = decode(apple_jpeg(headroom=4), hdr="keep").gain_map
    assert found.parameters.maximum == (2.0,)
    wanted = from_apple(MAP, 4.0).pixels
    assert np.abs(found.pixels.astype(int) - wanted).mean() < 4
    unknown = decode(apple_jpeg(), hdr="keep")
    assert unknown.gain_map is None
    assert [note.text for note in unknown.notes] == [GAIN_MAP_DROPPED]


def test_maps_are_dropped_and_told_by_default():
    source = encode(BASE, "jpeg", gain_map=GainMap(MAP, PARAMETERS))
    picture = decode(source)
    assert picture.gain_map is None
    assert [note.text for note in picture.notes] == [GAIN_MAP_DROPPED]
    assert decode(source, hdr="keep").notes == ()
    plain = decode(saved(BASE, "jpeg"), hdr="keep")
    assert (plain.gain_map, plain.notes) == (None, ())
    assert np.array_equal(decode(encode(BASE, "jpeg")).pixels, picture.pixels)


def test_the_base_is_the_same_jpeg_and_keeps_its_packet():
    known = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="known"/></rdf:RDF></x:xmpmeta>'
    )
    data = encode(BASE, "jpeg", metadata=Metadata(xmp=known), gain_map=GainMap(MAP, PARAMETERS))
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"  # Pillow knows by the packet that this is no stereo picture
        assert b'dc:source="known"' in image.info["xmp"]
        assert b'Item:Semantic="GainMap"' in image.info["xmp"]
        length = len(jpeg_form.find(data).data)
        assert f'Item:Length="{length}"'.encode() in image.info["xmp"]
        assert data[-length:].startswith(b"\xff\xd8")


numbers = st.floats(-8, 8).map(lambda value: round(value * 1000) / 1000)


@given(st.lists(numbers, min_size=4, max_size=4), st.sampled_from([1, 3]), st.booleans())
def test_the_binary_form_is_read_as_written(values, count, base_colours):
    low, high = sorted(values[:2])
    parameters = Parameters(
        (low,) * count, (high,) * count, (abs(values[2]) + 0.1,) * count, (1 / 64,) * count,
        (0.0,) * count, 0.0, abs(values[3]) + 0.5, base_colours,
    )  # fmt: skip
    read = binary.parse(binary.written(parameters))
    assert read.maximum == pytest.approx(parameters.maximum, abs=1e-5)
    assert read.gamma == pytest.approx(parameters.gamma, abs=1e-5)
    assert (read.base_colours, len(read.minimum)) == (base_colours, count)


def test_a_common_denominator():
    data = bytes(4) + b"\x48" + struct.pack(">III", 100, 0, 250)
    data += struct.pack(">iiIii", 0, 230, 100, 1, 2)
    read = binary.parse(data)
    assert (read.maximum, read.alternate_headroom, read.base_offset) == ((2.3,), 2.5, (0.01,))


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    binary.parse(data)
    xmp_form.parse(data)
    list(jpeg_form._entries(data))
    apple._rationals(b"Apple iOS\0\0\1MM" + data)

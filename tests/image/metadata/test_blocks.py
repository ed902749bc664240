"""Metadata: kept true, or not at all."""

import io
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deepcrop.flags import Note
from deepcrop.geometry import Box, Size
from deepcrop.image import Framing, Metadata, SourceMetadata, decode, encode, render
from deepcrop.image.metadata import exif, iptc
from deepcrop.image.metadata.xmp import Packet, Struct, items
from tests.image.metadata.test_iptc import CAPTION, CREDIT, UTF8
from tests.image.metadata.test_xmp_variant import name, packet
from tests.image.samples import DISPLAY_P3, in_srgb, matrix_profile, photo, saved

XMP = packet("<dc:source>a source</dc:source>", 'tiff:Orientation="6" tiff:ImageWidth="60"')
SHARED = Path(os.environ.get("DEEPCROP_SHARED", "../shared"))


def tagged(format, **options):
    exif = Image.Exif()
    exif[274], exif[315], exif[33432] = 6, "the artist", "the owner"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8769)[0x9214] = (30, 10)
    exif.get_ifd(0x8825)[1] = "N"
    if format == "tiff":
        exif[700] = XMP
    if format == "png":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    image = Image.fromarray(photo()[:40, :60])
    return saved(image, format, exif=exif.tobytes(), xmp=XMP, **options)


def variant(data, box=None, size=None, target="jpeg", colour="srgb"):
    """Cut and encode as a job does; return the file."""
    picture = decode(data, colour=colour)
    box = box or Box(0, 0, picture.source_size.width, picture.source_size.height)
    size = size or box.size
    framing = Framing(picture.source_size, size, box, picture.metadata.orientation)
    metadata = picture.metadata.for_variant(framing, target, converted=colour == "srgb")
    return encode(render(picture, box, size), target, metadata=metadata)


@pytest.mark.parametrize("source", ["jpeg", "webp", "avif", "tiff", "png"])
@pytest.mark.parametrize("target", ["jpeg", "webp", "avif", "png"])
def test_exif_and_xmp_survive_and_are_true(source, target):
    data = variant(tagged(source), Box(10, 10, 40, 40), Size(15, 15), target)
    again = decode(data)
    assert again.pixels.shape == (15, 15, 3)  # not turned a second time
    exif = Image.open(io.BytesIO(data)).getexif()
    assert exif.get(274, 1) == 1
    assert (exif[315], exif[33432]) == ("the artist", "the owner")
    assert exif.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert exif.get_ifd(0x8769)[0xA002] == 15
    # Stored (30, 10) of 60x40 is shown at (29, 30); less (10, 10), halved.
    assert exif.get_ifd(0x8769)[0x9214] == (9, 10)
    assert exif.get_ifd(0x8825)[1] == "N"
    assert not set(exif) & {256, 257, 258, 262, 273, 279}
    [subject] = Packet.parse(again.metadata.xmp).subjects
    assert subject.get(name("tiff:Orientation")) == "1"
    assert subject.get(name("tiff:ImageWidth")) == "15"
    assert subject.get(name("dc:source")) == "a source"


@pytest.mark.parametrize("source", ["jpeg", "webp", "avif", "tiff"])  # a PNG has checksums
@pytest.mark.parametrize("target", ["jpeg", "webp", "avif", "png"])
def test_text_that_is_not_ascii_survives(source, target):
    """Pillow's writer would put question marks for it."""
    data = tagged(source).replace(b"the owner", "© Größ".encode())
    block = exif.parse(decode(variant(data, target=target)).metadata.exif)
    assert block.main[33432].value == "© Größ\0".encode()


def with_segment(jpeg, marker, payload):
    return (
        jpeg[:2]
        + bytes((0xFF, marker))
        + (len(payload) + 2).to_bytes(2, "big")
        + payload
        + jpeg[2:]
    )


def test_iptc_goes_from_jpeg_and_tiff_to_jpeg():
    block = UTF8 + CAPTION + CREDIT
    resources = iptc.for_variant({iptc.IIM: block})
    jpeg = with_segment(saved(photo(), "jpeg"), 0xED, b"Photoshop 3.0\0" + resources)
    tags = Image.Exif()
    tags[33723] = block
    tiff = saved(photo()[:20, :20], "tiff", exif=tags)
    for source in (jpeg, tiff):
        assert decode(variant(source)).metadata.photoshop == {iptc.IIM: block}


def test_iptc_becomes_xmp_where_it_has_no_place():
    block = UTF8 + CAPTION + CREDIT + b"\x1c\2\x50\0\x05Gr\xf6\xdfe"
    known = packet("<photoshop:Credit>of the packet</photoshop:Credit>")
    for source in (SourceMetadata(photoshop={iptc.IIM: block}),
                   SourceMetadata(xmp=known, photoshop={iptc.IIM: block})):  # fmt: skip
        framing = Framing(Size(10, 10), Size(10, 10), Box(0, 0, 10, 10))
        metadata = source.for_variant(framing, "webp")
        assert metadata.iptc is None
        found = {key: subject.get(key) or items(subject.child(key))[0].text
                 for subject in Packet.parse(metadata.xmp).subjects for key in subject}  # fmt: skip
        assert found == {
            name("dc:description"): "Eine Straße",
            name("photoshop:Credit"): "of the packet" if source.xmp else "An agency",
            name("dc:creator"): "Größe",  # not UTF-8, whatever the envelope says
        }
        assert b'xml:lang="x-default"' in metadata.xmp


def test_photoshop_resources_of_a_tiff_are_read():
    tags = Image.Exif()
    tags[34377] = iptc.for_variant({iptc.IIM: CAPTION, 0x040A: b"\1"})
    source = saved(photo()[:20, :20], "tiff", exif=tags)
    assert decode(variant(source)).metadata.photoshop == {iptc.IIM: CAPTION, 0x040A: b"\1"}


def test_motion_photos_and_what_stands_behind_a_jpeg_stay_behind():
    mpf = b"MPF\0MM\0*\0\0\0\x08\0\0"
    video = b"\0\0\0\x18ftypmp42" + bytes(100)
    note = packet("", 'GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="124" xmp:Rating="5"')
    data = with_segment(saved(photo(), "jpeg", xmp=note), 0xE2, mpf) + video
    written = variant(data)
    for gone in (b"MPF", b"ftypmp42", b"MotionPhoto", b"MicroVideo"):
        assert gone in data and gone not in written
    assert b"Rating" in written


@pytest.mark.parametrize("compressed", [False, True])
def test_xmp_behind_a_pngs_pixels_is_read(compressed):
    """Where ExifTool writes it."""
    text = zlib.compress(XMP) if compressed else XMP
    body = b"XML:com.adobe.xmp\0" + bytes((compressed, 0)) + b"\0\0" + text
    chunk = len(body).to_bytes(4, "big") + b"iTXt" + body
    chunk += zlib.crc32(chunk[4:]).to_bytes(4, "big")
    plain = saved(photo()[:20, :20], "png")
    assert decode(plain[:-12] + chunk + plain[-12:]).metadata.xmp == XMP
    broken = chunk[:60] + b"\xff" * 20 + chunk[80:]
    decode(plain[:-12] + broken + plain[-12:])


def test_what_cannot_be_read_is_left_out_and_told():
    framing = Framing(Size(10, 10), Size(10, 10), Box(0, 0, 10, 10))
    metadata = SourceMetadata(b"no TIFF", XMP[:-9]).for_variant(framing, "jpeg")
    assert metadata.exif is None and metadata.xmp is None
    assert metadata.notes == (
        Note("EXIF that can't be read was left out"),
        Note("XMP that can't be read was left out"),
    )


def test_colours_are_named_as_they_are():
    profile = matrix_profile(DISPLAY_P3, 2.2)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 65535
    source = saved(photo()[:64, :64], "jpeg", icc_profile=profile, exif=exif.tobytes())
    for colour, space in (("srgb", 1), ("keep", 65535), ("strip", 65535)):
        written = Image.open(io.BytesIO(variant(source, colour=colour)))
        assert written.getexif().get_ifd(0x8769)[0xA001] == space
        assert ("icc_profile" in written.info) == (colour == "keep")


@pytest.mark.skipif(not (SHARED / "cases").is_dir(), reason="the cases are not here")
def test_the_case_from_the_field():
    data = (SHARED / "cases" / "jpg-meta.jpg").read_bytes()
    written = variant(data, Box(0, 100, 400, 500), Size(200, 200))
    exif = Image.open(io.BytesIO(written)).getexif().get_ifd(0x8769)
    assert (exif[0xA002], exif[0xA003], exif[0xA001]) == (200, 200, 1)
    assert (exif[0x9214], exif[0xA214]) == ((124, 100, 40, 40), (124, 100))
    assert 0xA005 not in exif  # R03: it isn't Adobe RGB any more
    metadata = decode(written).metadata
    assert b"GPano" not in metadata.xmp  # a turned panorama isn't one
    for subject in Packet.parse(metadata.xmp).subjects:
        if (regions := subject.struct(name("mwg-rs:Regions"))) is not None:
            [face] = items(regions.child(name("mwg-rs:RegionList")))
            area = Struct(face).struct(name("mwg-rs:Area"))
            values = [area.number(name(f"stArea:{each}")) for each in "xywh"]
            assert values == pytest.approx([0.8, 0.275, 0.3, 0.3])
    assert b"A. Person" in metadata.photoshop[iptc.IIM]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["jpeg", "webp", "avif", "tiff", "png"])
def test_the_orientation_is_the_files(format, orientation):
    tags = Image.Exif()
    tags[274] = orientation
    picture = decode(saved(photo()[:40, :60], format, exif=tags))
    assert picture.metadata.orientation == orientation
    assert picture.source_size == (Size(40, 60) if orientation >= 5 else Size(60, 40))


@pytest.mark.parametrize("target", ["jpeg", "webp", "avif", "png"])
def test_nothing_is_written_unasked(target):
    data = encode(decode(tagged("jpeg")).pixels, target)
    assert decode(data).metadata == SourceMetadata()
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
    long = SourceMetadata(xmp=packet(f"<dc:source>{'x' * 70_000}</dc:source>"))
    framing = Framing(Size(10, 10), Size(10, 10), Box(0, 0, 10, 10))
    metadata = long.for_variant(framing, "jpeg")
    assert metadata == Metadata(notes=(Note("XMP too long for a JPEG was left out"),))
    assert len(long.for_variant(framing, "png").xmp) > 70_000
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
    assert thumb[:200] in picture.metadata.exif
    size = picture.source_size
    framing = Framing(size, size, Box(0, 0, size.width, size.height))
    written = picture.metadata.for_variant(framing, "jpeg").exif
    assert b"artist" in written and thumb[:200] not in written

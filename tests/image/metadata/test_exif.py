"""EXIF blocks: what is read is written again, byte for byte of each value."""

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepcrop.image.metadata import exif
from deepcrop.image.metadata.exif_variant import carried, for_variant
from tests.image.metadata.test_exif_variant import REARRANGED, TURNED
from tests.image.samples import photo, saved


def block(order, entries, extra=b""):
    """Write a TIFF structure with one directory, entry by entry: (tag, type, count, 4 bytes)."""
    parts = [struct.pack(f"{order}2HI", *head) + value for *head, value in entries]
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return start + struct.pack(f"{order}H", len(parts)) + b"".join(parts) + bytes(4) + extra


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_directories_come_back(order):
    source = exif.Exif(order)
    main = {
        0x010E: exif.Entry(2, "Zwölf Boxkämpfer, © 2026\0".encode()),
        0x011A: exif.Entry(5, struct.pack(f"{order}2I", 300, 1)),
        0x8298: exif.Entry(129, "著作権\0".encode()),
    }
    whole = exif.Exif(
        order,
        main,
        {0xA002: source.long(600), 0x9214: source.shorts(1, 2, 3, 4)},
        {1: exif.Entry(2, b"N\0")},
        {1: exif.Entry(2, b"R98\0")},
    )
    data = whole.tobytes()
    again = exif.parse(data)
    assert again == whole
    pillow = Image.Exif()
    pillow.load(data)  # an independent reader
    assert pillow.get_ifd(0x8769)[0xA002] == 600
    assert pillow.get_ifd(0x8769)[0x9214] == (1, 2, 3, 4)
    assert pillow.get_ifd(0x8825)[1] == "N"
    assert pillow.get_ifd(0xA005)[1] == "R98"


def test_nothing_is_no_block():
    assert exif.Exif("<").tobytes() is None
    assert exif.parse(b"") is None
    assert exif.parse(b"Exif\0\0") is None
    assert exif.parse(b"Exif\0\0II*\0") is None  # cut short


def test_entries_outside_the_block_are_left_out():
    data = block(
        ">",
        [
            (0x010E, 2, 4, b"abc\0"),
            (0x010F, 2, 400, struct.pack(">I", 90)),
            (0x0110, 2, 2**31, struct.pack(">I", 8)),
            (0x0131, 99, 1, bytes(4)),
            (0x013B, 2, 0, bytes(4)),
        ],
    )
    assert exif.parse(data).main == {0x010E: exif.Entry(2, b"abc\0")}


def test_directories_that_point_to_each_other_end():
    data = bytearray(block("<", [(0x8769, 4, 1, struct.pack("<I", 8))]))
    data[-4:] = struct.pack("<I", 8)
    read = exif.parse(bytes(data), page=5)
    assert read == exif.Exif("<")


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_file_is_read_itself(big):
    tags = Image.Exif()
    tags[315], tags[270] = "the artist", "a caption"
    data = saved(photo()[:20, :30], "tiff", exif=tags, big_tiff=big)
    read = exif.parse(data)
    assert read.main[315].value == b"the artist\0"
    assert read.numbers(read.main[256]) == [30]


def test_a_page_takes_from_the_first_what_it_lacks():
    out = io.BytesIO()
    first, second = Image.new("RGB", (8, 8)), Image.new("RGB", (30, 20))
    first.encoderinfo, second.encoderinfo = {}, {}
    first.save(out, "tiff", save_all=True, append_images=[second], tiffinfo={315: "the artist"})
    read = exif.parse(out.getvalue(), page=1)
    assert read.numbers(read.main[256]) == [30]
    assert read.main[315].value == b"the artist\0"


def sample():
    source = exif.Exif(">")
    return exif.Exif(
        ">",
        {0x010E: exif.Entry(2, b"a caption\0"), 0x0112: source.shorts(6)},
        {
            0x9214: source.shorts(1, 2, 3),
            0x920A: exif.Entry(5, bytes(8)),
            0xA20E: source.long(600),
            0xA20F: exif.Entry(5, bytes(8)),
            0xA405: source.shorts(28),
        },
        {2: exif.Entry(5, bytes(24))},
        {1: exif.Entry(2, b"R03\0")},
    ).tobytes()


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=6)), max_size=6))
def test_mutated_blocks_never_raise(changes):
    data = bytearray(sample())
    for place, values in changes:
        at = 6 + place % (len(data) - 6)
        data[at : at + len(values)] = values
    read = exif.parse(bytes(data))
    if read is not None:
        read.numbers(read.main.get(0x0112))
        again = exif.parse(read.tobytes() or b"")
        assert (again or exif.Exif(read.order)) == read
        carried(read).tobytes()
        for framing in (TURNED, REARRANGED):
            exif.parse(for_variant(read, framing, "srgb").tobytes() or b"")

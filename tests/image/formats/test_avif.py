"""AVIF: the EXIF as it was written, and boxes that libavif refuses."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deepcrop.image import decode
from deepcrop.image.formats import avif
from deepcrop.image.formats.avif import exif_of
from deepcrop.image.metadata import exif
from tests.image.samples import photo, saved

OWNER = "© Größe\0".encode()
BLOCK = exif.Exif("<", {0x8298: exif.Entry(2, OWNER)}).tobytes()


def box(kind, body):
    return struct.pack(">I4s", 8 + len(body), kind) + body


def written(version=0, method=0, large=False):
    """Write the boxes of a file whose third item is EXIF, in two extents."""
    payload = struct.pack(">I", 6) + BLOCK
    half = len(payload) // 2
    width = ">I" if version == 2 else ">H"
    infe = [
        box(b"infe", bytes((2, 0, 0, 0)) + struct.pack(">2H4s", number, 0, kind))
        for number, kind in ((1, b"av01"), (2, b"mime"), (3, b"Exif"))
    ]
    iinf = box(b"iinf", bytes(4) + struct.pack(">H", 3) + b"".join(infe))
    files = box(b"ftyp", b"avifmif1") + box(b"free", payload)
    start = 0 if method else 24
    extents = struct.pack(">H4I", 2, 0, half, half, len(payload) - half)
    iloc = bytes((version, 0, 0, 0)) + b"\x44\x40" + struct.pack(width, 1) + struct.pack(width, 3)
    iloc += struct.pack(">H", method) if version else b""
    iloc += struct.pack(">HI", 0, start) + extents
    inside = iinf + box(b"iloc", iloc) + (box(b"idat", payload) if method else b"")
    meta = box(b"meta", bytes(4) + inside)
    if large:
        meta = struct.pack(">I4sQ", 1, b"meta", len(meta) + 8) + meta[8:]
    return files + meta


@pytest.mark.parametrize(
    ("version", "method", "large"), [(0, 0, False), (1, 0, True), (1, 1, False), (2, 1, False)]
)
def test_every_form_of_the_boxes_is_read(version, method, large):
    assert exif_of(written(version, method, large)) == BLOCK.removeprefix(exif.PREFIX)


def test_text_that_is_not_ascii_survives():
    tags = Image.Exif()
    tags[315] = "the artist"
    data = saved(photo()[:32, :32], "avif", exif=tags)
    assert exif.parse(exif_of(data)).main[315].value == b"the artist\0"
    changed = data.replace(b"the artist", "©".encode() + b"e artist")
    assert exif.parse(decode(changed).metadata.exif).main[315].value == "©e artist\0".encode()


def test_a_file_without_exif_has_none():
    assert exif_of(saved(photo()[:32, :32], "avif")) is None
    assert exif_of(b"") is None


@given(
    st.sampled_from([written(), written(1, 1), written(2, 1)]),
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=8)), max_size=5),
)
def test_mutated_files_never_raise(data, changes):
    data = bytearray(data)
    for place, values in changes:
        at = place % len(data)
        data[at : at + len(values)] = values
    exif.parse(exif_of(bytes(data)) or b"")


def with_a_box_each(data):
    """Return an AVIF whose box ``ipma`` is one box for each item, as cavif wrote them."""
    at = data.index(b"ipma") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    version, entries = data[at + 8 : at + 12], []
    place = at + 16
    while place < at + size:
        end = place + 3 + data[place + 2] * (2 if version[3] & 1 else 1)
        entries.append(data[place:end])
        place = end
    assert len(entries) > 1 and version[0] == 0
    apart = b"".join(box(b"ipma", version + b"\0\0\0\1" + entry) for entry in entries)
    grown = len(apart) - size
    out = bytearray(data[:at] + apart + data[at + size :])
    for kind in (b"iprp", b"meta"):
        start = data.index(kind) - 4
        out[start : start + 4] = (int.from_bytes(data[start : start + 4], "big") + grown).to_bytes(
            4, "big"
        )
    # The picture moves as far as the boxes grew.
    iloc = data.index(b"iloc") + 4
    count, item = int.from_bytes(data[iloc + 6 : iloc + 8], "big"), iloc + 8
    assert data[iloc] == 0 and data[iloc + 4] == 0x44 and data[iloc + 5] == 0
    for _ in range(count):
        where = int.from_bytes(data[item + 6 : item + 10], "big") + grown
        out[item + 6 : item + 10] = where.to_bytes(4, "big")
        item += 14
    return bytes(out)


def test_a_box_of_associations_for_each_item():
    """Libavif refuses it, and browsers show it."""
    rgba = np.dstack([photo()[:64, :64], np.arange(4096).reshape(64, 64) // 16]).astype(np.uint8)
    data = saved(rgba, "avif", quality=90)
    apart = with_a_box_each(data)
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(apart))
    assert np.array_equal(decode(apart).pixels, decode(data).pixels)
    assert decode(data).pixels.shape[2] == 4
    whole = avif.with_joined_associations(apart)
    assert len(whole) == len(apart) and avif.with_joined_associations(data) is data

"""HEIC: depth, orientation told by irot and imir, colours, several images, the missing extra."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from deepcrop.errors import Corrupt, NotAnImage, TooLarge, Unsupported
from deepcrop.flags import Flag
from deepcrop.geometry import Size
from deepcrop.image import decode, probe
from deepcrop.image.formats import heif
from jobs.faults.files.heif import heic
from tests.image.described import with_nclx
from tests.image.samples import DISPLAY_P3, in_srgb, matrix_profile, photo, psnr, shown

HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
needs_pillow_heif = pytest.mark.skipif(
    find_spec("pillow_heif") is None, reason="pillow-heif is not installed"
)


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(Unsupported, match=r"pip install 'deepcrop\[heif\]'"):
        probe(HEAD)


def box(kind, body):
    return (len(body) + 8).to_bytes(4, "big") + kind + body


@needs_pillow_heif
def test_kinds_that_libheif_does_not_read_are_not_called_corrupt():
    sequence = box(b"ftyp", b"msf1\0\0\0\0msf1hevc") + box(b"moov", bytes(100))
    with pytest.raises(Unsupported, match="image sequence without a still"):
        probe(sequence)
    data = heic(photo()[:64, :64]).replace(b"hvc1", b"avc1").replace(b"hvcC", b"avcC")
    at = data.index(b"avcC") + 4
    room = int.from_bytes(data[at - 8 : at - 4], "big") - 8
    settings = bytes([1, 66, 0, 31, 255, 225]) + (room - 15).to_bytes(2, "big")
    settings += bytes(room - 15) + bytes([1, 0, 4, 0, 0, 0, 0])  # one sequence, one picture
    other = data[:at] + settings + data[at + room :]
    with pytest.raises(Unsupported, match="coded by AVC: convert it first"):
        decode(other)


@pytest.mark.parametrize(
    ("properties", "orientation"),
    [
        ([], 1), (["irot1"], 8), (["irot2"], 3), (["irot3"], 6), (["imir0"], 4), (["imir1"], 2),
        (["irot1", "imir0"], 5), (["imir1", "irot1"], 5), (["irot3", "imir0"], 7),
    ],
)  # fmt: skip
def test_properties_are_applied_in_their_order(properties, orientation):
    ipco = b"".join(box(each[:4].encode(), bytes([int(each[4])])) for each in properties)
    numbers = bytes(range(1, len(properties) + 1))
    ipma = bytes(4) + b"\0\0\0\x01" + b"\0\x01" + bytes([len(numbers)]) + numbers
    iprp = box(b"iprp", box(b"ipco", ipco) + box(b"ipma", ipma))
    pitm = box(b"pitm", bytes(4) + b"\0\x01")
    data = box(b"ftyp", b"heic") + box(b"meta", bytes(4) + pitm + iprp)
    assert heif.orientation_of(data) == orientation


@needs_pillow_heif
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_once(orientation):
    stored = photo()[100:140, 200:264].copy()
    data = heic(stored, orientation=orientation)
    picture, wanted = decode(data), shown(stored, orientation)
    assert picture.pixels.shape == wanted.shape
    assert psnr(picture.pixels, wanted) > 40
    header = probe(data)
    assert (header.format, header.orientation) == ("heif", orientation)
    assert header.size == picture.source_size == Size(wanted.shape[1], wanted.shape[0])
    assert picture.metadata.orientation == orientation


@needs_pillow_heif
def test_exif_alone_turns_nothing():
    tags = Image.Exif()
    tags[274], tags[315] = 6, "who"
    data = heic(photo()[:40, :64].copy())
    assert b"irot" not in data
    told = heic(photo()[:40, :64].copy(), exif=tags.tobytes())
    picture = decode(told)
    if b"irot" not in told:
        assert picture.source_size == Size(64, 40)
    assert b"who" in picture.metadata.exif


@needs_pillow_heif
def test_ten_bits_grey_and_alpha():
    levels = np.arange(256).astype(np.uint16)
    deep = np.broadcast_to((levels * 257)[None, :, None], (64, 256, 3)).copy()
    assert probe(heic(deep)).mode == "RGB;10"
    assert np.abs(decode(heic(deep)).pixels.astype(int) - levels[None, :, None]).max() <= 1
    grey = photo()[:40, :64, :1].copy()
    assert psnr(decode(heic(grey)).pixels, np.repeat(grey, 3, 2)) > 40
    clear = np.dstack([photo()[:40, :64], np.full((40, 64), 90, np.uint8)])
    assert np.abs(decode(heic(clear)).pixels[..., 3].astype(int) - 90).max() <= 1


@needs_pillow_heif
def test_colours_by_profile_and_by_code_points():
    flat = np.full((64, 64, 3), (200, 90, 40), np.uint8)
    wanted = in_srgb(flat[:1, :1], DISPLAY_P3, 2.2)
    import io

    import pillow_heif

    file = pillow_heif.from_bytes("RGB", (64, 64), flat.tobytes())
    file[0].info["icc_profile"] = matrix_profile(DISPLAY_P3, 2.2)
    out = io.BytesIO()
    file.save(out, quality=100, chroma=444, save_nclx_profile=False)
    assert np.abs(decode(out.getvalue()).pixels - wanted).max() <= 3
    by_points = decode(with_nclx(heic(flat), 12, 4)).pixels  # P3, gamma 2.2
    assert np.abs(by_points - wanted).max() <= 3


@needs_pillow_heif
def test_pq_is_mapped_at_its_depth():
    deep = np.broadcast_to(np.arange(0, 60000, 250, dtype=np.uint16)[None, :, None], (64, 240, 3))
    picture = decode(with_nclx(heic(deep.copy()), 9, 16))
    assert picture.notes[0].flag is Flag.HDR_MAPPED
    assert len(np.unique(picture.pixels[0, :, 0])) > 90  # 8 bits of PQ would give some 60 levels
    assert (np.diff(picture.pixels[32, :, 1].astype(int)) >= -1).all()


@needs_pillow_heif
def test_the_primary_of_several_images_is_told():
    import io

    import pillow_heif

    file = pillow_heif.from_bytes("RGB", (64, 64), bytes(64 * 64 * 3))
    file.add_frombytes("RGB", (64, 64), b"\xff" * (64 * 64 * 3))
    out = io.BytesIO()
    file.save(out, primary_index=1)
    picture = decode(out.getvalue())
    assert [(note.text, note.flag) for note in picture.notes] == [
        ("image 2 of 2", Flag.PAGE_CHOSEN)
    ]
    assert picture.pixels.min() > 250
    assert probe(out.getvalue()).animated


@needs_pillow_heif
def test_limits_and_damage():
    data = heic(photo())
    with pytest.raises(TooLarge, match="512x512"):
        probe(data, max_pixels=512 * 512 - 1)
    whole = decode(data).pixels
    for cut in np.random.default_rng(0).integers(1, len(data), 30).tolist():
        try:
            assert np.array_equal(decode(data[:cut]).pixels, whole)
        except (Corrupt, NotAnImage, Unsupported):
            continue

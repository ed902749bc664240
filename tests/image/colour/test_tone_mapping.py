"""HDR to SDR: what is SDR inside comes back as it was, highlights roll off, hues hold."""

import struct

import numpy as np
import pytest

from deepcrop.flags import Flag, Note
from deepcrop.image import decode
from deepcrop.image.colour.space import from_code_points
from deepcrop.image.colour.tone_mapping import eetf, to_srgb
from jobs.faults.files.avif import deep_avif
from jobs.faults.files.png import cicp, png
from tests.image.described import CHROMATICITIES, from_srgb, hlg, in_srgb_from_light, pq
from tests.image.samples import photo, saved

BT2020 = CHROMATICITIES[9]
ENCODINGS = {16: pq, 18: hlg}
WHITE = 203.0


def light_of(levels):
    """BT.2020 light in cd/m² of sRGB levels, white at 203 (ITU-R BT.2408)."""
    return WHITE * from_srgb(levels, BT2020)


def stored(light, transfer, bits=16):
    return np.rint(ENCODINGS[transfer](light).clip(0, 1) * (2**bits - 1)).astype(int)


def hdr_png(light, transfer, *chunks, bits=16):
    return png(stored(light, transfer, bits), cicp(9, transfer), *chunks, bits=bits)


def clli(max_light, average=0):
    return b"cLLI", struct.pack(">II", round(10_000 * max_light), 10_000 * average)


def ramp(top, steps=512):
    """Grey light from 0 to ``top`` cd/m², as 8 rows."""
    return np.tile(np.linspace(0, top, steps)[None, :, None], (8, 1, 3))


def grey_level(light):
    return in_srgb_from_light(np.asarray(light)[..., None] / WHITE * np.ones(3), CHROMATICITIES[1])[
        ..., 0
    ]


@pytest.mark.parametrize("transfer", ENCODINGS)
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_an_sdr_photo_comes_back(name, transfer):
    original = photo(name)[::2, ::2]
    picture = decode(hdr_png(light_of(original), transfer))
    error = np.abs(picture.pixels.astype(int) - original)
    assert error.max() <= 3
    assert error.mean() <= 0.5
    words = {16: "HDR (PQ) tone-mapped to SDR", 18: "HDR (HLG) tone-mapped to SDR"}
    assert picture.notes == (Note(words[transfer], Flag.HDR_MAPPED),)
    assert picture.metadata.icc is None


@pytest.mark.parametrize(("bits", "limit"), [(8, 8), (10, 3), (12, 2)])
@pytest.mark.parametrize("transfer", ENCODINGS)
def test_white_grey_and_black_of_an_avif(transfer, bits, limit):
    blocks = np.repeat(np.array([255, 128, 0], np.uint8), 64)[None, :, None]
    signal = ENCODINGS[transfer](light_of(np.tile(blocks, (64, 1, 3))))
    if bits == 8:
        picture = decode(hdr_png(light_of(np.tile(blocks, (64, 1, 3))), transfer, bits=8))
    else:
        picture = decode(deep_avif(signal, 9, transfer, bits))
    found = picture.pixels[32, 32::64].astype(int)
    assert np.abs(found - [[255] * 3, [128] * 3, [0] * 3]).max() <= limit


def test_ten_bits_have_no_bands():
    """A ramp to white has 148 levels in 8 bits of PQ, and most of sRGB's 256 in 10."""
    light = ramp(WHITE, 1024)
    deep = decode(deep_avif(pq(light), 9, 16))
    shallow = decode(hdr_png(light, 16, bits=8))
    levels = [len(np.unique(p.pixels[4, :, 1])) for p in (deep, shallow)]
    assert levels[0] > 1.4 * levels[1]
    assert np.abs(deep.pixels[4, :, 1] - grey_level(light[4, :, 1])).max() <= 2


@pytest.mark.parametrize("peak", [203.1, 400, 1000, 4000, 10_000])
def test_the_curve(peak):
    light = np.linspace(0, peak, 5000)
    mapped = eetf(light, peak)
    assert np.all(np.diff(mapped) >= -1e-9)
    assert mapped[-1] == pytest.approx(WHITE, rel=1e-6)
    assert np.all(mapped <= light + 1e-6)
    # BT.2390: below its knee, KS = 1.5 maxLum - 0.5, nothing is changed.
    knee = 1.5 * pq(WHITE) / pq(peak) - 0.5
    below = pq(light) / pq(peak) < knee
    assert np.abs(mapped[below] - light[below]).max() <= 1e-6 * peak


def test_the_curve_at_a_worked_value():
    """203 cd/m² of 1,000, by hand: E1 = maxLum = 0.58069 / 0.75183 = 0.77237, KS = 0.65856.

    T = 0.33333, P = 0.74074 KS + 0.14815 (1 - KS) + 0.25926 maxLum = 0.73866, in PQ 0.55535.
    """
    mapped = float(eetf(np.array([WHITE]), 1000.0)[0])
    assert pq(mapped) == pytest.approx(0.55535, abs=2e-4)


@pytest.mark.parametrize("transfer", ENCODINGS)
def test_highlights_roll_off(transfer):
    light = ramp(1000.0)
    row = decode(hdr_png(light, transfer)).pixels[4, :, 1].astype(int)
    assert np.all(np.diff(row) >= 0)
    assert row[-1] == 255
    assert [row[i] for i in (128, 256)] == pytest.approx([238, 253], abs=4)  # 250, 500 cd/m²
    dark = light[4, :, 1] < 60  # well under the knee at 92 cd/m²
    assert np.abs(row[dark] - grey_level(light[4, dark, 1])).max() <= 2


def test_hues_hold():
    """A colour ten times as bright as it may be keeps its ratios of red to green to blue."""
    base = np.array([0.9, 0.5, 0.3])
    light = ramp(1000.0) * base
    pixels = decode(hdr_png(np.maximum(light, 0), 16)).pixels[4].astype(float) / 255
    seen = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    bt709 = in_srgb_from_light(base[None] / 2, BT2020)[0] / 255
    wanted = np.where(bt709 <= 0.04045, bt709 / 12.92, ((bt709 + 0.055) / 1.055) ** 2.4)
    some = (pixels[:, 0] > 0.3) & (pixels.max(1) < 0.999)
    ratios = seen[some] / seen[some][:, :1]
    assert some.sum() > 50
    assert np.abs(ratios - wanted / wanted[0]).max() <= 0.02


def test_the_light_level_of_the_file_counts():
    light = light_of(photo()[::4, ::4])
    light[:2] = 900.0  # 1.6% of the rows
    level = {told: decode(hdr_png(light, 16, *chunks)).pixels for told, chunks in {
        "nothing": (), "right": (clli(900),), "more": (clli(4000),), "none": (clli(0),),
        "less": (clli(203),), "short": ((b"cLLI", b"\0\0\0"),),
    }.items()}  # fmt: skip
    for told in level:  # what is contradicted by pixels, absurd or absent doesn't count
        assert np.abs(level[told].astype(int) - level["nothing"]).max() <= 1, told
    light[:2] = light[2:4]
    light[0, 0] = 900.0  # one sparkle: ignored, unless the file says that it counts
    plain = decode(hdr_png(light, 16)).pixels.astype(int)
    counted = decode(hdr_png(light, 16, clli(900))).pixels.astype(int)
    assert np.abs(plain - photo()[::4, ::4])[4:].max() <= 3
    assert (plain - counted)[4:].max() > 10


def test_the_light_level_of_an_avif_counts():
    from deepcrop.image.formats.avif import primary_colour

    signal = pq(light_of(photo()[::4, ::4]))
    signal[0, 0] = pq(900.0)
    data = deep_avif(signal, 9, 16, bits=12)
    assert primary_colour(data).max_light is None
    told = with_property(data, b"clli" + struct.pack(">HH", 900, 100))
    assert primary_colour(told).max_light == 900
    assert primary_colour(told).bits == 12
    assert decode(told).pixels.mean() < decode(data).pixels.mean() - 1


def test_small_pictures_and_flat_ones():
    for light in (np.zeros((1, 1, 3)), np.full((1, 1, 3), 10_000.0), np.full((3, 5, 3), 203.0)):
        picture = decode(hdr_png(light, 16))
        assert np.abs(picture.pixels - min(255, light.max() * 255 / 203)).max() <= 1


def test_the_result_is_the_same_each_time():
    data = hdr_png(ramp(3000.0), 16)
    assert np.array_equal(decode(data).pixels, decode(data).pixels)


def test_kept_and_stripped():
    data = hdr_png(light_of(photo()[::4, ::4]), 16)
    kept, converted = decode(data, colour="keep"), decode(data)
    assert np.array_equal(kept.pixels, converted.pixels)
    assert kept.metadata.icc is None
    stripped = decode(data, colour="strip")
    assert [note.flag for note in stripped.notes] == [None]
    assert stripped.pixels.max() < 160


def test_grey_samples():
    levels = np.arange(256)[None, :, None]
    signal = stored(light_of(np.repeat(levels, 3, 2)), 16)[..., :1]
    picture = decode(png(signal, cicp(9, 16), bits=16))
    assert np.abs(picture.pixels[0] - np.arange(256)[:, None]).max() <= 1


def test_orientation_applies(tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6
    light = light_of(photo()[::4, ::4])
    plain = hdr_png(light, 16)
    turned = hdr_png(light, 16, (b"eXIf", exif.tobytes()[6:]))
    assert np.array_equal(decode(turned).pixels, np.rot90(decode(plain).pixels, -1))


def test_strips_give_what_the_whole_gives():
    space = from_code_points(9, 16)
    samples = stored(light_of(photo()), 16)[:, :64].astype(np.uint16)
    tall = np.concatenate([samples, samples])
    whole = to_srgb(tall, 16, space)
    assert np.array_equal(whole[: len(samples)], whole[len(samples) :])
    assert np.array_equal(whole[: len(samples)], to_srgb(samples, 16, space))


def test_no_sdr_file_gets_a_note():
    assert decode(saved(photo(), "png")).notes == ()
    assert decode(png(photo(), cicp(12, 13))).notes == ()


def with_property(data, box):
    """Add a property to the first item of an AVIF: sizes and the offset in ``iloc`` grow along."""
    whole = struct.pack(">I", len(box) + 4) + box

    def grown(data, kind, by):
        at = data.index(kind) - 4
        size = int.from_bytes(data[at : at + 4], "big") + by
        return data[:at] + size.to_bytes(4, "big") + data[at + 4 :]

    start = data.index(b"ipco") - 4
    size = int.from_bytes(data[start : start + 4], "big")
    count, at = 0, start + 8
    while at < start + size:
        at, count = at + int.from_bytes(data[at : at + 4], "big"), count + 1
    data = data[:at] + whole + data[at:]
    ipma = data.index(b"ipma")
    pairs = ipma + 4 + 4 + 4 + 2  # version and flags, entries, the item's number
    data = data[:pairs] + bytes([data[pairs] + 1]) + data[pairs + 1 :]
    end = pairs + data[pairs]
    data = data[:end] + bytes([count + 1]) + data[end:]
    for kind, by in ((b"ipco", len(whole)), (b"ipma", 1)):
        data = grown(data, kind, by)
    for kind in (b"iprp", b"meta"):
        data = grown(data, kind, len(whole) + 1)
    iloc = data.index(b"iloc")
    old = (data.index(b"mdat") + 4 - len(whole) - 1).to_bytes(4, "big")
    place = data.index(old, iloc)
    return data[:place] + (data.index(b"mdat") + 4).to_bytes(4, "big") + data[place + 4 :]


def test_the_manifest_tells(tmp_path):
    from deepcrop.job import Job
    from deepcrop.stages.local import LocalPipeline

    path = tmp_path / "hdr.png"
    path.write_bytes(hdr_png(light_of(photo()[::4, ::4]), 16))
    job = Job(input="-", output=str(tmp_path / "out"), method="center", aspects=["1:1"])
    work = LocalPipeline(job).process(str(path), "hdr")
    assert [(note.text, note.flag) for note in work.notes] == [
        ("HDR (PQ) tone-mapped to SDR", Flag.HDR_MAPPED)
    ]

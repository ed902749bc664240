"""Hostile images: valid seeds of every format, and seeded mutations of them."""

import io
import zlib

import imagecodecs
import numpy as np
from PIL import Image, ImageCms, TiffImagePlugin

from tests.image.animations import animated_webp, offset_gif
from tests.image.described import CHROMATICITIES, chrm, cicp, deep_avif, gama
from tests.image.described import png as described_png
from tests.image.jpegs import arithmetic
from tests.image.pngs import keyed_png
from tests.image.tiffs import page, tiff

_INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)


def seeds():
    """Return small valid files by name: every format, and the variety inside each."""
    y, x = np.mgrid[:48, :64]
    texture = np.random.default_rng(0).integers(0, 40, (48, 64, 3))
    rgb = Image.fromarray((np.stack([x * 3, y * 4, x + y], -1) + texture).astype(np.uint8))
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray((x * 4).astype(np.uint8)))
    palette = rgb.quantize(32)
    deep = Image.fromarray((x * 1000).astype(np.uint16))
    exif = Image.Exif()
    exif[274], exif[271] = 6, "maker"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    marks = {"exif": exif.tobytes(), "icc_profile": icc, "xmp": b"<x:xmpmeta>" + b" " * 99}
    frames = {"save_all": True, "append_images": [rgb.rotate(180), rgb.rotate(90)]}
    clear = {"transparency": 3}
    made = {
        "jpeg-plain": (rgb, {}),
        "jpeg-marks": (rgb, marks),
        "jpeg-progressive": (rgb, {"progressive": True}),
        "jpeg-restarts": (rgb, {"restart_marker_blocks": 2, "subsampling": 0}),
        "jpeg-grey": (rgb.convert("L"), {}),
        "jpeg-cmyk": (rgb.convert("CMYK"), {}),
        "png-rgb": (rgb, {}),
        "png-marks": (rgba, {key: marks[key] for key in ("exif", "icc_profile")}),
        "png-palette": (palette, clear),
        "png-deep": (deep, {}),
        "png-bits": (rgb.convert("1"), {}),
        "png-animated": (rgb, frames),
        "webp-lossy": (rgb, marks),
        "webp-lossless": (rgba, {"lossless": True}),
        "webp-alpha": (rgba, {"quality": 60}),
        "webp-animated": (rgb, frames),
        "avif-plain": (rgb, {"speed": 10, "max_threads": 1}),
        "avif-alpha": (rgba, {"speed": 10, "max_threads": 1, **marks}),
        "avif-animated": (rgb, {"speed": 10, "max_threads": 1, **frames}),
        "tiff-raw": (rgb, marks),
        "tiff-lzw": (rgb, {"compression": "tiff_lzw"}),
        "tiff-deflate": (rgba, {"compression": "tiff_adobe_deflate"}),
        "tiff-packbits": (palette, {"compression": "packbits"}),
        "tiff-jpeg": (rgb, {"compression": "jpeg"}),
        "tiff-fax": (rgb.convert("1"), {"compression": "group4"}),
        "tiff-deep": (deep, {}),
        "tiff-float": (rgb.convert("F"), {}),
        "tiff-cmyk": (rgb.convert("CMYK"), {}),
        "tiff-lab": (rgb.convert("LAB"), {}),
        "tiff-pages": (rgb, frames),
        "tiff-big": (rgb, {"big_tiff": True}),
        "gif-plain": (palette, {}),
        "gif-clear": (palette, clear),
        "gif-animated": (rgb, frames),
        "bmp-rgb": (rgb, {}),
        "bmp-palette": (palette, {}),
        "bmp-bits": (rgb.convert("1"), {}),
    }
    files = {}
    for name, (image, options) in made.items():
        out = io.BytesIO()
        image.save(out, name.split("-")[0], **options)
        files[name] = out.getvalue()
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274] = 8
    out = io.BytesIO()
    rgb.save(out, "tiff", tiffinfo=tags, compression="tiff_lzw")
    files["tiff-turned"] = out.getvalue()
    wide = np.asarray(rgb).astype(int) * 200
    colours = gama(100_000), chrm(*CHROMATICITIES[12])
    files["png-hdr"] = described_png(wide, cicp(9, 16), bits=16)
    files["png-gamma"] = described_png(wide[..., :1], *colours, bits=16)
    files["avif-hdr"] = deep_avif(wide / 65535, 9, 16)
    return files | _rare(np.asarray(rgb))


def _rare(rgb):
    """Return kinds that Pillow doesn't write, (48, 64, 3) uint8 in."""
    deep, grey = rgb.astype(np.uint16) * 257, rgb[..., :1]
    share = (rgb / 255).astype(np.float32)
    alpha = np.concatenate([deep, deep[..., :1]], axis=2)
    inks = np.concatenate([rgb, grey, grey], axis=2)
    colours = {320: ("H", (np.arange(48) * 1300).tolist())}
    thumbnail = page(rgb[::4, ::4], 2, tags={254: ("I", [1])})
    return {
        "jpeg-twelve": imagecodecs.jpeg8_encode(deep >> 4, 90, bitspersample=12),
        "jpeg-lossless": imagecodecs.jpeg8_encode(rgb, lossless=True),
        "jpeg-ls": imagecodecs.jpegls_encode(deep),
        "jpeg-arithmetic": arithmetic(64, 48, 2, 2),
        "png-key-bits": keyed_png(grey.astype(int) >> 6, 2, 0, (1,)),
        "png-key-deep": keyed_png(deep.astype(int), 16, 2, deep[9, 9].tolist()),
        "gif-offset": offset_gif(),
        "webp-offset": animated_webp(alpha=True),
        "tiff-planes": tiff(page(deep, 2, planar=True, compression="lzw", predictor=2)),
        "tiff-tiles": tiff(page(alpha, 2, extra=(1,), tile=(32, 16), compression="zstd")),
        "tiff-white": tiff(page(deep[..., :1], 0, order=">", rows=7), order=">"),
        "tiff-signed": tiff(page((deep[..., :1] >> 1).astype("i2"), 1, compression="packbits")),
        "tiff-floats": tiff(page(share, 2, compression="deflate", predictor=3)),
        "tiff-cmyka": tiff(page(inks, 5, extra=(2,), compression="lzma")),
        "tiff-nibbles": tiff(page(grey >> 4, 3, bits=4, tags=colours, fill_order=2)),
        "tiff-twelve": tiff(page(deep >> 4, 2, bits=12, compression="deflate")),
        "tiff-lab-deep": tiff(page(deep, 8, planar=True)),
        "tiff-ycbcr": tiff(page(rgb, 6, tags={530: ("H", [1, 1])})),
        "tiff-thumbnail": tiff(thumbnail, page(rgb, 2, rows=16)),
        "tiff-nested": tiff(thumbnail, nested=[page(deep, 2)]),
        "tiff-big-endian": tiff(page(rgb, 2, order=">", rows=9), order=">", big=True),
    }


def mutation(files, seed, index):
    """Return the ``index``-th mutation of a run: (name, bytes). The same arguments, the same bytes.

    Args:
        files: what `seeds` gave.
        seed: the run's seed.
        index: any number from 0.
    """
    random = np.random.default_rng([seed, index])
    names = sorted(files)
    name = names[index % len(names)]
    data = bytearray(files[name])
    for _ in range(int(random.integers(1, 4))):
        change = _CHANGES[random.integers(len(_CHANGES))]
        data = bytearray(change(data, random, files)) or data
    if name.startswith("png") and random.random() < 0.7:
        data = _with_right_sums(data)
    return name, bytes(data)


def _place(data, random):
    """Half of all changes hit the first 600 bytes, where the headers are."""
    end = min(len(data), 600) if random.random() < 0.5 else len(data)
    return int(random.integers(max(1, end)))


def _flip_bits(data, random, files):
    for _ in range(int(random.integers(1, 17))):
        data[_place(data, random)] ^= 1 << int(random.integers(8))
    return data


def _set_bytes(data, random, files):
    at = _place(data, random)
    patch = random.bytes(int(random.integers(1, 33)))
    return data[:at] + patch + data[at + len(patch) :]


def _edit_number(data, random, files):
    """Overwrite what may be a length, a count, an offset or a side."""
    at, width = _place(data, random), int(random.choice([1, 2, 4]))
    value = _INTERESTING[random.integers(len(_INTERESTING))]
    if random.random() < 0.3:
        value = int.from_bytes(data[at : at + width], "big") + int(random.integers(-9, 10))
    order = "big" if random.random() < 0.5 else "little"
    patch = (value % (1 << 8 * width)).to_bytes(width, order)
    return data[:at] + patch + data[at + width :]


def _truncate(data, random, files):
    return data[: int(random.integers(1, len(data) + 1))]


def _span(data, random):
    at = _place(data, random)
    return at, at + int(
        random.integers(1, 1 + min(len(data) - at, int(random.choice([8, 64, 4096]))))
    )


def _delete(data, random, files):
    start, end = _span(data, random)
    return data[:start] + data[end:]


def _duplicate(data, random, files):
    start, end = _span(data, random)
    return data[:end] + data[start:end] * int(random.integers(1, 9)) + data[end:]


def _move(data, random, files):
    start, end = _span(data, random)
    rest = data[:start] + data[end:]
    at = _place(rest, random)
    return rest[:at] + data[start:end] + rest[at:]


def _splice(data, random, files):
    """The head of this file and the tail of another."""
    names = sorted(files)
    other = files[names[random.integers(len(names))]]
    return data[: _place(data, random)] + other[int(random.integers(len(other))) :]


def _append(data, random, files):
    return data + random.bytes(int(random.integers(1, 2000)))


_CHANGES = (
    *(_flip_bits, _set_bytes, _edit_number, _edit_number),
    *(_truncate, _delete, _duplicate, _move, _splice, _append),
)


def _with_right_sums(data):
    """Correct the CRC of each PNG chunk, or the reader would stop at the first wrong one."""
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return data

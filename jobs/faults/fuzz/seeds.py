"""Small valid files of every format that deepcrop reads, and of the variants of each."""

from __future__ import annotations

import importlib.util
import io
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, TiffImagePlugin

from ..files import heif
from ..files.animation import animated_webp, offset_gif
from ..files.avif import deep_avif
from ..files.jpeg import arithmetic
from ..files.png import chrm, cicp, gama, keyed_png, png
from ..files.psd import psd
from ..files.raw import dng
from ..files.tiff import page, tiff

DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290))
"""Chromaticities (CIE x, y) of red, green, blue and white."""
BT2020_PQ = (9, 16)
"""Code points of ITU-T H.273: primaries and transfer function."""


def seeds() -> dict[str, bytes]:
    """Return the files by name, FORMAT-VARIANT."""
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
    made: dict[str, tuple[Image.Image, dict[str, Any]]] = {
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
    files: dict[str, bytes] = {}
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
    colours = gama(100_000), chrm(*DISPLAY_P3)
    files["png-hdr"] = png(wide, cicp(*BT2020_PQ), bits=16)
    files["png-gamma"] = png(wide[..., :1], *colours, bits=16)
    files["avif-hdr"] = deep_avif(wide / 65535, *BT2020_PQ)
    files["jxl-recompressed"] = bytes(imagecodecs.jpegxl_encode_jpeg(files["jpeg-marks"]))
    if importlib.util.find_spec("rawpy") is not None:
        files["raw-dng"] = dng(files["jpeg-marks"], rgb.size)
        files["raw-turned"] = dng(files["jpeg-plain"], rgb.size, orientation=6, order=">")
    return files | _rare(np.asarray(rgb)) | _newer(np.asarray(rgb))


def _newer(rgb: NDArray[np.uint8]) -> dict[str, bytes]:
    """Return JPEG XL, Photoshop and HEIC files of an image (48, 64, 3)."""
    deep = rgb.astype(np.uint16) * 257
    share = (rgb / 255).astype(np.float32)
    alpha = np.dstack([rgb, rgb[..., :1]])
    palette = np.arange(768, dtype=np.uint16).astype(np.uint8).tobytes()
    jxl = {
        "plain": imagecodecs.jpegxl_encode(rgb),
        "lossy": imagecodecs.jpegxl_encode(rgb, distance=1.0),
        "alpha": imagecodecs.jpegxl_encode(alpha),
        "deep": imagecodecs.jpegxl_encode(deep, usecontainer=True),
        "floats": imagecodecs.jpegxl_encode(share, distance=0.5),
        "grey": imagecodecs.jpegxl_encode(rgb[..., 0], distance=1.0),
        "animated": imagecodecs.jpegxl_encode(np.stack([rgb, rgb[::-1]])),
    }
    files = {
        "psd-rgb": psd(rgb, 3),
        "psd-alpha": psd(alpha, 3, layers=-1),
        "psd-deep": psd(deep, 3, compression="zip-predicted", large=True),
        "psd-floats": psd(share, 3, compression="zip-predicted"),
        "psd-cmyk": psd(alpha, 4, compression="none"),
        "psd-palette": psd(rgb[..., :1], 2, palette=palette),
        "psd-bits": psd(rgb[..., :1] >> 7, 0, bits=1),
        "psd-lab": psd(rgb, 9, compression="zip"),
    }
    files |= {f"jxl-{name}": bytes(data) for name, data in jxl.items()}
    if heif.INSTALLED:
        files["heif-plain"] = heif.heic(rgb)
        files["heif-turned"] = heif.heic(rgb, orientation=6)
        files["heif-alpha"] = heif.heic(alpha)
        files["heif-deep"] = heif.heic(deep)
    return files


def _rare(rgb: NDArray[np.uint8]) -> dict[str, bytes]:
    """Return variants that Pillow doesn't write, of an image (48, 64, 3)."""
    deep, grey = rgb.astype(np.uint16) * 257, rgb[..., :1]
    share = (rgb / 255).astype(np.float32)
    alpha = np.concatenate([deep, deep[..., :1]], axis=2)
    inks = np.concatenate([rgb, grey, grey], axis=2)
    colours = {320: ("H", (np.arange(48) * 1300).tolist())}
    thumbnail = page(rgb[::4, ::4], 2, tags={254: ("I", [1])})
    return {
        "jpeg-twelve": bytes(imagecodecs.jpeg8_encode(deep >> 4, 90, bitspersample=12)),
        "jpeg-lossless": bytes(imagecodecs.jpeg8_encode(rgb, lossless=True)),
        "jpeg-ls": bytes(imagecodecs.jpegls_encode(deep)),
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

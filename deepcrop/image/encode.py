"""Encode pixels as JPEG, WebP, AVIF, PNG or JPEG XL; equal arguments give equal bytes."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import RenderError
from .formats import jpeg, png
from .formats.jxl_writer import encode_jxl
from .gain_maps import jpeg_form, xmp_form
from .gain_maps.model import GainMap
from .metadata.blocks import Metadata
from .picture import over_white
from .settings import DEFAULT_SETTINGS, EncoderSettings

OUTPUT_FORMATS = {
    "jpeg": ".jpg",
    "webp": ".webp",
    "avif": ".avif",
    "png": ".png",
    "jxl": ".jxl",
}
"""The suffix of the files of each format that can be written."""

# Few programs read JPEG XL, so its sources become PNG unless it is asked for by name.
_INSTEAD = {"heif": "jpeg", "raw": "jpeg", "jxl": "png"}
DEFAULT_QUALITY = {"jpeg": 88, "webp": 82, "avif": 65, "jxl": 85}
"""The quality by format where none is asked for, on the format's own scale."""
# AVIF itself allows 65535 and more, but libavif, which browsers use, has lower limits
# (AVIF_DEFAULT_IMAGE_DIMENSION_LIMIT and AVIF_DEFAULT_IMAGE_SIZE_LIMIT).
_AVIF_PIXELS = 16384 * 16384
LONGEST_SIDE = {"jpeg": 65500, "webp": 16383, "avif": 32768, "png": 2**31 - 1, "jxl": 2**30}
"""The longest side, in pixels, of files that can be written and opened again, by format."""


def output_format(wanted: str, source: str) -> str:
    """Resolve ``same`` to the source's format if it can be written.

    Else it is JPEG for HEIF and the previews of raw files, which are lossy themselves, and PNG
    (lossless) for others.

    Args:
        wanted: jpeg, webp, avif, png, jxl or same.
        source: the source's format.
    """
    if wanted != "same":
        return wanted
    instead = _INSTEAD.get(source)
    return instead or (source if source in OUTPUT_FORMATS else "png")


def encode(
    pixels: NDArray[np.uint8],
    format: str,
    *,
    quality: int | None = None,
    metadata: Metadata | None = None,
    gain_map: GainMap | None = None,
    settings: EncoderSettings = DEFAULT_SETTINGS,
) -> bytes:
    """Encode one image.

    Args:
        pixels: (H, W, 3), or (H, W, 4) with alpha, which all formats keep but JPEG: for JPEG the
            pixels are composited over white.
        format: jpeg, webp, avif, png or jxl.
        quality: 1 to 100 on the format's own scale; by default jpeg 88, webp 82, avif 65, jxl 85.
            PNG is lossless and has none.
        metadata: the metadata blocks to write into the file.
        gain_map: the gain map of the pixels; only JPEG takes one, other formats leave it out.
        settings: what else is chosen of each format's encoder.

    Raises:
        RenderError: the format can't hold an image of this size, or there is no such format.
    """
    height, width = pixels.shape[:2]
    if format not in OUTPUT_FORMATS:
        raise RenderError(f"format {format!r}: expected one of {', '.join(OUTPUT_FORMATS)}")
    if max(height, width) > LONGEST_SIDE[format]:
        limit = LONGEST_SIDE[format]
        why = "can be opened with" if format == "avif" else "holds"
        raise RenderError(f"{width}x{height} pixels: {format} {why} at most {limit} a side")
    if format == "avif" and height * width > _AVIF_PIXELS:
        raise RenderError(
            f"{width}x{height} pixels: avif can be opened with at most {_AVIF_PIXELS} pixels"
        )
    if quality is not None and not 1 <= quality <= 100:
        raise RenderError(f"quality {quality}: expected 1 to 100")
    metadata = metadata or Metadata()
    quality = quality or DEFAULT_QUALITY.get(format, 100)
    if format == "jpeg":
        flat = over_white(pixels)
        if gain_map is None:
            return _jpeg(flat, quality, metadata, settings)
        behind = jpeg_form.encoded(gain_map)
        metadata = replace(metadata, xmp=xmp_form.for_base(metadata.xmp, len(behind)))
        return jpeg_form.joined(_jpeg(flat, quality, metadata, settings), behind)
    if format == "jxl":
        return encode_jxl(pixels, quality, metadata, settings)
    options = settings.for_pillow(format, quality)
    blocks = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": metadata.icc}
    options |= {name: block for name, block in blocks.items() if block}
    if format == "png" and metadata.xmp:
        options["pnginfo"] = _png_text(metadata.xmp)
        del options["xmp"]
    image, out = Image.fromarray(pixels), io.BytesIO()
    try:
        image.save(out, format, **options)
    except (OSError, ValueError, MemoryError) as error:
        raise RenderError(f"{format} of {width}x{height} pixels: {error}") from error
    return out.getvalue()


def flattens(pixels: NDArray[np.uint8], format: str) -> bool:
    """Return whether `encode` composites the pixels over white because the format has no alpha."""
    return format == "jpeg" and pixels.shape[2] == 4 and bool(pixels[..., 3].min() < 255)


def _png_text(xmp: bytes) -> PngInfo:
    """Return the iTXt chunk that holds an XMP packet."""
    info = PngInfo()
    info.add_itxt(png.XMP_KEYWORD.decode(), xmp.decode("utf-8", "replace"))
    return info


def _jpeg(
    pixels: NDArray[np.uint8], quality: int, metadata: Metadata, settings: EncoderSettings
) -> bytes:
    """Encode a JPEG, and insert the metadata's segments after the JFIF header."""
    try:
        if settings.progressive:
            out = io.BytesIO()
            Image.fromarray(pixels).save(out, "jpeg", **settings.for_pillow("jpeg", quality))
            data = out.getvalue()
        else:
            data = simplejpeg.encode_jpeg(
                np.ascontiguousarray(pixels),
                quality=quality,
                colorsubsampling=settings.chroma.replace(":", ""),
            )
    except (OSError, ValueError, MemoryError) as error:
        raise RenderError(f"jpeg of {pixels.shape[1]}x{pixels.shape[0]} pixels: {error}") from error
    blocks = b"".join(_segments(metadata))
    if not blocks:
        return data
    return jpeg.with_blocks(data, blocks)


def _segments(metadata: Metadata) -> list[bytes]:
    """Return the metadata's segments: APP1 (EXIF, XMP), APP13 (IPTC), and APP2 segments (ICC).

    EXIF, XMP and IPTC are left out if they don't fit one segment.
    """
    segments = []
    if metadata.exif:
        segments.append(jpeg.segment(jpeg.APP1, metadata.exif))
    if metadata.xmp:
        segments.append(jpeg.segment(jpeg.APP1, jpeg.XMP_HEADER + metadata.xmp))
    if metadata.iptc:
        segments.append(jpeg.segment(jpeg.APP13, jpeg.PHOTOSHOP_HEADER + metadata.iptc))
    if metadata.icc:
        room = jpeg.MAX_PAYLOAD - len(jpeg.ICC_HEADER) - 2  # the part's number and their count
        parts = [metadata.icc[at : at + room] for at in range(0, len(metadata.icc), room)]
        if len(parts) < 256:
            for number, part in enumerate(parts, 1):
                count = bytes([number, len(parts)])
                segments.append(jpeg.segment(jpeg.APP2, jpeg.ICC_HEADER + count + part))
    return segments

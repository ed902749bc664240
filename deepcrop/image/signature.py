"""Detect the format of a file from its first bytes."""

from __future__ import annotations

from ..errors import NotAnImage
from .formats import heif, jxl, png, psd, raw, webp
from .formats.tiff.directory import MAGIC_NUMBERS

_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x1aE\xdf\xa3", "Matroska video"),
    (b"RIFF", "a RIFF file that is not WebP"),
    (b"\x00\x05\x16\x07", "AppleDouble, a Mac's metadata of another file (._NAME)"),
    (b"<?xml", "XML"),
    (b"{", "JSON"),
)


def format_of(data: bytes) -> str:
    """Return the format of a file: jpeg, png, webp, avif, tiff, gif, bmp, heif, jxl, psd or raw.

    Raw files in TIFF are told by their pages, not here.

    Raises:
        NotAnImage: the format is none of these; the message says what the bytes look like.
    """
    head = bytes(data[:64])
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(png.SIGNATURE):
        return "png"
    if webp.is_webp(head):
        return "webp"
    if (brands := _brands(head)) and (format := _format_of_brands(brands)):
        return format
    if head.startswith(MAGIC_NUMBERS):
        return "tiff"
    if head.startswith(raw.SIGNATURES) or head.startswith(*raw.CIFF):
        return "raw"
    if jxl.is_jxl(head):
        return "jxl"
    if head.startswith(psd.SIGNATURE):
        return "psd"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head.startswith(b"BM") and not _is_text(head):
        return "bmp"
    raise NotAnImage(f"not an image that can be read: {_looks_like(data)}")


def _brands(head: bytes) -> list[bytes]:
    """Return the brands of an ISO base media file, the major one first; empty for other files."""
    if head[4:8] != b"ftyp":
        return []
    listed = head[8 : min(int.from_bytes(head[:4], "big"), len(head))]
    return [listed[i : i + 4] for i in range(0, len(listed), 4) if i != 4]


def _format_of_brands(brands: list[bytes]) -> str | None:
    if b"avif" in brands or b"avis" in brands:
        return "avif"
    if brands[0] == raw.CANON_BRAND:
        return "raw"
    return "heif" if heif.is_heif(brands) else None


def _looks_like(data: bytes) -> str:
    head = bytes(data[:512])
    if not head:
        return "empty (0 bytes)"
    for magic in (b"\xff\xd8\xff", png.SIGNATURE, b"GIF89a", *MAGIC_NUMBERS[:2]):
        if len(head) < len(magic) and magic.startswith(head):
            return f"truncated to {len(head)} bytes"
    if not any(head):
        return "zero bytes only"
    stripped = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lowered = stripped.lower()
    if lowered.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "HTML"
    if b"<svg" in lowered:
        return "SVG"
    if head[4:8] == b"ftyp":
        return f"video (brand {head[8:12].decode('latin-1')!r})"
    for magic, what in _OTHERS:
        if stripped.startswith(magic):
            return what
    if _is_text(head):
        return f"text ({stripped[:24].decode('utf-8', 'replace')!r}...)"
    return f"unknown bytes ({head[:8].hex(' ')})"


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)

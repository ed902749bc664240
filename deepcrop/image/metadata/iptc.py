"""Read and rewrite IPTC-IIM: captions, credits and rights.

A JPEG stores them as one of Photoshop's image resources in its segment APP13. WebP, AVIF and PNG
can't store them; there they are written as the XMP properties of IPTC's official mapping, unless
the packet has these properties already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

IIM = 0x0404
_DIGEST = 0x0425
_KEPT = (0x040A, 0x040B)
"""Numbers of the image resources that are kept beside IPTC's: copyright flag and copyright URL.

The other resources (thumbnails, print sizes, guides, paths, slices, a profile) describe the whole
photo.
"""
_RECORDS = frozenset((1, 2))
"""Records of IIM 4.2 that are kept: envelope and application.

Records 3 and 7 to 9 hold sizes, pixels and previews of the source.
"""
_UNTRUE = frozenset((125, 130, 131, 200, 201, 202))
"""Datasets of record 2 that are left out because they describe the source.

They are the rasterised caption, the image's components and layout (portrait, landscape), and its
preview.
"""


def resources(block: bytes | memoryview) -> dict[int, bytes]:
    """Split Photoshop's image resources by number.

    Args:
        block: the resources, without the header ``Photoshop 3.0`` and its zero byte.
    """
    found: dict[int, bytes] = {}
    data, at = bytes(block), 0
    while data[at : at + 4] == b"8BIM" and at + 12 <= len(data):
        number = int.from_bytes(data[at + 4 : at + 6], "big")
        at += 6 + (data[at + 6] + 2) // 2 * 2  # a Pascal string, padded to even length
        length = int.from_bytes(data[at : at + 4], "big")
        found.setdefault(number, data[at + 4 : at + 4 + length])
        at += 4 + (length + 1) // 2 * 2
    return found


def of_tiff(value: bytes) -> bytes | None:
    """Return the IIM datasets of TIFF's tag 33723; many writers swap the bytes of 32-bit words."""
    if value[:1] != b"\x1c" and value[3:4] == b"\x1c":
        words = (value[at : at + 4][::-1] for at in range(0, len(value), 4))
        value = b"".join(words)
    return value if value[:1] == b"\x1c" else None


def for_variant(known: Mapping[int, bytes]) -> bytes | None:
    """Return the resources that are valid for a variant; None if there are none.

    The digest by which editors detect changes (MWG 2.0) is updated if it matched the source.
    """
    kept = {number: known[number] for number in _KEPT if number in known}
    before = known.get(IIM)
    after = b"".join(_datasets(before)) if before else b""
    if before and after:
        kept[IIM] = after
        if known.get(_DIGEST) == _md5(before):
            kept[_DIGEST] = _md5(after)
    parts = [
        b"8BIM" + number.to_bytes(2, "big") + b"\0\0" + len(value).to_bytes(4, "big")
        + value + bytes(len(value) % 2)
        for number, value in sorted(kept.items())
    ]  # fmt: skip
    return b"".join(parts) or None


def texts(block: bytes) -> dict[int, list[str]]:
    """Return the texts of the application record by dataset, decoded as UTF-8 or else CP1252."""
    found: dict[int, list[str]] = {}
    for dataset in _datasets(block):
        record, number = dataset[1:3]
        if record == 2 and not dataset[3] & 0x80:
            value = dataset[5:]
            try:
                text = value.decode()
            except UnicodeDecodeError:
                text = value.decode("cp1252", "replace")
            text = "".join(each for each in text if each.isprintable() or each in "\t\n").strip()
            if text:
                found.setdefault(number, []).append(text)
    return found


def _datasets(block: bytes) -> Iterator[bytes]:
    """Yield the datasets that are kept, and stop at the first broken one (IIM 4.2)."""
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        record, number = block[at + 1], block[at + 2]
        length = int.from_bytes(block[at + 3 : at + 5], "big")
        begin = at + 5
        if length & 0x8000:  # extended dataset: the number of length bytes
            width = length & 0x7FFF
            length = int.from_bytes(block[begin : begin + width], "big")
            begin += width
        if begin + length > len(block):
            return
        if record in _RECORDS and not (record == 2 and number in _UNTRUE):
            yield block[at : begin + length]
        at = begin + length


def _md5(block: bytes) -> bytes:
    return hashlib.md5(block, usedforsecurity=False).digest()

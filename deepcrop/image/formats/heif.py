"""Read HEIC and HEIF files by pillow-heif, which the extra ``heif`` installs.

libheif, which pillow-heif wraps, applies the file's own transformations (``clap``, ``irot``,
``imir``), so its pixels are as shown. The orientation in EXIF is ignored: it only repeats what
those properties say (ISO/IEC 23008-12, 6.5.10 and annex A.2.1), and other readers ignore it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import Unsupported
from ..samples import Samples, Space
from .extras import missing
from .isobmff import Meta, first_box

BRANDS = (
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    *(b"mif1", b"mif2", b"msf1"),
)
"""Brands of HEIF files, one of which is in the box ``ftyp`` (ISO/IEC 23008-12, annexes B and C)."""

_SPACES: dict[str, tuple[Space, bool]] = {
    "L": ("L", False), "LA": ("L", True), "RGB": ("RGB", False), "RGBA": ("RGB", True),
    "RGBa": ("RGB", True), "I": ("L", False),
}  # fmt: skip
"""The colour space of pillow-heif's modes without their depth, and whether they have alpha."""

_DERIVED = (b"iden", b"iovl")
"""Types of items that are made of other images by turning, cutting and overlaying them."""

# The indices of a stored image [[0, 1], [2, 3]] as shown, by EXIF orientation.
_SHOWN: dict[tuple[int, ...], int] = {
    (0, 1, 2, 3): 1, (1, 0, 3, 2): 2, (3, 2, 1, 0): 3, (2, 3, 0, 1): 4,
    (0, 2, 1, 3): 5, (2, 0, 3, 1): 6, (3, 1, 2, 0): 7, (1, 3, 0, 2): 8,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Primary:
    """The primary image of a HEIF file whose pixels are not decoded yet.

    Attributes:
        size: width and height as shown.
        orientation: the EXIF orientation that equals the file's ``irot`` and ``imir``, 1 to 8.
        mode: the storage of the pixels by Pillow's name, and the bits of a sample beyond 8.
        count: how many images the file shows; bursts and stereo pairs have several.
        index: the primary image's index among them.
        icc: the ICC profile; None if there is none.
        exif: the EXIF block; None if there is none.
        xmp: the XMP packet; None if there is none.
        read: decodes the pixels as shown.
        auxiliary: the items of auxiliary images, by type.
        read_auxiliary: decodes the auxiliary image of an item as shown: (H, W) or (H, W, C) uint8.
    """

    size: tuple[int, int]
    orientation: int
    mode: str
    count: int
    index: int
    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    read: Callable[[], Samples]
    auxiliary: Mapping[str, Sequence[int]]
    read_auxiliary: Callable[[int], NDArray[np.uint8]]


def is_heif(brands: Iterable[bytes]) -> bool:
    """Return whether a file with these brands is HEIF; AVIF files may have some of them too."""
    return any(brand in BRANDS for brand in brands)


def primary_of(data: bytes) -> Primary:
    """Read the header of a HEIF file.

    Raises:
        Unsupported: pillow-heif is not installed; the message names the extra.
        Exception: the header is broken; pillow-heif raises ValueError, IndexError and others.
    """
    try:
        import pillow_heif
    except ImportError:
        raise missing("heif: HEIC", "heif") from None
    if Meta.of(data) is None and first_box(data, 0, len(data), b"moov") is not None:
        raise Unsupported("heif: an image sequence without a still image: extract a frame first")
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False)
    if not len(file):
        raise Unsupported("heif: no image in a coding that libheif can read")
    image, bits = file[file.primary_index], int(file.info["bit_depth"])
    space, alpha = _SPACES[image.mode.partition(";")[0]]
    kind: Literal["straight", "premultiplied"] | None = None
    if alpha:
        kind = "premultiplied" if image.mode.startswith("RGBa") else "straight"

    def read() -> Samples:
        try:
            values = np.asarray(image)
        except (RuntimeError, ValueError) as error:
            if why := _unknown_kind(data, str(error)):
                raise Unsupported(f"heif: {why}: convert it first") from error
            raise
        if values.dtype == np.uint16:  # pillow-heif shifts them to the upper bits
            values = values >> (16 - bits)
        values = values[: image.size[1], : image.size[0]]
        return Samples(
            values if values.ndim == 3 else values[..., None],
            space,
            float((1 << bits) - 1) if values.dtype == np.uint16 else 255.0,
            alpha=kind,
        )

    return Primary(
        size=image.size,
        orientation=orientation_of(data),
        mode=image.mode if bits == 8 else f"{image.mode.partition(';')[0]};{bits}",
        count=len(file),
        index=file.primary_index,
        icc=image.info.get("icc_profile") or None,
        exif=image.info.get("exif") or None,
        xmp=image.info.get("xmp") or None,
        read=read,
        auxiliary=image.info.get("aux") or {},
        read_auxiliary=lambda item: np.asarray(image.get_aux_image(item)),
    )


def _unknown_kind(data: bytes, message: str) -> str | None:
    """Return why libheif can't decode a file that may be whole; None if it is broken."""
    coding = message.partition("has not been built in: ")[2].partition(" ")[0]
    if coding:
        return f"coded by {coding}"
    meta = Meta.of(data)
    kind = dict(meta.items()).get(meta.primary_item or 0, b"") if meta else b""
    return f"an image derived from others ({kind.decode()})" if kind in _DERIVED else None


def orientation_of(data: bytes) -> int:
    """Return the EXIF orientation, 1 to 8, that equals the primary item's ``irot`` and ``imir``.

    The properties are applied in the order of their association (ISO/IEC 23008-12, 6.5.10 and
    6.5.12): ``irot`` turns anticlockwise in steps of 90 degrees; ``imir`` exchanges top and bottom
    (mode 0) or left and right (mode 1).
    """
    meta = Meta.of(data)
    shown = np.arange(4).reshape(2, 2)
    for kind, start, end in meta.properties() if meta else ():
        value = data[start] if start < end else 0
        if kind == b"irot":
            shown = np.rot90(shown, value & 3)
        elif kind == b"imir":
            shown = shown[:, ::-1] if value & 1 else shown[::-1]
    return _SHOWN[tuple(shown.ravel().tolist())]

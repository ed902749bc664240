"""Read the EXIF, XMP, IPTC and ICC blocks of a source, and rewrite them for a variant."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import ExifTags, Image, ImageFile

from ...flags import Note
from ..formats import avif, jpeg, png
from ..formats.tiff.directory import MAGIC_NUMBERS
from ..framing import Framing
from . import exif, exif_variant, iptc, iptc_xmp, xmp, xmp_variant

_XMP, _IPTC, _PHOTOSHOP = _TIFF_BLOCKS = (700, 33723, 34377)
"""TIFF tags that hold an XMP packet, IPTC's datasets and Photoshop's image resources."""
_MAX_JPEG_BLOCK = jpeg.MAX_PAYLOAD - len(jpeg.XMP_HEADER)
"""The most bytes of a block that fit one segment of a JPEG after the longest of the headers."""


@dataclass(frozen=True)
class Metadata:
    r"""Metadata blocks to write with an image, valid for that image; missing blocks are None.

    Attributes:
        exif: a TIFF structure with the prefix ``Exif\0\0``.
        xmp: an XMP packet.
        icc: the ICC profile of the pixels; None for sRGB.
        iptc: Photoshop's image resources with IPTC's datasets; only JPEG can store them.
        notes: notes on blocks that were left out, for example because they can't be read.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    iptc: bytes | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class SourceMetadata:
    r"""The metadata blocks of a source as read; they must be rewritten for a variant.

    Attributes:
        exif: a TIFF structure, with or without the prefix ``Exif\0\0``.
        xmp: an XMP packet.
        icc: the ICC profile of the decoded pixels; None for sRGB.
        photoshop: Photoshop's image resources by number.
        orientation: EXIF orientation in which the file stores its pixels, 1 to 8.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    photoshop: dict[int, bytes] = field(default_factory=dict)
    orientation: int = 1

    @property
    def colour_only(self) -> Metadata:
        """Only the ICC profile, which is needed to show the pixels' colours correctly."""
        return Metadata(icc=self.icc)

    def for_variant(self, framing: Framing, format: str, *, converted: bool = True) -> Metadata:
        """Return the blocks that are valid for a variant and that its file format can store.

        Args:
            framing: how the variant was made.
            format: the variant's format: jpeg, webp, avif or png.
            converted: whether pixels without a profile are sRGB, by conversion or by default;
                otherwise the source's own colour declarations are kept.
        """
        colour: exif_variant.ColourSource = "srgb" if converted else "unchanged"
        if self.icc:
            colour = "profile"
        notes: list[Note] = []
        blocks: dict[str, bytes | None] = {
            "exif": self._exif(framing, colour, notes),
            "xmp": self._xmp(framing, colour, notes),
            "iptc": iptc.for_variant(self.photoshop) if format == "jpeg" else None,
        }
        if format == "jpeg":
            for name, block in blocks.items():
                if block and len(block) > _MAX_JPEG_BLOCK:
                    blocks[name] = None
                    notes.append(Note(f"{name.upper()} too long for a JPEG was left out"))
        elif datasets := self.photoshop.get(iptc.IIM):
            blocks["xmp"] = iptc_xmp.added(blocks["xmp"], iptc.texts(datasets))
        return Metadata(**blocks, icc=self.icc, notes=tuple(notes))

    def _exif(
        self, framing: Framing, colour: exif_variant.ColourSource, notes: list[Note]
    ) -> bytes | None:
        if not self.exif:
            return None
        read = exif.parse(self.exif)
        if read is None:
            notes.append(Note("EXIF that can't be read was left out"))
            return None
        return exif_variant.for_variant(read, framing, colour).tobytes()

    def _xmp(
        self, framing: Framing, colour: exif_variant.ColourSource, notes: list[Note]
    ) -> bytes | None:
        if not self.xmp:
            return None
        try:
            return xmp_variant.for_variant(self.xmp, framing, colour)
        except xmp.NotXmp:
            notes.append(Note("XMP that can't be read was left out"))
            return None


def orientation_of(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if there is none or it can't be read."""
    return stored_orientation(image, data) or 1


def stored_orientation(image: ImageFile.ImageFile, data: bytes) -> int | None:
    """Return the EXIF orientation, 1 to 8; None if there is none or it can't be read."""
    if image.format == "TIFF":
        value = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation)
    else:
        block = _read(_exif_block(image, data))
        value = block.get(ExifTags.Base.Orientation) if block is not None else None
    return value if isinstance(value, int) and 1 <= value <= 8 else None


def metadata_of(image: ImageFile.ImageFile, data: bytes) -> SourceMetadata:
    """Read the EXIF, XMP and IPTC of a file whose pixels aren't loaded yet."""
    if data.startswith(MAGIC_NUMBERS):
        return _of_tiff(data, image.tell())
    packet = image.info.get("xmp")
    if packet is None and image.format == "PNG":
        packet = png.xmp_of(data)
    if isinstance(packet, str):
        packet = packet.encode()
    resources = image.info.get("photoshop", {})
    block = _exif_block(image, data)
    if image.format == "AVIF" and block:
        block = avif.exif_of(data) or block
    return SourceMetadata(
        exif=block,
        xmp=packet or None,
        photoshop={key: value for key, value in resources.items() if isinstance(value, bytes)},
        orientation=orientation_of(image, data),
    )


def _of_tiff(data: bytes, page: int) -> SourceMetadata:
    """Read the metadata of a page of a TIFF file; its structure is the same as an EXIF block's."""
    read = exif.parse(data, page)
    if read is None:
        return SourceMetadata()
    blocks = {tag: entry.value for tag, entry in read.main.items() if tag in _TIFF_BLOCKS}
    photoshop = iptc.resources(blocks.get(_PHOTOSHOP, b""))
    if datasets := iptc.of_tiff(blocks.get(_IPTC, b"")):
        photoshop[iptc.IIM] = datasets
    orientation = next(iter(read.numbers(read.main.get(ExifTags.Base.Orientation))), 1)
    return SourceMetadata(
        exif=exif_variant.carried(read).tobytes(),
        xmp=blocks.get(_XMP),
        photoshop=photoshop,
        orientation=int(orientation) if 1 <= orientation <= 8 else 1,
    )


def _exif_block(image: ImageFile.ImageFile, data: bytes) -> bytes | None:
    if "exif" not in image.info and image.format == "PNG":
        structure = png.exif_of(data)
        return exif.PREFIX + structure if structure else None
    block = image.info.get("exif")
    return block if isinstance(block, bytes) else None


def _read(block: bytes | None) -> Image.Exif | None:
    if not block:
        return None
    loaded = Image.Exif()
    try:
        loaded.load(block)
    except Exception:  # treat a broken block as missing; the parser may raise any exception
        return None
    return loaded

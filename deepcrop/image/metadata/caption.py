"""The caption that a file's metadata gives, for methods that follow one.

XMP's ``dc:description`` comes first, as the Metadata Working Group's guidelines say of files whose
blocks differ; then IPTC's caption, then EXIF's ``ImageDescription``, then the headlines of both.
"""

from __future__ import annotations

from PIL import ExifTags

from . import exif, iptc, xmp
from .blocks import SourceMetadata

_DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"
_XMP_HEADLINE = "{http://ns.adobe.com/photoshop/1.0/}Headline"
_IPTC_CAPTION, _IPTC_HEADLINE = 120, 105
_NO_CAPTIONS = ("OLYMPUS", "DCIM", "SONY DSC", "SAMSUNG", "KODAK", "MINOLTA", "DIGITAL CAMERA")
"""Beginnings, or parts, of what cameras write into EXIF's description by themselves."""


def caption_of(metadata: SourceMetadata) -> str | None:
    """Return the caption in a source's metadata, without line breaks; None if there is none."""
    described, headline = _of_xmp(metadata.xmp)
    block = metadata.photoshop.get(iptc.IIM)
    texts = iptc.texts(block) if block else {}
    found = (
        described,
        *texts.get(_IPTC_CAPTION, [])[:1],
        _of_exif(metadata.exif),
        headline,
        *texts.get(_IPTC_HEADLINE, [])[:1],
    )
    for text in found:
        if text and (plain := " ".join(text.split())):
            return plain
    return None


def _of_xmp(packet: bytes | None) -> tuple[str | None, str | None]:
    """Return the description and the headline of an XMP packet."""
    if packet is None:
        return None, None
    try:
        subjects = xmp.Packet.parse(packet).subjects
    except xmp.NotXmp:
        return None, None
    described: str | None = None
    headline: str | None = None
    for subject in subjects:
        texts = [text for text in xmp.texts(subject.child(_DESCRIPTION)) if text]
        described = described or (texts[0] if texts else None)
        headline = headline or subject.get(_XMP_HEADLINE)
    return described, headline


def _of_exif(block: bytes | None) -> str | None:
    """Return EXIF's description, unless it looks like a camera's."""
    if block is None:
        return None
    parsed = exif.parse(block)
    entry = parsed.main.get(ExifTags.Base.ImageDescription) if parsed else None
    text = entry.value.split(b"\0")[0].decode("utf-8", "replace") if entry else ""
    return None if any(each in text.upper() for each in _NO_CAPTIONS) else text

"""Rewrite a photo's XMP for a variant: properties are kept, rewritten or left out.

Properties that aren't listed here are kept unchanged: captions, credits, rights, keywords, ratings,
places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from ..framing import Framing
from . import panorama, regions
from .exif_variant import ColourSource, subject_pixels
from .xmp import RDF, Packet, Struct, items, number

_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_EXIF_EX = "{http://cipa.jp/exif/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_MM = "{http://ns.adobe.com/xap/1.0/mm/}"
_REFERENCE = "{http://ns.adobe.com/xap/1.0/sType/ResourceRef#}"
_DRONE = "{http://www.dji.com/drone-dji/1.0/}"
_CAMERA_RAW = "{http://ns.adobe.com/camera-raw-settings/1.0/}"

_UNTRUE_NAMESPACES = (
    # Gain maps, depth maps, motion photos: a variant doesn't have the parts that they describe.
    "http://ns.adobe.com/hdr-gain-map/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/audio/",
    "http://ns.google.com/photos/1.0/focus/",
    "http://ns.google.com/photos/dd/1.0/",
    "http://ns.google.com/videos/",
    # Apple: gain map, auxiliary images, depth, edits that crop.
    "http://ns.apple.com/",
    # The rest of a packet that is longer than a JPEG's segment (XMP Specification part 3, 1.1.3.1).
    "http://ns.adobe.com/xmp/note/",
    # Editing steps with masks and crops in the source's pixels; regions in private forms.
    "http://darktable.sf.net/",
    "http://ns.nikon.com/nine/",
    "http://ns.acdsee.com/regions/",
    "http://ns.idimager.com/ics/",
)


def _named(namespace: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{namespace}{name}" for name in names)


_UNTRUE = frozenset(
    (
        # The storage of the source's pixels.
        *_named(_TIFF, "BitsPerSample", "Compression", "PhotometricInterpretation"),
        *_named(_TIFF, "SamplesPerPixel", "PlanarConfiguration", "YCbCrSubSampling"),
        *_named(_TIFF, "YCbCrPositioning", "YCbCrCoefficients", "ReferenceBlackWhite"),
        *_named(_TIFF, "TransferFunction", "WhitePoint", "PrimaryChromaticities", "NativeDigest"),
        *_named(_EXIF, "CompressedBitsPerPixel", "SpatialFrequencyResponse", "OECF", "CFAPattern"),
        *_named(_EXIF, "MakerNote", "RelatedSoundFile", "ImageUniqueID", "NativeDigest"),
        # Thumbnails and page sizes of the whole photo; the MIME type of the source's file.
        "{http://ns.adobe.com/xap/1.0/}Thumbnails",
        *_named("{http://ns.adobe.com/xap/1.0/t/pg/}", "MaxPageSize", "NPages"),
        "{http://purl.org/dc/elements/1.1/}format",
        # The location of content credentials (C2PA), which are signed for the source's bytes.
        "{http://purl.org/dc/terms/}provenance",
        # Layers; a digest of the source's IPTC block.
        *_named(_PHOTOSHOP, "TextLayers", "LegacyIPTCDigest"),
        # Optical centre and focal length in pixels or sensor millimetres of the whole photo.
        *_named(_DRONE, "CalibratedFocalLength", "CalibratedOpticalCenterX"),
        *_named(_DRONE, "CalibratedOpticalCenterY", "DewarpData", "DewarpFlag"),
        "{http://pix4d.com/camera/1.0}PrincipalPoint",
        "{http://pix4d.com/camera/1.0/}PrincipalPoint",
    )
)

_EDITED_AREAS = (
    "Crop",
    "HasCrop",
    "Upright",
    "Perspective",
    "GradientBasedCorrections",
    "CircularGradientBasedCorrections",
    "PaintBasedCorrections",
    "MaskGroupBasedCorrections",
    "Retouch",
    "RedEye",
)
"""Prefixes of the names of Camera Raw settings whose numbers refer to the whole photo."""


@dataclass(frozen=True)
class _Variant:
    framing: Framing
    colour: ColourSource


def for_variant(data: bytes, framing: Framing, colour: ColourSource) -> bytes:
    """Return the XMP packet of a variant.

    Args:
        data: the source's packet.
        framing: how the variant was made.
        colour: what declares the variant's colours.

    Raises:
        NotXmp: the source's packet can't be read.
    """
    packet = Packet.parse(data)
    variant = _Variant(framing, colour)
    identity: dict[str, str] = {}
    for subject in packet.subjects:
        for name in dict.fromkeys(subject):
            if _is_untrue(name) or not _holds(subject, name, variant):
                subject.remove(name)
        panorama.rewrite(subject, framing)
        identity |= _identity(subject)
    _derive(packet, identity)
    packet.prune()
    return packet.tobytes()


def _is_untrue(name: str) -> bool:
    local = name.rsplit("}", 1)[1]
    if name.startswith(_CAMERA_RAW):
        return local.startswith(_EDITED_AREAS)
    return name in _UNTRUE or name[1:].startswith(_UNTRUE_NAMESPACES)


def _holds(subject: Struct, name: str, variant: _Variant) -> bool:
    """Rewrite a property if needed; return whether it may be kept."""
    rule = _RULES.get(name)
    if rule is not None:
        return rule(subject, name, variant)
    value = subject.child(name)
    # An unknown property that contains areas has positions that can't be mapped to the variant.
    return value is None or not any(_speaks_of_areas(each) for each in value.iter())


def _speaks_of_areas(element: Element) -> bool:
    return any(each.startswith(regions.AREA) for each in (element.tag, *element.attrib))


def _value(text: Callable[[_Variant], str | None]) -> Callable[[Struct, str, _Variant], bool]:
    """Return a rule that sets a property to a text, or removes it if the text is None."""

    def rule(subject: Struct, name: str, variant: _Variant) -> bool:
        new = text(variant)
        if new is not None:
            subject.set(name, new)
        return new is not None

    return rule


def _region(
    rewrite: Callable[[Element, Framing], bool],
) -> Callable[[Struct, str, _Variant], bool]:
    def rule(subject: Struct, name: str, variant: _Variant) -> bool:
        value = subject.child(name)
        return value is not None and rewrite(value, variant.framing)

    return rule


def _subject_area(subject: Struct, name: str, variant: _Variant) -> bool:
    """Rewrite exif:SubjectArea or exif:SubjectLocation, a sequence of integers."""
    numbers = items(subject.child(name))
    values = [number(item.text) for item in numbers]
    known = [int(value) for value in values if value is not None]
    moved = subject_pixels(known, variant.framing) if len(known) == len(values) else None
    for item, value in zip(numbers, moved or (), strict=False):
        item.text = str(value)
    return moved is not None


def _colour_space(subject: Struct, name: str, variant: _Variant) -> bool:
    if variant.colour != "unchanged":
        subject.set(name, "1" if variant.colour == "srgb" else "65535")
    return True


def _if_unchanged(subject: Struct, name: str, variant: _Variant) -> bool:
    return variant.colour == "unchanged"


def _components(subject: Struct, name: str, variant: _Variant) -> bool:
    return [item.text for item in items(subject.child(name))] == ["1", "2", "3", "0"]


def _focal_plane(subject: Struct, name: str, variant: _Variant) -> bool:
    """Rewrite the pixels per unit of the sensor; both axes at once, because turning swaps them."""
    scale = variant.framing.turned_scale()
    names = [f"{_EXIF}FocalPlaneXResolution", f"{_EXIF}FocalPlaneYResolution"]
    across, down = (subject.number(each) for each in names)
    if scale is None or not across or not down:
        return False
    if name == names[1]:
        return True  # rewritten together with the first one
    if variant.framing.orientation >= 5:
        across, down = down, across
    for each, density, factor in zip(names, (across, down), scale, strict=True):
        subject.set(each, f"{round(density * float(factor) * 1000)}/1000")
    return True


def _equivalent(subject: Struct, name: str, variant: _Variant) -> bool:
    known, narrowing = subject.number(name), variant.framing.narrowing()
    if known == 0:
        return True
    if known is None or narrowing is None:
        return False
    subject.set(name, str(round(known * narrowing)))
    return True


_width = _value(lambda variant: str(variant.framing.output.width))
_height = _value(lambda variant: str(variant.framing.output.height))
_RULES: dict[str, Callable[[Struct, str, _Variant], bool]] = {
    f"{_TIFF}ImageWidth": _width,
    f"{_TIFF}ImageLength": _height,
    f"{_TIFF}Orientation": _value(lambda variant: "1"),
    f"{_EXIF}PixelXDimension": _width,
    f"{_EXIF}PixelYDimension": _height,
    f"{_EXIF}ColorSpace": _colour_space,
    f"{_EXIF}ComponentsConfiguration": _components,
    f"{_EXIF}Gamma": _if_unchanged,
    f"{_EXIF_EX}Gamma": _if_unchanged,
    f"{_EXIF}InteroperabilityIndex": _if_unchanged,
    f"{_EXIF_EX}InteroperabilityIndex": _if_unchanged,
    f"{_EXIF}SubjectArea": _subject_area,
    f"{_EXIF}SubjectLocation": _subject_area,
    f"{_EXIF}FocalPlaneXResolution": _focal_plane,
    f"{_EXIF}FocalPlaneYResolution": _focal_plane,
    f"{_EXIF}FocalLengthIn35mmFilm": _equivalent,
    f"{_PHOTOSHOP}ColorMode": _value(lambda variant: "3"),  # RGB
    f"{_PHOTOSHOP}ICCProfile": lambda subject, name, variant: variant.colour == "profile",
    f"{regions.MWG}Regions": _region(regions.mwg),
    f"{regions.MP}RegionInfo": _region(regions.microsoft),
    f"{regions.IPTC_EXT}ImageRegion": _region(regions.iptc),
}


def _identity(subject: Struct) -> dict[str, str]:
    """Remove the ids of the source's file from a description, and return them."""
    found = {}
    for name in ("DocumentID", "InstanceID", "OriginalDocumentID"):
        if value := subject.get(f"{_MM}{name}"):
            found[name] = value
    for name in ("DocumentID", "InstanceID", "VersionID", "Versions", "RenditionClass"):
        subject.remove(f"{_MM}{name}")
    if {"DocumentID", "InstanceID"} & found.keys():
        subject.remove(f"{_MM}DerivedFrom")
    return found


def _derive(packet: Packet, identity: dict[str, str]) -> None:
    """Record the source's ids as those of the file that the variant derives from (ISO 16684-1)."""
    known = {
        key: identity[name]
        for key, name in (("documentID", "DocumentID"), ("instanceID", "InstanceID"))
        if name in identity
    }
    subject = next(iter(packet.subjects), None)
    if subject is None or not known:
        return
    for namespace, prefix in ((_MM, "xmpMM"), (_REFERENCE, "stRef")):
        packet.declare(namespace[1:-1], prefix)
    if "DocumentID" in identity and "OriginalDocumentID" not in identity:
        subject.set(f"{_MM}OriginalDocumentID", identity["DocumentID"])
    derived = SubElement(subject.element, f"{_MM}DerivedFrom", {f"{RDF}parseType": "Resource"})
    for key, value in known.items():
        SubElement(derived, f"{_REFERENCE}{key}").text = value

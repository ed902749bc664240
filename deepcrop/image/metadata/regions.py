"""Map the image regions in XMP (faces, subjects, areas to keep) to a variant.

Three standards are in use. Each region is moved and clipped. A region outside the variant is
removed, and a list without any remaining region is removed too.

- MWG (Guidelines for Handling Image Metadata 2.0, section 5.9): `mwg-rs:Regions`. Positions refer
  to the stored image, as cameras and digiKam write them, unless the recorded size shows that the
  writer used the image as shown.
- Microsoft's people tags: `MP:RegionInfo`. Positions refer to the stored image.
- IPTC's image regions (Photo Metadata Standard 2019.1 and later): `Iptc4xmpExt:ImageRegion`.
  Positions refer to the image as shown: editors and browsers, which apply the orientation first,
  write and use them so, and so does ``deepcrop export --as xmp``.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

from ...geometry import Size
from ..framing import Framing, Point, Rectangle
from .xmp import RDF, Struct, decimal, items, keep_items, number

MWG = "{http://www.metadataworkinggroup.com/schemas/regions/}"
MP = "{http://ns.microsoft.com/photo/1.2/}"
_MPRI = "{http://ns.microsoft.com/photo/1.2/t/RegionInfo#}"
_MPREG = "{http://ns.microsoft.com/photo/1.2/t/Region#}"
IPTC_EXT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
AREA = "{http://ns.adobe.com/xmp/sType/Area#}"
_DIMENSIONS = "{http://ns.adobe.com/xap/1.0/sType/Dimensions#}"
_APPLE_FACE = "{http://ns.apple.com/faceinfo/1.0/}"

_SHAPES_APART = 0.01
"""Relative tolerance when comparing the aspect ratios (width over height) of two sizes."""


def mwg(regions: Element, framing: Framing) -> bool:
    """Rewrite mwg-rs:Regions; return whether any region is left."""
    info = Struct(regions)
    dimensions = info.struct(f"{MWG}AppliedToDimensions")
    stored = _counted_on_stored(dimensions, framing)
    if stored is None:
        return False
    left = _filtered(
        info.child(f"{MWG}RegionList"), lambda item: _mwg_region(Struct(item), framing, stored)
    )
    if left and dimensions is not None:
        dimensions.set(f"{_DIMENSIONS}w", str(framing.output.width))
        dimensions.set(f"{_DIMENSIONS}h", str(framing.output.height))
        dimensions.set(f"{_DIMENSIONS}unit", "pixel")
    return left


def microsoft(regions: Element, framing: Framing) -> bool:
    """Rewrite MP:RegionInfo; return whether any person is left.

    A person without a rectangle is kept: the tag says that the person is somewhere in the photo.
    """

    def moved(item: Element) -> bool:
        region = Struct(item)
        text = region.get(f"{_MPREG}Rectangle")
        if text is None:
            return framing.box is not None
        values = [number(each) for each in text.split(",")]
        known = [each for each in values if each is not None]
        if len(values) != 4 or len(known) != 4:
            return False
        x, y, width, height = known
        area = framing.rectangle((x, y, x + width, y + height))
        if area is None:
            return False
        region.set(f"{_MPREG}Rectangle", ", ".join(decimal(each) for each in _corner_size(area)))
        return True

    return _filtered(Struct(regions).child(f"{_MPRI}Regions"), moved)


def iptc(regions: Element, framing: Framing) -> bool:
    """Rewrite Iptc4xmpExt:ImageRegion; return whether any region is left."""

    def moved(item: Element) -> bool:
        boundary = Struct(item).struct(f"{IPTC_EXT}RegionBoundary")
        return boundary is not None and _boundary(boundary, framing)

    return _filtered(regions, moved)


def _filtered(array: Element | None, keeps: Callable[[Element], bool]) -> bool:
    if array is None:
        return False
    kept = [item for item in items(array) if keeps(item)]
    keep_items(array, kept)
    return bool(kept)


def _counted_on_stored(dimensions: Struct | None, framing: Framing) -> bool | None:
    """Return whether positions refer to the image as stored, or (False) as shown.

    The result is None if the recorded size fits neither.
    """
    if dimensions is None:
        return True
    width = dimensions.number(f"{_DIMENSIONS}w")
    height = dimensions.number(f"{_DIMENSIONS}h")
    if not width or not height:
        return True
    if _same_shape(width / height, framing.stored):
        return True
    return False if _same_shape(width / height, framing.source) else None


def _same_shape(ratio: float, size: Size) -> bool:
    return abs(ratio * size.height / size.width - 1) <= _SHAPES_APART


def _mwg_region(region: Struct, framing: Framing, stored: bool) -> bool:
    """Rewrite one region (a rectangle or a point); return whether it is kept.

    Circles are removed, because the guidelines don't define the unit of their diameter.
    """
    area = region.struct(f"{MWG}Area")
    if area is None or area.get(f"{AREA}unit") not in (None, "normalized"):
        return False
    x, y, width, height = (area.number(f"{AREA}{each}") for each in "xywh")
    if x is None or y is None or f"{AREA}d" in area:
        return False
    if width is None or height is None:
        if f"{AREA}w" in area or f"{AREA}h" in area:
            return False
        point = framing.point(x, y, stored=stored)
        if point is None:
            return False
        values = dict(zip("xy", point, strict=True))
    else:
        half_x, half_y = width / 2, height / 2
        placed = framing.rectangle((x - half_x, y - half_y, x + half_x, y + half_y), stored=stored)
        if placed is None:
            return False
        left, top, width, height = _corner_size(placed)
        values = {"x": left + width / 2, "y": top + height / 2, "w": width, "h": height}
    for name, value in values.items():
        area.set(f"{AREA}{name}", decimal(value))
    if stored and framing.orientation != 1:
        extensions = region.struct(f"{MWG}Extensions")
        for angle in ("AngleInfoRoll", "AngleInfoYaw"):  # angles of the face as stored
            if extensions is not None:
                extensions.remove(f"{_APPLE_FACE}{angle}")
    return True


def _boundary(boundary: Struct, framing: Framing) -> bool:
    """Rewrite one boundary (a rectangle, circle, point or polygon); return whether it is kept.

    A point is a circle of radius 0.
    """
    pixels = boundary.get(f"{IPTC_EXT}rbUnit") == "pixel"
    before = framing.source if pixels else Size(1, 1)
    after = framing.output if pixels else Size(1, 1)
    x, y, width, height, radius = (
        boundary.number(f"{IPTC_EXT}rb{each}") for each in ("X", "Y", "W", "H", "Rx")
    )
    shape = boundary.get(f"{IPTC_EXT}rbShape")
    if shape == "polygon":
        return _polygon(boundary, framing, before, after)
    if x is None or y is None or framing.box is None:
        return False
    if shape == "circle" and radius is not None:
        point = framing.point(x / before.width, y / before.height, stored=False)
        if point is None:
            return False
        values = {
            "X": point[0] * after.width,
            "Y": point[1] * after.height,
            "Rx": radius * framing.source.width / framing.box.size.width
            if not pixels
            else radius * framing.output.width / framing.box.size.width,
        }
    elif shape == "rectangle" and width is not None and height is not None:
        placed = framing.rectangle(
            (
                x / before.width,
                y / before.height,
                (x + width) / before.width,
                (y + height) / before.height,
            ),
            stored=False,
        )
        if placed is None:
            return False
        left, top, width, height = _corner_size(placed)
        values = {
            "X": left * after.width,
            "Y": top * after.height,
            "W": width * after.width,
            "H": height * after.height,
        }
    else:
        return False
    for name, value in values.items():
        boundary.set(f"{IPTC_EXT}rb{name}", decimal(value))
    return True


def _polygon(boundary: Struct, framing: Framing, before: Size, after: Size) -> bool:
    vertices = boundary.child(f"{IPTC_EXT}rbVertices")
    places: list[Point] = []
    for item in items(vertices):
        x, y = (Struct(item).number(f"{IPTC_EXT}rb{each}") for each in "XY")
        if x is None or y is None:
            return False
        places.append((x / before.width, y / before.height))
    moved = framing.polygon(places, stored=False)
    if vertices is None or not moved:
        return False
    tail = vertices.tail
    vertices.clear()
    vertices.tail = tail
    sequence = SubElement(vertices, f"{RDF}Seq")
    for x, y in moved:
        item = SubElement(sequence, f"{RDF}li", {f"{RDF}parseType": "Resource"})
        SubElement(item, f"{IPTC_EXT}rbX").text = decimal(x * after.width)
        SubElement(item, f"{IPTC_EXT}rbY").text = decimal(y * after.height)
    return True


def _corner_size(area: Rectangle) -> tuple[float, float, float, float]:
    return area[0], area[1], area[2] - area[0], area[3] - area[1]

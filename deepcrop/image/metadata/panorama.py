"""Rewrite a panorama's place in its sphere (Google's Photo Sphere XMP, ``GPano``)."""

from __future__ import annotations

from ..framing import Framing
from .xmp import Struct

_PANORAMA = "{http://ns.google.com/photos/1.0/panorama/}"
_PLACES = ("Left", "Top")
_EXTENTS = ("Width", "Height")


def rewrite(subject: Struct, framing: Framing) -> None:
    """Rewrite a panorama's place in its sphere, or remove all its properties.

    The properties are removed if the source is stored turned, because they describe the stored
    image and a turned panorama isn't valid. The request for a panorama viewer is set to false for a
    crop, which is shown flat.
    """
    names = [name for name in dict.fromkeys(subject) if name.startswith(_PANORAMA)]
    if not names:
        return
    placed = _in_sphere(subject, framing)
    for name in names:
        if placed is None or "LargestValidInteriorRect" in name:
            subject.remove(name)
    for name, pixels in (placed or {}).items():
        subject.set(name, str(pixels))
    if placed and not framing.whole and f"{_PANORAMA}UsePanoramaViewer" in subject:
        subject.set(f"{_PANORAMA}UsePanoramaViewer", "False")


def _in_sphere(subject: Struct, framing: Framing) -> dict[str, int] | None:
    scale, box = framing.turned_scale(), framing.box
    if scale is None or box is None or framing.orientation != 1:
        return None
    result: dict[str, int] = {}
    sides = zip(
        _EXTENTS,
        _PLACES,
        (framing.source.width, framing.source.height),
        (box.x0, box.y0),
        (framing.output.width, framing.output.height),
        scale,
        strict=True,
    )
    for extent, place, pixels, start, output, factor in sides:
        full = subject.number(f"{_PANORAMA}FullPano{extent}Pixels")
        cropped = subject.number(f"{_PANORAMA}CroppedAreaImage{extent}Pixels")
        offset = subject.number(f"{_PANORAMA}CroppedArea{place}Pixels")
        if not full or not cropped or offset is None:
            return None
        if min(full, cropped) < 1 or not 0 <= offset <= full - cropped:
            return None
        size = pixels / cropped * float(factor)  # variant pixels per pixel of the panorama
        offset = round(offset * size + start * float(factor))
        result[f"{_PANORAMA}FullPano{extent}Pixels"] = max(round(full * size), offset + output)
        result[f"{_PANORAMA}CroppedAreaImage{extent}Pixels"] = output
        result[f"{_PANORAMA}CroppedArea{place}Pixels"] = offset
    return result

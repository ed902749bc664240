"""Rewrite a photo's EXIF for a variant: tags are kept, rewritten or left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from ..framing import Framing
from .exif import Directory, Entry, Exif

ColourSource = Literal["srgb", "profile", "unchanged"]
"""What declares a variant's colours: nothing (it is sRGB), its ICC profile, or the source's own
declaration because the samples were not converted."""

_SUBJECT_AREA, _SUBJECT_LOCATION = 0x9214, 0xA214
_COLOUR_SPACE, _PIXEL_X, _PIXEL_Y, _GAMMA = 0xA001, 0xA002, 0xA003, 0xA500
_FOCAL_PLANE_X, _FOCAL_PLANE_Y, _FOCAL_35MM = 0xA20E, 0xA20F, 0xA405
_COMPONENTS, _POSITIONING, _INDEX = 0x9101, 0x0213, 0x0001

_DESCRIPTIVE = frozenset(
    (
        # Document name, description, make, model, print resolution (2), its unit.
        *(0x010D, 0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128),
        _POSITIONING,
        # Software, date, artist, host computer, rating (2), copyright.
        *(0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298),
        # Windows: title, comment, author, keywords, subject. DNG: camera model, serial number.
        *range(0x9C9B, 0x9CA0),
        *(0xC614, 0xC62F),
    )
)
"""Tags of the main directory that are kept.

The other tags describe how a file stores its pixels, or are private to a program, so that their
meaning is unknown. Orientation isn't kept either: a variant is stored as shown, which is the
default (Exif 3.0, tag 112: default 1), and Pillow's AVIF writer re-encodes blocks that have the
tag, with question marks for characters outside ASCII.
"""

_PHOTOGRAPHIC = frozenset(
    (
        # Exposure, sensitivity, versions, dates and their offsets from UTC.
        *(0x829A, 0x829D, 0x8822, 0x8824, 0x8827, *range(0x8830, 0x8836)),
        *(0x9000, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012, _COMPONENTS),
        # Shutter, aperture, brightness, distance, metering, light, flash, focal length, subject.
        *(*range(0x9201, 0x920B), _SUBJECT_AREA, 0x9286, *range(0x9290, 0x9293)),
        # Temperature, humidity, pressure, depth, acceleration, elevation; colour space and size.
        *(*range(0x9400, 0x9406), 0xA000, _COLOUR_SPACE, _PIXEL_X, _PIXEL_Y),
        *(0xA20B, _FOCAL_PLANE_X, _FOCAL_PLANE_Y, 0xA210, _SUBJECT_LOCATION, 0xA215, 0xA217),
        # Scene, rendering, zoom; owner, serial numbers, lens; title, photographer, editors.
        *(0xA300, 0xA301, *range(0xA401, 0xA40D), *range(0xA430, 0xA43D)),
        *(*range(0xA460, 0xA463), _GAMMA),
    )
)
"""Tags of the Exif directory that are kept (Exif 3.0, section 4.6.6).

These tags are left out on purpose: MakerNote (offsets into the old file, previews of the whole
photo, faces and focus points in its pixels); ImageUniqueID (a variant is another image);
RelatedSoundFile (the sound file isn't copied); CompressedBitsPerPixel, SpatialFrequencyResponse,
OECF and CFAPattern (they describe the source's samples); and tags that aren't in the standard.
"""

_POSITION = range(32)
"""Tags of the GPS directory that are kept."""


def carried(source: Exif) -> Exif:
    """Return the EXIF with only the tags that a variant may keep (no pixels of a TIFF file)."""
    known = _DESCRIPTIVE | _PHOTOGRAPHIC
    return replace(
        source,
        main=_kept(source.main, known),
        photo=_kept(source.photo, _PHOTOGRAPHIC),
        gps=_kept(source.gps, _POSITION),
        interoperability=_kept(source.interoperability, (_INDEX,)),
    )


def for_variant(source: Exif, framing: Framing, colour: ColourSource) -> Exif:
    """Return the EXIF of a variant; tags that aren't valid for it, and the thumbnail, are left out.

    Positions and pixel sizes are rewritten. Tags that describe how the photo was taken (exposure,
    focal length, digital zoom, composite image) are kept.

    Args:
        source: the photo's EXIF.
        framing: how the variant was made.
        colour: what declares the variant's colours.
    """
    main = _kept(source.main, _DESCRIPTIVE)
    # TIFF/EP stores tags of the Exif directory in the main one.
    photo = _kept(source.main | source.photo, _PHOTOGRAPHIC)
    if photo:
        photo[_PIXEL_X] = source.long(framing.output.width)
        photo[_PIXEL_Y] = source.long(framing.output.height)
    for tag in (_SUBJECT_AREA, _SUBJECT_LOCATION):
        if tag in photo:
            _put(photo, tag, _subject(source, photo[tag], framing))
    for tag, entry in _optics(source, photo, framing).items():
        _put(photo, tag, entry)
    if _COMPONENTS in photo and photo[_COMPONENTS].value != b"\1\2\3\0":  # Y, Cb, Cr
        del photo[_COMPONENTS]
    if source.numbers(main.get(_POSITIONING)) != [1]:  # 1: chroma is centred, as libjpeg writes it
        main.pop(_POSITIONING, None)
    interoperability = _coloured(source, photo, colour)
    return replace(
        source,
        main=main,
        photo=photo,
        gps=_kept(source.gps, _POSITION),
        interoperability=interoperability,
    )


def _kept(directory: Directory, tags: Iterable[int]) -> Directory:
    """Return the entries with the given tags, except those of types that only BigTIFF has."""
    return {tag: directory[tag] for tag in tags if tag in directory and directory[tag].classic}


def _put(directory: Directory, tag: int, entry: Entry | None) -> None:
    if entry is None:
        directory.pop(tag, None)
    else:
        directory[tag] = entry


def _subject(source: Exif, entry: Entry, framing: Framing) -> Entry | None:
    moved = subject_pixels([int(each) for each in source.numbers(entry)], framing)
    return source.shorts(*moved) if moved and max(moved) < 2**16 else None


def subject_pixels(values: Sequence[int], framing: Framing) -> list[int] | None:
    """Map SubjectArea or SubjectLocation to a variant (Exif 3.0, tags 9214 and A214).

    Args:
        values: 2 to 4 numbers in pixels of the stored image: the centre; the centre and a diameter;
            or the centre and a rectangle's width and height. A rectangle is clipped.
        framing: how the variant was made.

    Returns:
        The same quantities in pixels of the variant; None if the centre, or the whole rectangle,
        lies outside the variant.
    """
    scale = framing.turned_scale()
    if len(values) not in (2, 3, 4) or scale is None:
        return None
    stored, output = framing.stored, framing.output
    x, y = (values[0] + 0.5) / stored.width, (values[1] + 0.5) / stored.height
    sizes: list[int] = []
    if len(values) == 4:
        half_x, half_y = values[2] / 2 / stored.width, values[3] / 2 / stored.height
        area = framing.rectangle((x - half_x, y - half_y, x + half_x, y + half_y))
        if area is None:
            return None
        centre = ((area[0] + area[2]) / 2, (area[1] + area[3]) / 2)
        sizes = [
            max(1, round((area[2] - area[0]) * output.width)),
            max(1, round((area[3] - area[1]) * output.height)),
        ]
    else:
        point = framing.point(x, y)
        if point is None:
            return None
        centre = point
        sizes = [max(1, round(each * (scale[0] + scale[1]) / 2)) for each in values[2:]]
    return [
        min(int(centre[0] * output.width), output.width - 1),
        min(int(centre[1] * output.height), output.height - 1),
        *sizes,
    ]


def _optics(source: Exif, photo: Directory, framing: Framing) -> dict[int, Entry | None]:
    """Rewrite the tags that relate pixels to the sensor and to the angle of view.

    The 35 mm equivalent focal length is computed from the diagonal angle of view, as CIPA DCG-001
    defines it; 0 means unknown.
    """
    changed: dict[int, Entry | None] = {}
    scale, narrowing = framing.turned_scale(), framing.narrowing()
    across = source.numbers(photo.get(_FOCAL_PLANE_X))
    down = source.numbers(photo.get(_FOCAL_PLANE_Y))
    if framing.orientation >= 5:
        across, down = down, across
    for tag, axis, density in ((_FOCAL_PLANE_X, 0, across), (_FOCAL_PLANE_Y, 1, down)):
        known = scale is not None and len(density) == 1
        changed[tag] = source.rational(density[0] * scale[axis]) if known and scale else None
    equivalent = source.numbers(photo.get(_FOCAL_35MM))
    if _FOCAL_35MM in photo and equivalent != [0]:
        length = round(float(equivalent[0]) * narrowing) if equivalent and narrowing else 2**16
        changed[_FOCAL_35MM] = source.shorts(length) if length < 2**16 else None
    return changed


def _coloured(source: Exif, photo: Directory, colour: ColourSource) -> Directory:
    """Correct the colour tags in ``photo``; return the interoperability directory.

    ColorSpace is 1 for sRGB, 65535 for any other (Exif 3.0, tag A001). The interoperability index
    R03 declares Adobe RGB (DCF 2.0), so it is kept only if the samples were not converted.
    """
    if colour == "unchanged":
        index = source.interoperability.get(_INDEX)
        return {} if index is None else {_INDEX: index}
    photo.pop(_GAMMA, None)
    if photo:
        photo[_COLOUR_SPACE] = source.shorts(1 if colour == "srgb" else 65535)
    return {}

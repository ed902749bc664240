"""A picture of a source as the page's scripts know it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NotRequired, TypedDict
from urllib.parse import quote

from ..manifest.rows import VariantRow
from .pictures import Picture
from .thumbnails import thumbnail_name


class FileDetails(TypedDict):
    """A file of a preset's picture, or one that shows the same."""

    width: int | None
    """The width that is asked for, in pixels at density 1; None without a preset."""
    density: float | None
    size: list[int]
    """Width and height, in pixels."""
    format: str
    bytes: int
    href: str | None
    """The file, relative to the page; None where it lies outside the output."""


class VariantDetails(TypedDict):
    """A picture in a ``details`` script, with the facts of the file that is shown."""

    aspect: int
    """Position in the job's list of ratios."""
    size: list[int]
    """Width and height, in pixels."""
    bytes: int
    href: NotRequired[str]
    """The variant's file, relative to the page; missing where it lies outside the output."""
    box: NotRequired[list[int | None]]
    """The crop box ``x0, y0, x1, y1`` in pixels of the source; missing where the whole photo is
    shown."""
    score: NotRequired[float | None]
    thumbnail: NotRequired[str]
    by: NotRequired[str]
    """The method that rearranged the whole photo; missing for crops and for photos with bars."""
    presets: NotRequired[list[list[str | None]]]
    """For each preset its name, the action of its rule, and the reason; missing without presets."""
    files: NotRequired[list[FileDetails]]
    """All files of the picture; missing without presets."""
    flags: NotRequired[int]
    """Bits of its own flags; missing where its ratio has no other picture."""


def details_of(
    picture: Picture, output: str, aspects: Sequence[str], thumbnails: Container[str]
) -> VariantDetails:
    """Return a picture as the page's scripts know it, without its flags.

    Args:
        picture: the picture.
        output: URI of the job's output.
        aspects: names of the ratios and sizes, in the job's order.
        thumbnails: names of the thumbnails that exist.
    """
    variant = picture.shown
    details: VariantDetails = {
        "aspect": aspects.index(picture.aspect),
        "size": [variant["width"], variant["height"]],
        "bytes": variant["bytes"],
    }
    if (href := _href(variant, output)) is not None:
        details["href"] = href
    if variant["x0"] is not None:
        details["box"] = [variant["x0"], variant["y0"], variant["x1"], variant["y1"]]
        if variant["score"] is not None:
            details["score"] = round(variant["score"], 4)
    elif (name := thumbnail_name(variant["sha256"])) in thumbnails:
        details["thumbnail"] = name
    if (method := picture.retargeted_by) is not None:
        details["by"] = method
    if outcomes := picture.outcomes:
        details["presets"] = [[each.preset, each.action, each.reason] for each in outcomes]
        details["files"] = [_file(each, output) for each in picture.variants]
    return details


def _file(variant: VariantRow, output: str) -> FileDetails:
    return {
        "width": variant["asked_width"],
        "density": variant["density"],
        "size": [variant["width"], variant["height"]],
        "format": variant["format"],
        "bytes": variant["bytes"],
        "href": _href(variant, output),
    }


def _href(variant: VariantRow, output: str) -> str | None:
    uri = variant["variant_uri"]
    return "../" + quote(uri[len(output) + 1 :]) if uri.startswith(output + "/") else None

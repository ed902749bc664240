"""A contact sheet: each source with its crop boxes drawn over it, its variants beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from ..geometry import Box, Focal

HEIGHT = 200
"""Pixels of every picture of a sheet."""
MARGIN = 8
COLOURS = ("#ff5c5c", "#2fd0b0", "#5b8cff", "#ffb224", "#b78cff", "#8fdc5a", "#ff85b3", "#22c3e6")


@dataclass(frozen=True)
class Line:
    """One line of a sheet."""

    title: str
    source: Image.Image
    boxes: Mapping[str, Box]
    """Crop boxes by ratio, in pixels of ``source``."""
    focal: Focal | None
    variants: Mapping[str, Image.Image]
    """Variants by ratio."""


def contact_sheet(lines: Sequence[Line]) -> Image.Image:
    """Draw lines under one another.

    Args:
        lines: at least one.
    """
    rows = [_row(line) for line in lines]
    width = max(row.width for row in rows)
    sheet = Image.new("RGB", (width, sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def overlay(source: Image.Image, boxes: Mapping[str, Box], focal: Focal | None) -> Image.Image:
    """Draw crop boxes and the focal point over an image.

    Args:
        source: the image, as shown.
        boxes: crop boxes by ratio, in its pixels.
        focal: the focal point, 0..1 of its sides.
    """
    drawn = source.convert("RGB").copy()
    pen = ImageDraw.Draw(drawn)
    width = max(2, round(drawn.height / 120))
    for colour, (label, box) in zip(COLOURS * len(boxes), boxes.items(), strict=False):
        pen.rectangle((box.x0, box.y0, box.x1 - 1, box.y1 - 1), outline=colour, width=width)
        pen.text((box.x0 + 2 * width, box.y0 + width), label, fill=colour, font_size=6 * width)
    if focal is not None:
        x, y = focal[0] * drawn.width, focal[1] * drawn.height
        radius = 3 * width
        dot = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(dot, fill="white", outline="black", width=width)
    return drawn


def _row(line: Line) -> Image.Image:
    pictures = [("", overlay(line.source, line.boxes, line.focal)), *line.variants.items()]
    scaled = [
        (label, each.resize((max(1, round(each.width * HEIGHT / each.height)), HEIGHT)))
        for label, each in pictures
    ]
    width = sum(each.width for _, each in scaled) + MARGIN * (len(scaled) + 1)
    row = Image.new("RGB", (width, HEIGHT + 3 * MARGIN), "white")
    pen = ImageDraw.Draw(row)
    left = MARGIN
    for label, each in scaled:
        row.paste(each, (left, 2 * MARGIN))
        pen.text((left, 2), label or line.title, fill="black", font_size=11)
        left += each.width + MARGIN
    return row

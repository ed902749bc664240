"""A contact sheet: each source with its crop boxes drawn over it, its variants beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from ..geometry import Box, Focal

HEIGHT = 200
"""Pixels of every picture of a sheet."""
MARGIN = 8
LARGEST = 4000
"""Pixels of a page's width and height, at most."""
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
    return _column([draw_row(line) for line in lines])


class Page:
    """Rows of several photos, those of one together, in as many columns as the page has room for.

    ```python
    page = Page()
    if not page.fits(rows):
        page.draw().save("compare.png")
    ```
    """

    def __init__(self) -> None:
        """Begin with an empty page."""
        self.groups: list[Sequence[Image.Image]] = []

    def fits(self, rows: Sequence[Image.Image]) -> bool:
        """Tell whether a further photo's rows have room; on an empty page they always do."""
        columns = _columns([*self.groups, rows], LARGEST)
        return not self.groups or sum(map(_width, columns)) <= LARGEST

    def add(self, rows: Sequence[Image.Image]) -> None:
        """Take a photo's rows; those that are too many for a column, as several groups."""
        rows = [_narrowed(row) for row in rows]
        most = max(1, LARGEST // max(row.height for row in rows))
        self.groups += [rows[start : start + most] for start in range(0, len(rows), most)]

    def draw(self) -> Image.Image:
        """Draw the page, as nearly square as its photos allow."""
        least = max(map(_height, self.groups))
        layouts = [_columns(self.groups, height) for height in range(least, LARGEST + 1, HEIGHT)]
        columns = min(layouts, key=_extent)
        drawn = [_column(column) for column in columns]
        page = Image.new("RGB", (sum(each.width for each in drawn), max(map(_height, columns))))
        page.paste("white", (0, 0, *page.size))
        left = 0
        for column in drawn:
            page.paste(column, (left, 0))
            left += column.width
        return page


def _columns(groups: Iterable[Sequence[Image.Image]], height: int) -> list[list[Image.Image]]:
    """Put groups under one another, in a further column where one would be too high."""
    columns: list[list[Image.Image]] = [[]]
    for group in groups:
        if columns[-1] and _height(columns[-1]) + _height(group) > height:
            columns.append([])
        columns[-1] += group
    return columns


def _extent(columns: Sequence[Sequence[Image.Image]]) -> int:
    """Return the longer side of a page with these columns."""
    return max(sum(map(_width, columns)), max(map(_height, columns)))


def _column(rows: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (_width(rows), _height(rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _height(rows: Sequence[Image.Image]) -> int:
    return sum(row.height for row in rows)


def _width(rows: Sequence[Image.Image]) -> int:
    return max(row.width for row in rows)


def _narrowed(row: Image.Image) -> Image.Image:
    if row.width <= LARGEST:
        return row
    return row.resize((LARGEST, max(1, round(row.height * LARGEST / row.width))))


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


def draw_row(line: Line) -> Image.Image:
    """Draw one line."""
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

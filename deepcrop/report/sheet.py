"""A contact sheet: each source with its crop boxes drawn over it, its variants beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from ..geometry import Box, Focal

HEIGHT = 200
"""Height of every image on a sheet, in pixels."""
MARGIN = 8
"""Space between the images of a sheet, in pixels."""
MAX_SIDE = 4000
"""Largest width and height of a page, in pixels."""
COLOURS = ("#ff5c5c", "#2fd0b0", "#5b8cff", "#ffb224", "#b78cff", "#8fdc5a", "#ff85b3", "#22c3e6")
"""Colours of crop boxes, in the order of the ratios."""


@dataclass(frozen=True)
class ContactSheetRow:
    """A source and its variants, side by side."""

    title: str
    source: Image.Image
    boxes: Mapping[str, Box]
    """Crop boxes by ratio, in pixels of ``source``."""
    focal: Focal | None
    """The focal point, 0..1 of the sides."""
    variants: Mapping[str, Image.Image]
    """Variants by ratio."""


def contact_sheet(rows: Sequence[ContactSheetRow]) -> Image.Image:
    """Draw rows below one another; at least one is needed."""
    return _column([draw_row(row) for row in rows])


class Page:
    """A page of a contact sheet: the drawn rows of several photos, in columns.

    The rows of one photo stay together. A page is at most ``MAX_SIDE`` wide and high.

    ```python
    page = Page()
    if not page.fits(rows):
        page.draw().save("compare.png")
    ```
    """

    def __init__(self) -> None:
        """Start an empty page."""
        self.groups: list[Sequence[Image.Image]] = []

    def fits(self, rows: Sequence[Image.Image]) -> bool:
        """Return whether there is room for another photo's rows; an empty page always has room."""
        columns = _columns([*self.groups, rows], MAX_SIDE)
        return not self.groups or sum(map(_width, columns)) <= MAX_SIDE

    def add(self, rows: Sequence[Image.Image]) -> None:
        """Add a photo's rows; more rows than a column holds are split into several groups."""
        rows = [_narrowed(row) for row in rows]
        per_column = max(1, MAX_SIDE // max(row.height for row in rows))
        starts = range(0, len(rows), per_column)
        self.groups += [rows[start : start + per_column] for start in starts]

    def draw(self) -> Image.Image:
        """Draw the page, as nearly square as its photos allow."""
        lowest = max(map(_height, self.groups))
        heights = range(lowest, MAX_SIDE + 1, HEIGHT)
        layouts = [_columns(self.groups, height) for height in heights]
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
    """Stack groups in columns, with a new column where one would exceed ``height``."""
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
    if row.width <= MAX_SIDE:
        return row
    return row.resize((MAX_SIDE, max(1, round(row.height * MAX_SIDE / row.width))))


def draw_boxes(source: Image.Image, boxes: Mapping[str, Box], focal: Focal | None) -> Image.Image:
    """Return a copy of an image with crop boxes and the focal point drawn over it.

    Args:
        source: the image.
        boxes: crop boxes by ratio, in pixels of the image.
        focal: the focal point, 0..1 of the image's sides.
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


def draw_row(row: ContactSheetRow) -> Image.Image:
    """Draw a row: the source with its title and crop boxes, then its variants with their ratios."""
    source = draw_boxes(row.source, row.boxes, row.focal)
    pictures = [(row.title, source), *row.variants.items()]
    scaled = [
        (label, each.resize((max(1, round(each.width * HEIGHT / each.height)), HEIGHT)))
        for label, each in pictures
    ]
    width = sum(each.width for _, each in scaled) + MARGIN * (len(scaled) + 1)
    drawn = Image.new("RGB", (width, HEIGHT + 3 * MARGIN), "white")
    pen = ImageDraw.Draw(drawn)
    left = MARGIN
    for label, each in scaled:
        drawn.paste(each, (left, 2 * MARGIN))
        pen.text((left, 2), label, fill="black", font_size=11)
        left += each.width + MARGIN
    return drawn

"""Contact sheets of pairs of crops, for judging blind and for looking at what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .blind_items import Answer, Item

CROP = 230
"""Longest edge of a shown crop in pixels."""
PHOTO = 150
"""Longest edge of the shown whole photo."""
GAP = 8
LABEL = 22
"""Height of the line above a pair."""
COLUMNS, ROWS = 2, 4
"""Pairs on a sheet."""
COLOURS = ((255, 140, 0), (0, 150, 255))
"""Colours of the first and the second crop's box, where the sides are not hidden."""

CELL = (2 * CROP + PHOTO + 4 * GAP, CROP + LABEL + 18)


def draw_blind(item: Item) -> Image.Image:
    """Draw a pair with its number: the whole photo small, then the left and the right crop."""
    cell, photo = _cell(f"{item.number}   {item.ratio}", Path(item.photo))
    for index, answer in enumerate(item.sides):
        cell.paste(_crop(photo, answer), (PHOTO + (2 + index) * GAP + index * CROP, LABEL))
    return cell


def draw_change(item: Item, names: tuple[str, str]) -> Image.Image:
    """Draw a pair with both boxes on the photo, and the crops with their names and scores."""
    path = Path(item.photo)
    cell, photo = _cell(f"{path.name}   {item.ratio}", path, boxes=(item.first, item.second))
    draw = ImageDraw.Draw(cell)
    for index, (name, answer) in enumerate(zip(names, (item.first, item.second), strict=True)):
        left = PHOTO + (2 + index) * GAP + index * CROP
        cell.paste(_crop(photo, answer), (left, LABEL))
        text = f"{name[:24]} {answer.score:.2f}"
        draw.text((left, CELL[1] - 14), text, COLOURS[index], ImageFont.load_default(11))
    return cell


def _cell(title: str, path: Path, boxes: Sequence[Answer] = ()) -> tuple[Image.Image, Image.Image]:
    """Return a cell with its title and the whole photo, and the photo itself."""
    with Image.open(path) as opened:
        photo = opened.convert("RGB")
    small = photo.copy()
    draw = ImageDraw.Draw(small)
    for answer, colour in zip(boxes, COLOURS, strict=False):
        x0, y0, x1, y1 = answer.box
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=colour, width=max(photo.size) // 60)
    small.thumbnail((PHOTO, PHOTO))
    cell = Image.new("RGB", CELL, "white")
    ImageDraw.Draw(cell).text((GAP, 3), title, "black", ImageFont.load_default(14))
    cell.paste(small, (GAP, LABEL))
    return cell, photo


def _crop(photo: Image.Image, answer: Answer) -> Image.Image:
    crop = photo.crop(answer.box)
    crop.thumbnail((CROP, CROP))
    return crop


def sheets(cells: Sequence[Image.Image]) -> Iterator[Image.Image]:
    """Lay cells out, ``COLUMNS * ROWS`` on a sheet."""
    for start in range(0, len(cells), COLUMNS * ROWS):
        group = cells[start : start + COLUMNS * ROWS]
        rows = -(-len(group) // COLUMNS)
        sheet = Image.new("RGB", (COLUMNS * CELL[0], rows * CELL[1]), "white")
        for index, cell in enumerate(group):
            row, column = divmod(index, COLUMNS)
            sheet.paste(cell, (column * CELL[0], row * CELL[1]))
        yield sheet


def write_sheets(cells: Sequence[Image.Image], folder: Path, name: str) -> list[Path]:
    """Write sheets as PNG; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, sheet in enumerate(sheets(cells), 1):
        paths.append(folder / f"{name}_{number:03}.png")
        sheet.save(paths[-1])
    return paths

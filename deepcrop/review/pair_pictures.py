"""The pictures of a pair: cut from the photo here, so that nothing tells whose crop it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from .. import image
from ..geometry import Size
from ..storage import Storage
from .pairs import Cut, Pair

SHOWN = 760
"""Longest edge of a shown crop, in pixels."""
PHOTO = 420
"""Longest edge of the shown photo."""
SHEET_CROP, SHEET_PHOTO, GAP, LABEL = 360, 200, 12, 26
"""Sizes on a sheet, in pixels: crops, photos, the space between them, the line of the number."""
COLUMNS, ROWS = 2, 4
"""Pairs on a sheet, side by side and below one another."""


class PairPictures:
    """Reads photos and cuts crops."""

    def __init__(self, storage: Storage) -> None:
        """Take the store of the photos."""
        self.storage = storage
        self._photo = lru_cache(maxsize=6)(self._decoded)

    def photo(self, pair: Pair, longest: int = PHOTO) -> Image.Image:
        """Return the whole photo.

        Raises:
            SourceError: it can't be read.
        """
        shown = self._photo(pair.source)[0].copy()
        shown.thumbnail((longest, longest))
        return shown

    def crop(self, pair: Pair, side: int, longest: int = SHOWN) -> Image.Image:
        """Return the left (0) or the right (1) crop.

        Raises:
            SourceError: it can't be read.
        """
        cut = pair.shown[side]
        shown = self._cut(pair, cut)
        scale = longest / max(shown.size)
        size = Size(max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
        # Both crops have the same size, so that none looks sharper or larger.
        return shown.resize((size.width, size.height), Image.Resampling.BICUBIC)

    def _cut(self, pair: Pair, cut: Cut) -> Image.Image:
        if cut.box is None:
            assert cut.uri is not None
            return Image.fromarray(image.decode(self.storage.read(cut.uri)).rgb)
        photo, size = self._photo(pair.source)
        across, down = photo.width / size.width, photo.height / size.height
        x0, y0, x1, y1 = cut.box
        return photo.crop(
            (round(x0 * across), round(y0 * down), round(x1 * across), round(y1 * down))
        )

    def _decoded(self, uri: str) -> tuple[Image.Image, Size]:
        """Return a photo large enough for its crops, and its full size."""
        data = self.storage.read(uri)
        size = image.probe(data).size
        least = size.fit(3 * SHOWN)
        return Image.fromarray(image.decode(data, at_least=least).rgb), size


def sheets(pairs: Sequence[Pair], pictures: PairPictures) -> Iterator[Image.Image]:
    """Draw pairs with their numbers: the photo small, then the left and the right crop."""
    cell = Size(SHEET_PHOTO + 2 * SHEET_CROP + 4 * GAP, SHEET_CROP + LABEL + GAP)
    for start in range(0, len(pairs), COLUMNS * ROWS):
        group = pairs[start : start + COLUMNS * ROWS]
        rows = -(-len(group) // COLUMNS)
        sheet = Image.new("RGB", (COLUMNS * cell.width, rows * cell.height), "white")
        pen = ImageDraw.Draw(sheet)
        for at, pair in enumerate(group):
            row, column = divmod(at, COLUMNS)
            left, top = column * cell.width + GAP, row * cell.height
            title = f"{start + at + 1}    {pair.label}"
            pen.text((left, top + 4), title, "black", ImageFont.load_default(16))
            sheet.paste(pictures.photo(pair, SHEET_PHOTO), (left, top + LABEL))
            for side in (0, 1):
                place = left + SHEET_PHOTO + GAP + side * (SHEET_CROP + GAP)
                sheet.paste(pictures.crop(pair, side, SHEET_CROP), (place, top + LABEL))
        yield sheet

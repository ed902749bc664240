"""The method ``center``, which needs no network and is the baseline for other methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..geometry import RatioLike, Size
from .base import Crop, CropMethod, Hints, Photo, read_pixels
from .notebook import Answers


class Center(CropMethod):
    """The largest window of the ratio, at the centre or around a given focal point."""

    name: ClassVar[str] = "center"
    summary: ClassVar[str] = "the centre window, or the window around a given focal point"
    weights: ClassVar[str | None] = None
    score_meaning: ClassVar[str] = "the share of the photo's area that the crop keeps, 0 to 1"
    analysis: ClassVar[int] = 16
    needs_pixels: ClassVar[bool] = False
    follows_safe: ClassVar[bool] = True

    @dataclass(frozen=True)
    class Options:
        """The method has no options."""

    def __init__(self, options: Options | None = None) -> None:
        """Create the method; its options have no fields."""
        self.options = options or self.Options()

    def boxes(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
        hints: Sequence[Hints] | None = None,
    ) -> list[list[Crop]]:
        """Return the centre window of each ratio; see :class:`~deepcrop.methods.base.CropMethod`.

        The score is the share of the source's area that the window keeps.
        """
        arrays, ratios, sizes, hints = read_pixels(images, aspects, sizes, hints)
        answers = []
        for size, hint in zip(sizes, hints, strict=True):
            focal = hint.focal or (0.5, 0.5)
            boxes = [
                hint.safe_of(ratio).centred(ratio.largest_window(size), focal, size)
                for ratio in ratios
            ]
            answers.append([Crop(box, box.area / size.pixels, focal) for box in boxes])
        return Answers.of(answers, arrays, ratios, sizes)

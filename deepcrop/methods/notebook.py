"""Answers that show themselves in a notebook: the photo, its crop boxes, and where people look.

A method's answer is a list of lists of crops. These are such lists, which know their photos too.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box, Focal, RatioLike, Size
from .base import Crop
from .pictures import Photo, as_array, as_aspects

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN = 420
"""Longest edge of a shown photo, in pixels."""
MOST = 24
"""Photos of an answer that are shown at most."""
COLOURS = ("#e0453c", "#12977f", "#3767e8", "#c67c00", "#8a57e0", "#5c9c2b", "#d84d8a", "#0f8fae")
"""Colours of crop boxes, in the order of the ratios."""


class Crops(list[Crop]):
    """The crops of one photo, one a ratio."""

    def __init__(
        self,
        crops: Iterable[Crop],
        photo: Photo,
        names: Sequence[str],
        size: Size,
        saliency: NDArray[np.floating] | None = None,
    ) -> None:
        """Take the crops, and what is shown with them.

        Args:
            crops: the crops.
            photo: the analysed image.
            names: the ratios of the crops.
            size: of the source in pixels.
            saliency: map ``(h, w)`` over the photo; None where the method has none.
        """
        super().__init__(crops)
        self.photo, self.names, self.size, self.saliency = photo, names, size, saliency

    def _repr_html_(self) -> str:
        """Return the photo with boxes, focal point and map, for a notebook."""
        from PIL import Image

        boxes = {name: crop.box for name, crop in zip(self.names, self, strict=True)}
        shown = Image.fromarray(as_array(self.photo))
        focal = self[0].focal if self else None
        pictures = [photo_html(shown, self.size, boxes, focal)]
        if self.saliency is not None:
            pictures.append(map_html(self.saliency, self.size))
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{crop.box}</td><td>{crop.score:.3f}</td>"
            f"<td>{escape(', '.join(crop.flags))}</td><td>{escape(crop.note or '')}</td></tr>"
            for name, crop in zip(self.names, self, strict=True)
        )
        head = "<tr><th>ratio</th><th>box</th><th>score</th><th>flags</th><th>note</th></tr>"
        return f"<div>{''.join(pictures)}<table>{head}{rows}</table></div>"


class Answers(list[list[Crop]]):
    """The crops of several photos."""

    @classmethod
    def of(
        cls,
        answers: Sequence[Sequence[Crop]],
        photos: Sequence[Photo],
        aspects: Sequence[RatioLike],
        sizes: Sequence[Size],
        maps: Sequence[NDArray[np.floating]] | None = None,
    ) -> Answers:
        """Take the crops of photos, and what is shown with them.

        Args:
            answers: crops of each photo, one a ratio.
            photos: the analysed images.
            aspects: the ratios of the crops.
            sizes: sizes of the sources in pixels.
            maps: saliency maps ``(h, w)`` of the photos, where the method has some.
        """
        names = [str(ratio) for ratio in as_aspects(aspects)]
        shown: list[NDArray[np.floating] | None] = [None] * len(photos)
        if maps is not None:
            shown[:] = maps
        return cls(
            Crops(crops, photo, names, size, saliency)
            for crops, photo, size, saliency in zip(answers, photos, sizes, shown, strict=True)
        )

    def _repr_html_(self) -> str:
        """Return the photos one below the other, for a notebook."""
        parts = [each._repr_html_() for each in self[:MOST] if isinstance(each, Crops)]
        more = f"<p>and {len(self) - MOST} more</p>" if len(self) > MOST else ""
        return "".join(parts) + more


def photo_html(
    photo: Image, size: Size, boxes: Mapping[str, Box], focal: Focal | None, longest: int = SHOWN
) -> str:
    """Return a photo with crop boxes and the focal point over it, as SVG.

    Args:
        photo: the photo, of any resolution.
        size: of the source in pixels, in which the boxes are.
        boxes: crop boxes by name.
        focal: the focal point, 0..1 of the sides.
        longest: longest edge of the drawing, in pixels.
    """
    shown, line = size.fit(longest), max(size.width, size.height) / longest * 2.5
    drawn = ""
    for number, (name, box) in enumerate(boxes.items()):
        colour = COLOURS[number % len(COLOURS)]
        drawn += (
            f'<rect x="{box.x0}" y="{box.y0}" width="{box.size.width}" '
            f'height="{box.size.height}" fill="none" stroke="{colour}" stroke-width="{line:.1f}">'
            f"<title>{escape(name)}</title></rect>"
        )
    if focal is not None:
        x, y = focal[0] * size.width, focal[1] * size.height
        drawn += (
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{3 * line:.1f}" fill="#fff" stroke="#000" '
            f'stroke-width="{line / 2:.1f}"/>'
        )
    small = photo.convert("RGB")
    small.thumbnail((longest, longest))
    return (
        f'<svg viewBox="0 0 {size.width} {size.height}" width="{shown.width}" '
        f'height="{shown.height}" style="margin:4px">'
        f'<image href="{_data_url(small, "jpeg")}" width="{size.width}" height="{size.height}" '
        f'preserveAspectRatio="none"/>{drawn}</svg>'
    )


def map_html(saliency: NDArray[np.floating], size: Size, longest: int = SHOWN) -> str:
    """Return a map ``(h, w)`` as a picture of a photo's shape, white where it is largest."""
    from PIL import Image

    scaled = np.clip(saliency / max(float(saliency.max()), 1e-12), 0, 1)
    shown = size.fit(longest)
    grey = Image.fromarray(np.rint(255 * np.sqrt(scaled)).astype(np.uint8))
    url = _data_url(grey.resize((shown.width, shown.height)), "png")
    return f'<img src="{url}" alt="saliency map" style="margin:4px">'


def _data_url(picture: Image, image_format: str) -> str:
    sink = io.BytesIO()
    picture.save(sink, image_format)
    return f"data:image/{image_format};base64,{base64.b64encode(sink.getvalue()).decode()}"

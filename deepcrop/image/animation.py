"""The first frame of an animation, as browsers show it on an empty canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..flags import Flag, Note
from .formats.webp import first_frame

if TYPE_CHECKING:
    from .header import Opened

Rectangle = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are outside."""


def animation_notes(source: Opened) -> tuple[Note, ...]:
    """Return the note on an animation that is about to be flattened; no other frame is decoded."""
    if source.header.format == "tiff" or not _animated(source):
        return ()
    # Containers tell the number, but of a GIF all frames would have to be looked for.
    count = getattr(source.image, "n_frames", 0) if source.header.format != "gif" else 0
    count -= bool(source.image.info.get("default_image"))
    which = f"frame 1 of {count}" if count > 1 else "first frame"
    return (Note(f"{which} of an animation", Flag.ANIMATION_FLATTENED),)


def _animated(source: Opened) -> bool:
    try:
        return source.several
    except Exception:  # a broken second frame: whatever Pillow's parser raises
        return False


def select_first_frame(source: Opened) -> Rectangle | None:
    """Go to the first frame of an image that isn't loaded; return the part that it covers.

    None: the whole canvas. What is outside is transparent: browsers begin with an empty canvas and
    ignore background colours, which Pillow paints.
    """
    image, form = source.image, source.header.format
    rectangle = None
    if form == "gif":
        rectangle = image.tile[0][1]
    elif form == "webp":
        rectangle = first_frame(source.data)
    elif form == "png" and image.info.get("default_image"):
        # The default image is for readers that don't know APNG, and no frame of the animation.
        image.seek(1)
    return None if rectangle == (0, 0, *image.size) else rectangle


def opaque_inside(image: Image.Image, rectangle: Rectangle) -> NDArray[np.uint8]:
    """Return alpha (H, W) that is opaque inside a rectangle only."""
    left, top, right, bottom = rectangle
    alpha = np.zeros((image.height, image.width), np.uint8)
    alpha[top:bottom, left:right] = 255
    return alpha

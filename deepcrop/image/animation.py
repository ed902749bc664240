"""The first frame of an animation, as browsers show it on an empty canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..flags import Flag, Note
from .formats.webp import first_frame

if TYPE_CHECKING:
    from .opened import Opened

Rectangle = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the right column and bottom row are excluded."""


def animation_notes(source: Opened) -> tuple[Note, ...]:
    """Return the note that an animation is reduced to its first frame; decodes no other frame."""
    if source.header.format in ("tiff", "heif") or not _animated(source):
        return ()
    # Containers store the number of frames, but a GIF would have to be read to its end.
    count = getattr(source.image, "n_frames", 0) if source.header.format != "gif" else 0
    count -= bool(source.image.info.get("default_image"))
    which = f"frame 1 of {count}" if count > 1 else "first frame"
    return (Note(f"{which} of an animation", Flag.ANIMATION_FLATTENED),)


def _animated(source: Opened) -> bool:
    try:
        return source.several
    except Exception:  # a broken second frame: Pillow's parser may raise any exception
        return False


def select_first_frame(source: Opened) -> Rectangle | None:
    """Seek to the first frame of an image that isn't loaded yet; return the part that it covers.

    None means the whole canvas. The rest of the canvas is transparent: browsers start with an empty
    canvas and ignore the background colour, which Pillow paints.
    """
    image, form = source.image, source.header.format
    rectangle = None
    if form == "gif":
        rectangle = image.tile[0][1]
    elif form == "webp":
        rectangle = first_frame(source.data)
    elif form == "png" and image.info.get("default_image"):
        # The default image is for readers without APNG support; it isn't a frame of the animation.
        image.seek(1)
    return None if rectangle == (0, 0, *image.size) else rectangle


def opaque_inside(image: Image.Image, rectangle: Rectangle) -> NDArray[np.uint8]:
    """Return an alpha channel (H, W) that is opaque only inside a rectangle."""
    left, top, right, bottom = rectangle
    alpha = np.zeros((image.height, image.width), np.uint8)
    alpha[top:bottom, left:right] = 255
    return alpha

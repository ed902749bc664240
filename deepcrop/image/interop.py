"""Convert the images that users pass (files, PIL images, arrays, tensors)."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import AccessDenied, FetchError, NotFound, RequestError
from .colour.conversion import to_rgb
from .decode import decode
from .picture import over_white


def open(source: str | Path | BinaryIO) -> Image.Image:
    """Open a photo with its orientation applied, as RGB in sRGB (RGBA if some pixel isn't opaque).

    Raises:
        NotFound: there is no such file.
        AccessDenied: the file may not be read.
        NotAnImage: no decoder recognises the bytes.
        Corrupt: the file is damaged or truncated.
        Unsupported: the file is of a kind that can't be read.
        TooLarge: the image has more than 134 megapixels.
    """
    try:
        data = Path(source).read_bytes() if isinstance(source, str | Path) else source.read()
    except FileNotFoundError as error:
        raise NotFound(f"{source}: no such file") from error
    except PermissionError as error:
        raise AccessDenied(f"{source}: no right to read it") from error
    except OSError as error:
        raise FetchError(f"{source}: {error.strerror or error}") from error
    return Image.fromarray(decode(data).pixels)


def as_array(image: object) -> NDArray[np.uint8]:
    """Convert a PIL image, an array (H, W, 3) or a tensor (3, H, W) to uint8 RGB (H, W, 3).

    Arrays may also be grey (H, W) or have alpha (H, W, 4), and tensors may be grey (1, H, W).
    Pixels with alpha are composited over white. Floats range from 0 to 1. EXIF orientation isn't
    applied here, but by `open`.

    Raises:
        RequestError: the argument is something else.
    """
    if isinstance(image, Image.Image):
        return over_white(np.array(to_rgb(image, "srgb")[0]))
    if hasattr(image, "detach"):  # detects a tensor without importing torch
        array = np.asarray(image.detach().cpu().numpy())
        if array.ndim == 3:
            array = np.moveaxis(array, 0, -1)
    else:
        array = np.asarray(image)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise RequestError(
            f"image of type {type(image).__name__} and shape {getattr(image, 'shape', None)}: "
            "expected a PIL image, an array (H, W, 3) or a tensor (3, H, W)"
        )
    if array.dtype.kind == "f":
        array = np.rint(np.nan_to_num(array).clip(0, 1) * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise RequestError(f"image of {array.dtype}: expected uint8, or floats from 0 to 1")
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    return np.ascontiguousarray(over_white(array))


def as_pil(image: object) -> Image.Image:
    """Convert any image that `as_array` accepts to a PIL image in RGB."""
    return Image.fromarray(as_array(image))

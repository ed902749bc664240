"""One photo at a time: what notebooks and the command ``deepcrop crop`` call."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from . import image
from .errors import RequestError
from .geometry import RatioLike, Size
from .methods import registry
from .methods.base import Loaded, Photo

PhotoLike: TypeAlias = "str | Path | Photo"
"""A path, a PIL image, an array (H, W, 3) or a tensor (3, H, W); 8-bit RGB."""


def crop(
    photo: PhotoLike,
    aspect: RatioLike,
    *,
    method: str = "saliency",
    size: tuple[int, int] | None = None,
    device: str | None = None,
    weights: str | None = None,
    **options: object,
) -> Image.Image:
    """Cut the best window of a ratio out of one photo.

    Args:
        photo: a path, a PIL image, an array (H, W, 3) or a tensor (3, H, W).
        aspect: the ratio, such as ``"16:9"``, ``(16, 9)`` or ``16 / 9``.
        method: a crop method.
        size: width and height of the result in pixels; by default the crop box's own.
        device: ``"cuda"``, ``"cuda:1"``, ``"cpu"``; by default a GPU where there is one.
        weights: a catalogue name or the path of a file; by default the method's own.
        options: options of the method.

    Raises:
        RequestError: the method, ratio or an option is wrong.
        DecodeError: the file is no image that can be read.
    """
    picture = _pil(photo)
    loaded = _loaded(method, device, weights, tuple(sorted(options.items())))
    if loaded.kind != "crop":
        raise RequestError(f"method {method!r}: retargets; use deepcrop.retarget")
    [[answer]] = loaded.boxes([picture], [aspect])
    cut = picture.crop(answer.box.corners)
    return cut if size is None else cut.resize(size, Image.Resampling.LANCZOS)


def retarget(
    photo: PhotoLike,
    size: tuple[int, int],
    *,
    method: str = "dnr",
    device: str | None = None,
    weights: str | None = None,
    **options: object,
) -> Image.Image:
    """Make one photo fit a size by moving its content instead of cutting it.

    Args:
        photo: a path, a PIL image, an array (H, W, 3) or a tensor (3, H, W).
        size: width and height of the result in pixels.
        method: a retarget method.
        device: ``"cuda"``, ``"cuda:1"``, ``"cpu"``; by default a GPU where there is one.
        weights: a catalogue name or the path of a file; by default the method's own.
        options: options of the method.

    Raises:
        RequestError: the method, size or an option is wrong.
        DecodeError: the file is no image that can be read.
    """
    loaded = _loaded(method, device, weights, tuple(sorted(options.items())))
    if loaded.kind != "retarget":
        raise RequestError(f"method {method!r}: crops; use deepcrop.crop")
    [[pixels]] = loaded.retarget([_pil(photo)], [[Size(*size)]])
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())


def _pil(photo: PhotoLike) -> Image.Image:
    return image.open(photo) if isinstance(photo, str | Path) else image.as_pil(photo)


@lru_cache(maxsize=4)
def _loaded(
    method: str, device: str | None, weights: str | None, options: tuple[tuple[str, object], ...]
) -> Loaded:
    """Load a method; the last four that were asked for are kept."""
    return registry.load(method, device=device, weights=weights, **dict(options))

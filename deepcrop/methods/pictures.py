"""Convert the images and aspect ratios that methods accept."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy

from ..errors import RequestError
from ..geometry import AspectRatio, RatioLike, Size

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

Photo: TypeAlias = "Image | NDArray[uint8] | Tensor"
"""A PIL image, an array (H, W, 3) or a tensor (3, H, W); 8-bit RGB."""


def as_tensor(image: Photo) -> Tensor:
    """Convert an image to a uint8 tensor (3, H, W), RGB.

    Args:
        image: a PIL image, an array (H, W, 3) or a tensor (3, H, W); 8-bit.

    Raises:
        RequestError: the argument is none of these.
    """
    import torch

    if isinstance(image, torch.Tensor):
        _check_tensor(image)
        return image
    return torch.from_numpy(numpy.array(as_array(image), order="C")).permute(2, 0, 1)


def as_array(image: Photo) -> NDArray[uint8]:
    """Convert an image to an array (H, W, 3), 8-bit RGB, which may share the image's memory.

    Args:
        image: as for :func:`as_tensor`; PyTorch is imported only if it has been before.

    Raises:
        RequestError: the argument is none of these.
    """
    if (torch := sys.modules.get("torch")) and isinstance(image, torch.Tensor):
        _check_tensor(image)
        return cast("NDArray[uint8]", image.permute(1, 2, 0).cpu().numpy())
    if not isinstance(image, numpy.ndarray) and getattr(image, "mode", "RGB") != "RGB":
        image = cast("Image", image).convert("RGB")
    array = numpy.asarray(image)
    if array.dtype != numpy.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise RequestError(
            f"image array of {array.dtype}, shape {array.shape}: "
            "expected a PIL image or uint8 of shape (H, W, 3)"
        )
    return array


def _check_tensor(image: Tensor) -> None:
    """Check that a tensor is an image.

    Raises:
        RequestError: it isn't.
    """
    if str(image.dtype) != "torch.uint8" or image.ndim != 3 or image.shape[0] != 3:
        raise RequestError(
            f"image tensor of {image.dtype}, shape {tuple(image.shape)}: "
            "expected uint8 of shape (3, H, W)"
        )


def as_aspects(aspects: Sequence[RatioLike]) -> list[AspectRatio]:
    """Convert aspect ratios given as text, numbers or pairs; see :meth:`.AspectRatio.read`.

    Raises:
        RequestError: one of them isn't an aspect ratio.
    """
    return [AspectRatio.read(each) for each in aspects]


def size_of(image: Tensor) -> Size:
    """Return the size of a tensor (..., H, W)."""
    return Size(int(image.shape[-1]), int(image.shape[-2]))


def size_of_array(pixels: NDArray[uint8]) -> Size:
    """Return the size of an array (H, W, 3)."""
    return Size(pixels.shape[1], pixels.shape[0])

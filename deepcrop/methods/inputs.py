"""Inputs: the arguments of crop methods, converted and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..geometry import AspectRatio, RatioLike, Size
from .crops import Hints
from .pictures import Photo, as_array, as_aspects, as_tensor, size_of, size_of_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class CropInputs(NamedTuple):
    """The converted arguments of :meth:`.base.CropMethod.boxes`, with defaults filled in."""

    images: Sequence[Tensor]
    """The images, uint8 ``(3, H, W)`` each."""
    ratios: Sequence[AspectRatio]
    """The aspect ratios requested for every image."""
    sizes: Sequence[Size]
    """The size of each image's source in pixels; boxes are in these pixels."""
    hints: Sequence[Hints]
    """The hints for each image; empty hints if the user gave none."""


def read_inputs(
    images: Sequence[Photo],
    aspects: Sequence[RatioLike],
    sizes: Sequence[Size] | None,
    hints: Sequence[Hints] | None,
) -> CropInputs:
    """Convert and check the arguments of :meth:`.CropMethod.boxes`; crop methods start so.

    Args:
        images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
        aspects: the aspect ratios requested for every image.
        sizes: the size of each image's source; None if the images are the sources.
        hints: the user's hints for each image; None if there are none.

    Raises:
        RequestError: an argument isn't an image or isn't an aspect ratio.
    """
    tensors = [as_tensor(image) for image in images]
    return CropInputs(
        tensors,
        as_aspects(aspects),
        sizes or [size_of(tensor) for tensor in tensors],
        hints or [Hints()] * len(tensors),
    )


class PixelInputs(NamedTuple):
    """:class:`CropInputs` for methods that do without PyTorch, whose import takes seconds."""

    images: Sequence[NDArray[np.uint8]]
    """The images, ``(H, W, 3)`` each."""
    ratios: Sequence[AspectRatio]
    """See :attr:`CropInputs.ratios`."""
    sizes: Sequence[Size]
    """See :attr:`CropInputs.sizes`."""
    hints: Sequence[Hints]
    """See :attr:`CropInputs.hints`."""


def read_pixels(
    images: Sequence[Photo],
    aspects: Sequence[RatioLike],
    sizes: Sequence[Size] | None,
    hints: Sequence[Hints] | None,
) -> PixelInputs:
    """Convert and check the arguments of :meth:`.CropMethod.boxes` as :func:`read_inputs` does.

    Args:
        images: see :func:`read_inputs`.
        aspects: see :func:`read_inputs`.
        sizes: see :func:`read_inputs`.
        hints: see :func:`read_inputs`.

    Raises:
        RequestError: an argument isn't an image or isn't an aspect ratio.
    """
    arrays = [as_array(image) for image in images]
    return PixelInputs(
        arrays,
        as_aspects(aspects),
        sizes or [size_of_array(each) for each in arrays],
        hints or [Hints()] * len(arrays),
    )

"""A gain map and its parameters (ISO 21496-1:2025, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...geometry import Box, Size
from ..colour.transfer import SRGB

Channels = tuple[float, ...]
"""A parameter of the map's only channel, or of red, green and blue."""


_SHORTEST = 32
"""Least pixels of the shorter side of a variant's map, unless the variant has fewer itself.

Readers spread few samples over the variant in different ways.
"""


@dataclass(frozen=True)
class Parameters:
    """How a gain map's samples turn the base picture into the alternate, brighter one.

    A sample v (0 to 1) stands for ``g = minimum + (maximum - minimum) * v ** (1 / gamma)`` stops.
    The HDR light is ``(base + base_offset) * 2 ** g - alternate_offset``, in linear light with SDR
    white at 1.

    Attributes:
        minimum: the gain of the sample 0, in stops.
        maximum: the gain of the sample 1, in stops.
        gamma: the exponent of the samples.
        base_offset: what is added to the base's light.
        alternate_offset: what is subtracted from the HDR light.
        base_headroom: stops over SDR white at which a display shows the base alone.
        alternate_headroom: stops over SDR white from which a display shows the whole gain.
        base_colours: whether the gain applies to the base's primaries, not to the alternate's.
    """

    minimum: Channels
    maximum: Channels
    gamma: Channels = (1.0,)
    base_offset: Channels = (1 / 64,)
    alternate_offset: Channels = (1 / 64,)
    base_headroom: float = 0.0
    alternate_headroom: float = 1.0
    base_colours: bool = True

    @property
    def plausible(self) -> bool:
        """Whether the values make sense, and the base is the darker rendition."""
        numbers = np.array(
            [*self.minimum, *self.maximum, *self.base_offset, *self.alternate_offset]
        )
        return bool(
            np.isfinite(numbers).all()
            and np.abs(numbers).max() < 32
            and min(self.gamma) > 0.01
            and max(self.gamma) < 100
            and all(low <= high for low, high in zip(self.minimum, self.maximum, strict=True))
            and 0 <= self.base_headroom < self.alternate_headroom < 32
        )


@dataclass(frozen=True, eq=False)
class GainMap:
    """A gain map, upright as its picture is shown.

    Attributes:
        pixels: (H, W, 1 or 3) uint8; it covers the whole picture, usually at fewer pixels.
        parameters: what its samples mean.
    """

    pixels: NDArray[np.uint8]
    parameters: Parameters

    def cut(self, source: Size, box: Box, size: Size) -> GainMap:
        """Return the gain map of a variant.

        Args:
            source: width and height of the whole picture as shown, in its own pixels.
            box: the crop box, in the same pixels.
            size: width and height of the variant.
        """
        height, width = self.pixels.shape[:2]
        across, down = width / source.width, height / source.height
        x0, y0, x1, y1 = box.corners
        window = (x0 * across, y0 * down, x1 * across, y1 * down)
        # A whole number of the variant's pixels for each of the map's, as readers expect it.
        step = round(1 / max(across, down, 1 / 64))
        step = max(1, min(step, min(size.width, size.height) // _SHORTEST))
        wanted = (max(1, -(-size.width // step)), max(1, -(-size.height // step)))
        image = Image.fromarray(self.pixels[..., 0] if self.pixels.shape[2] == 1 else self.pixels)
        resized = np.asarray(image.resize(wanted, Image.Resampling.BICUBIC, box=window))
        return GainMap(resized.reshape(wanted[1], wanted[0], -1), self.parameters)


def from_apple(pixels: NDArray[np.uint8], headroom: float) -> GainMap:
    """Return a gain map of ISO 21496-1 that is equal to Apple's.

    Apple's HDR light is ``base * (1 + (headroom - 1) * v)``, where v is the sample as linear light
    (Apple's developer documentation, "Applying Apple HDR effect to your photos").

    Args:
        pixels: (H, W, 1) uint8, Apple's samples.
        headroom: the brightest HDR light, over 1.
    """
    light = SRGB(np.arange(256) / 255)
    stops = np.log2(1 + (headroom - 1) * light) / log2(headroom)
    table = np.rint(255 * stops).astype(np.uint8)
    parameters = Parameters(
        (0.0,),
        (log2(headroom),),
        base_offset=(0.0,),
        alternate_offset=(0.0,),
        alternate_headroom=log2(headroom),
    )
    return GainMap(table[pixels], parameters)

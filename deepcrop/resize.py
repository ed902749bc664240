"""Resize 8-bit RGB pixels with antialiased filters, without PyTorch.

PyTorch's resize is as good and as fast, but its import takes seconds and hundreds of megabytes in
each process that renders.

```python
raster = Raster(pixels)                                   # (H, W, 3) uint8
half = raster.resized(Size(320, 240)).pixels              # the whole image
part = raster.resized(Size(100, 100), (10.5, 0, 210.5, 200)).pixels
```
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from cykooz_resizer import CropBox, FilterType, ImageData, PixelType, ResizeAlg, Resizer
from cykooz_resizer import ResizeOptions as Options
from numpy.typing import NDArray

from .geometry import Size

Filter = Literal["cubic", "linear"]
"""The antialiased filters of Pillow: ``cubic`` is its bicubic (Keys, a = -1/2), ``linear`` its
bilinear filter."""
Window = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels, whose edges may lie inside pixels."""

SUPPORT = {"cubic": 2, "linear": 1}
"""Pixels of the result that a filter reaches to each side."""

_KINDS = {"cubic": FilterType.catmull_rom, "linear": FilterType.bilinear}


class Raster:
    """Pixels in the memory of the resizer, so that several results share one copy of them."""

    def __init__(self, pixels: NDArray[np.uint8] | ImageData) -> None:
        """Take (H, W, 3) uint8 pixels, which are copied."""
        if isinstance(pixels, ImageData):
            self._image = pixels
            return
        height, width = pixels.shape[:2]
        self._image = ImageData(width, height, PixelType.U8x3, pixels.tobytes())

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size(self._image.width, self._image.height)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """A copy of the pixels, (H, W, 3) uint8, which can be written to."""
        flat = np.frombuffer(bytearray(self._image.get_buffer()), np.uint8)
        return flat.reshape(self._image.height, self._image.width, 3)

    def resized(self, size: Size, window: Window | None = None, by: Filter = "cubic") -> Raster:
        """Resize a window of the image, without rounding its edges to whole pixels.

        Pixels outside the window count where the filter reaches them, as in Pillow.

        Args:
            size: width and height of the result.
            window: the window, inside the image; None: the whole image.
            by: the filter.
        """
        result = ImageData(size.width, size.height, PixelType.U8x3)
        options = Options(_algorithm(by), use_alpha=False)
        if window is not None:
            x0, y0, x1, y1 = window
            options.crop_box = CropBox(x0, y0, x1 - x0, y1 - y0)
        _resizer().resize(self._image, result, options)
        return Raster(result)


def resized(pixels: NDArray[np.uint8], size: Size, by: Filter = "cubic") -> NDArray[np.uint8]:
    """Resize pixels (H, W, 3) uint8 as :meth:`Raster.resized` does."""
    return Raster(pixels).resized(size, by=by).pixels


@cache
def _algorithm(by: Filter) -> ResizeAlg:
    return ResizeAlg.convolution(_KINDS[by])


@cache
def _resizer() -> Resizer:
    """Return the resizer of this process, which keeps the memory of intermediate results."""
    return Resizer()

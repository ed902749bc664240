"""A file whose header has been read, and whose pixels have not."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image, ImageFile

from ..errors import Corrupt, TooLarge
from ..flags import Note
from ..geometry import Size
from .gain_maps.model import GainMap
from .pillow import open_with_pillow
from .samples import Samples


@dataclass(frozen=True)
class Probe:
    """An image's header.

    Attributes:
        format: jpeg, png, webp, avif, tiff, gif, bmp, heif, jxl, psd or raw.
        size: width and height as shown, orientation applied.
        orientation: EXIF orientation of the stored pixels, 1 to 8.
        mode: the storage of the pixels by Pillow's name (RGB, CMYK, P, I;16, ...).
        animated: whether there is more than one frame or page.
    """

    format: str
    size: Size
    orientation: int
    mode: str
    animated: bool


@dataclass(frozen=True, eq=False)
class Opened:
    """A file whose header has been read.

    Attributes:
        header: the header; its ``animated`` isn't set, see `several`.
        data: the bytes that ``image`` reads: the whole file, in which the selected page of a TIFF
            is the first; or the JPEG inside a raw or JPEG XL file.
        image: Pillow's reader, not loaded yet. If ``samples`` is set, only this reader's ``info``,
            ``format`` and EXIF are valid, not its size and mode.
        samples: decodes the samples, if another decoder than ``image`` reads them.
        upright: whether the decoder applies the orientation to the pixels.
        scalable: whether ``data`` is a JPEG that may be decoded at a smaller scale.
        notes: notes on choices that were made, for the manifest.
        frames: whether there is more than one frame or page; None if ``image`` tells it.
        gain_map: decodes the gain map as stored, or upright if ``upright``; None if there is none.
    """

    header: Probe
    data: bytes
    image: ImageFile.ImageFile
    samples: Callable[[], Samples] | None = None
    upright: bool = False
    scalable: bool = False
    notes: tuple[Note, ...] = ()
    frames: bool | None = None
    gain_map: Callable[[], GainMap | None] | None = None

    @property
    def several(self) -> bool:
        """Whether the file has more than one frame or page; this may read past the header."""
        if self.frames is not None:
            return self.frames
        return bool(getattr(self.image, "is_animated", False))


def without_pixels(format: str, blocks: Mapping[str, object]) -> ImageFile.ImageFile:
    """Return a reader of one pixel that has a file's format and metadata.

    Args:
        format: the value of its attribute ``format``, in Pillow's spelling where Pillow has one.
        blocks: what its ``info`` holds; missing blocks are None or empty.
    """
    one_pixel = io.BytesIO()
    Image.new("1", (1, 1)).save(one_pixel, "gif")
    blank = open_with_pillow("gif", one_pixel.getvalue())
    blank.format = format
    blank.info.update({key: block for key, block in blocks.items() if block})
    return blank


def shown_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return width and height as shown of an image that is stored in an orientation."""
    width, height = size
    return (height, width) if orientation >= 5 else (width, height)


def check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Check the size that a header says.

    Raises:
        Corrupt: there are no pixels.
        TooLarge: there are more than ``max_pixels``.
    """
    width, height = size
    if width < 1 or height < 1:
        raise Corrupt(f"the header says {width}x{height} pixels")
    if width * height > max_pixels:
        raise TooLarge(
            f"{width}x{height} pixels are more than the limit of {max_pixels}; "
            f"--max-pixels {width * height} allows them"
        )

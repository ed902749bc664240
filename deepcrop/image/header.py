"""Read an image's header without decoding its pixels."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from PIL import Image, ImageFile

from ..errors import Corrupt, SourceError, TooLarge, Unsupported
from ..flags import Flag, Note
from ..geometry import Size
from .formats import jpeg, webp
from .formats.tiff import pages as tiff
from .formats.tiff import support as tiff_support
from .formats.tiff.layout import Layout
from .libtiff import silence
from .metadata.blocks import orientation_of
from .pillow import open_with_pillow, without_warnings
from .signature import format_of

MAX_PIXELS = 2**27
"""Default limit of an image's size in pixels (width times height): 134 megapixels."""

# Messages of Pillow's readers for valid files of an unsupported kind.
_UNKNOWN_KIND = re.compile(r"[Uu]nsupported|cannot handle|unknown pixel mode|data organization")


@dataclass(frozen=True)
class Probe:
    """An image's header.

    Attributes:
        format: jpeg, png, webp, avif, tiff, gif or bmp.
        size: width and height as shown, EXIF orientation applied.
        orientation: EXIF orientation of the stored pixels, 1 to 8.
        mode: the storage of the pixels by Pillow's name (RGB, CMYK, P, I;16, ...).
        animated: whether there is more than one frame or page.
    """

    format: str
    size: Size
    orientation: int
    mode: str
    animated: bool


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Probe:
    """Read an image's header.

    Args:
        data: the whole file.
        max_pixels: the largest width times height to accept.

    Raises:
        NotAnImage: no decoder recognises the bytes; the message says what they look like.
        Corrupt: the header is broken.
        Unsupported: the file is of a kind that can't be read; the message names the kind.
        TooLarge: the image has more than ``max_pixels``.
    """
    with opened(data, max_pixels) as source:
        return replace(source.header, animated=source.several)


@dataclass(frozen=True, eq=False)
class Opened:
    """A file whose header has been read.

    Attributes:
        header: the header; its ``animated`` isn't set, see `several`.
        data: the whole file; in a TIFF, the selected page is the first.
        image: Pillow's reader, not loaded yet. If ``page`` or ``frame`` is set, another decoder
            reads the samples, and only this reader's ``info`` and EXIF are valid, not its size and
            mode.
        page: the TIFF layout to read by `formats.tiff.decoding`; None for other readers.
        frame: the JPEG frame to read by `jpeg.read`; None for other readers.
        scalable: whether the file is a JPEG that may be decoded at a smaller scale.
        notes: notes on choices that were made, for the manifest.
    """

    header: Probe
    data: bytes
    image: ImageFile.ImageFile
    page: Layout | None = None
    frame: jpeg.Frame | None = None
    scalable: bool = False
    notes: tuple[Note, ...] = ()
    pages: int = 1

    @property
    def several(self) -> bool:
        """Whether the file has more than one frame or page; this reads past the header."""
        if self.header.format == "tiff":
            return self.pages > 1
        return bool(getattr(self.image, "is_animated", False))


@contextmanager
def opened(data: bytes, max_pixels: int) -> Iterator[Opened]:
    """Open a file with the reader of its format; errors inside the context become DecodeErrors."""
    name = format_of(data)
    with without_warnings():
        try:
            with _opener(name, data, max_pixels) as source:
                yield source
        except SourceError:
            raise
        except (Image.DecompressionBombError, MemoryError) as error:
            raise TooLarge(f"{name}: {str(error) or 'not enough memory to decode it'}") from error
        except Exception as error:
            # On broken files, readers raise many kinds: struct.error, KeyError, EOFError, ...
            kind = Unsupported if _UNKNOWN_KIND.search(str(error)) else Corrupt
            raise kind(f"{name}: {type(error).__name__}: {error}"[:300]) from error


def _opener(name: str, data: bytes, max_pixels: int) -> AbstractContextManager[Opened]:
    if name == "tiff":
        return _tiff(name, data, max_pixels)
    frame = jpeg.frame_of(data) if name == "jpeg" else None
    if frame is None:
        return _by_pillow(name, data, max_pixels)
    if frame.ordinary:
        return _by_pillow(name, data, max_pixels, frame.scalable)
    return _rare_jpeg(name, data, max_pixels, frame)


@contextmanager
def _by_pillow(name: str, data: bytes, max_pixels: int, scalable: bool = False) -> Iterator[Opened]:
    if name == "webp" and (canvas := webp.canvas_size(data)) is not None:
        _check(canvas, max_pixels)  # Pillow allocates a WebP's canvas when opening it
    with open_with_pillow(name, data) as image:
        orientation = orientation_of(image, data)
        size = _shown(image.size, orientation)
        _check(size, max_pixels)
        header = Probe(name, Size(*size), orientation, image.mode, False)
        yield Opened(header, data, image, scalable=scalable)


@contextmanager
def _rare_jpeg(name: str, data: bytes, max_pixels: int, frame: jpeg.Frame) -> Iterator[Opened]:
    _check((frame.width, frame.height), max_pixels)
    frame.check()
    with _by_pillow(name, jpeg.as_ordinary(data, frame), max_pixels) as source:
        mode = f"{source.header.mode};{frame.precision}"
        yield replace(source, header=replace(source.header, mode=mode), data=data, frame=frame)


@contextmanager
def _tiff(name: str, data: bytes, max_pixels: int) -> Iterator[Opened]:
    page = tiff.page_of(data)
    layout, pages = Layout.of(page.directory), page.count
    notes = (Note(page.remark, Flag.PAGE_CHOSEN),) if page.remark else ()
    _check((layout.width, layout.height), max_pixels)
    if tiff_support.by_pillow(layout):
        silence()
        with open_with_pillow(name, page.data) as image:
            orientation = orientation_of(image, page.data)
            # Pillow has already applied the orientation to the size, and applies it to the pixels
            # when it loads them.
            _check(image.size, max_pixels)
            header = Probe(name, Size(*image.size), orientation, image.mode, False)
            yield Opened(header, page.data, image, notes=notes, pages=pages)
        return
    tiff_support.check(layout, max_pixels)
    size = _shown((layout.width, layout.height), layout.orientation)
    header = Probe(name, Size(*size), layout.orientation, tiff_support.mode_of(layout), False)
    yield Opened(header, page.data, _blank(layout), layout, notes=notes, pages=pages)


def _blank(layout: Layout) -> ImageFile.ImageFile:
    """Return an image without pixels that has a TIFF's metadata, which is stored like EXIF."""
    one_pixel = io.BytesIO()
    Image.new("1", (1, 1)).save(one_pixel, "gif")
    blank = open_with_pillow("gif", one_pixel.getvalue())
    directory = layout.directory
    blocks = {"icc_profile": directory.block(tiff.ICC), "xmp": directory.block(tiff.XMP)}
    blocks["exif"] = b"Exif\0\0" + directory.data
    blank.info.update({key: block for key, block in blocks.items() if block})
    return blank


def _shown(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    width, height = size
    return (height, width) if orientation >= 5 else (width, height)


def _check(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise Corrupt(f"the header says {width}x{height} pixels")
    if width * height > max_pixels:
        raise TooLarge(
            f"{width}x{height} pixels are more than the limit of {max_pixels}; "
            f"--max-pixels {width * height} allows them"
        )

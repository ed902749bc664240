"""Use Pillow's readers without its process-wide size limit, its warnings and its log messages."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

# The plugins' classes are public and documented. Image.open(formats=[...]) would exclude other
# decoders as well (EPS starts Ghostscript), but it applies Image.MAX_IMAGE_PIXELS, a limit for the
# whole process that the application may set; --max-pixels is checked for each file instead.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
}

# Pillow logs some errors before it raises them; without a handler, they would go to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def open_with_pillow(format: str, data: bytes) -> ImageFile.ImageFile:
    """Open a file with the reader of its format, without decoding pixels or limiting their number.

    Args:
        format: jpeg, png, webp, avif, tiff, gif or bmp.
        data: the whole file.

    Raises:
        Exception: if the header is broken, Pillow may raise almost any exception.
    """
    return _READERS[format](io.BytesIO(data))


_lock = threading.Lock()
_depth = 0
_saved: warnings.catch_warnings[None] | None = None


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore Pillow's warnings while any thread decodes.

    ``warnings.catch_warnings`` alone is not thread-safe: overlapping blocks restore each other's
    filters. So the first thread to enter sets the filter and the last one to leave removes it.
    """
    global _depth, _saved
    with _lock:
        if _depth == 0:
            _saved = warnings.catch_warnings()
            _saved.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0 and _saved is not None:
                _saved.__exit__(None, None, None)
                _saved = None

"""Pillow's readers, without its process-wide limit, its warnings and its log."""

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

# The plugins' classes are public and documented. Image.open(formats=[...]) keeps out other decoders
# as well (EPS starts Ghostscript), but it applies Image.MAX_IMAGE_PIXELS, which is one limit for
# the whole process and belongs to the application: --max-pixels is checked here, file by file.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
}

# Pillow logs some of what it then raises; where logging isn't configured, that would go to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def open_with_pillow(format: str, data: bytes) -> ImageFile.ImageFile:
    """Open a file with the reader of its format; no pixel is decoded, and no size refused.

    Args:
        format: jpeg, png, webp, avif, tiff, gif or bmp.
        data: the whole file.

    Raises:
        Exception: nearly anything, where the header is broken.
    """
    return _READERS[format](io.BytesIO(data))


_lock = threading.Lock()
_depth = 0
_saved: warnings.catch_warnings[None] | None = None


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore Pillow's warnings while any thread decodes.

    ``warnings.catch_warnings`` alone is not safe in threads: overlapping blocks restore each
    other's filters. So the first thread to enter sets the filter and the last one to leave removes
    it.
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

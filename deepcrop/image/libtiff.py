"""Stop libtiff, inside Pillow, from printing to stderr: the only use of Pillow's private API."""

from __future__ import annotations

import ctypes
import logging
from functools import cache

import PIL

_TESTED = range(11, 14)
"""Major versions of Pillow in which this was tested to work."""

_logger = logging.getLogger(__name__)


@cache
def silence() -> None:
    """Stop libtiff from printing errors to stderr, which it does for each strip.

    Pillow raises an exception for these errors anyway, but has no setting to stop the printing.
    Redirecting the process's stderr would also capture the output of other threads. So this calls
    libtiff's own TIFFSetErrorHandler, which Pillow's private extension module exports. With other
    versions of Pillow, or if the function can't be found, it only logs one warning, and libtiff
    keeps printing.
    """
    version = PIL.__version__
    handler = _error_handler_setter() if int(version.split(".")[0]) in _TESTED else None
    if handler is None:
        _logger.warning(
            "libtiff's messages about broken TIFF files go to stderr: they can't be silenced under "
            "Pillow %s",
            version,
        )
        return
    handler.restype, handler.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    handler(None)


def _error_handler_setter() -> ctypes._NamedFuncPointer | None:
    from PIL import _imaging

    try:
        return ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):
        return None

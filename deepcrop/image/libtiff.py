"""Keeps libtiff, inside Pillow, from printing to stderr: the one use of Pillow's private parts."""

from __future__ import annotations

import ctypes
import logging
from functools import cache

import PIL

_TESTED = range(11, 14)
"""Major versions of Pillow whose extension module was seen to export libtiff's function."""

_logger = logging.getLogger(__name__)


@cache
def silence() -> None:
    """Stop libtiff from printing what it also reports through Pillow to stderr, once per strip.

    Pillow has no setting for it, and redirecting the process's stderr would take along what other
    threads print. So libtiff's own TIFFSetErrorHandler is called, which Pillow's private extension
    module exports. Under other versions, or where libtiff isn't reached that way, nothing happens
    but one warning in the log: only the process's stderr is noisier then.
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

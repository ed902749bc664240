"""Keeps libtiff, inside Pillow, from printing to stderr."""

from __future__ import annotations

import ctypes

from PIL import _imaging


def silence() -> None:
    """Stop libtiff from printing what it also reports through Pillow to stderr, once per strip.

    Pillow 13 has no setting for it, and redirecting the process's stderr would take other threads'
    words along. So libtiff's own TIFFSetErrorHandler is called, which Pillow's private extension
    module exports where libtiff is linked into it; elsewhere, nothing happens.
    """
    try:
        handler = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):
        return
    handler.restype, handler.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    handler(None)

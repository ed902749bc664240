"""How a worker's process is set up, before it works."""

from __future__ import annotations

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENAS = -1, -3, -8
"""Names of the settings in glibc's ``malloc.h``."""
_LARGEST_KEPT = 32 << 20
"""The most that glibc accepts: the pixels of a photo of 11 megapixels."""


def keep_to_one_core() -> None:
    """Keep torch to one thread, and memory for pixels from going back and forth.

    An actor a core beats threads that share cores. And each buffer of some megabytes that comes
    from the system afresh is cleared page by page: a quarter of the time that a decode takes. So
    what is freed is kept for the next image.
    """
    # What is imported stays. To look through it for garbage is a sixth of the time of the import.
    gc.disable()
    import torch

    gc.enable()
    gc.freeze()
    torch.set_num_threads(1)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc alone has it
        mallopt(_ARENAS, 1)  # an arena of a thread gives back what is freed all the same
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_TRIM_THRESHOLD, 4 * _LARGEST_KEPT)

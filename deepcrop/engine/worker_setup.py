"""The settings of a worker's process: threads, memory, garbage collection."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENAS = -1, -3, -8
"""Names of the settings in glibc's ``malloc.h``."""
_LARGEST_KEPT = 32 << 20
"""The most that glibc accepts: the pixels of a photo of 11 megapixels."""


def configure_worker() -> None:
    """Keep networks to one thread, and freed memory in the process; before they are loaded.

    One actor per core is faster than threads that share cores. A buffer of some megabytes that
    comes from the system is cleared page by page, which takes a quarter of the time of a decode;
    so what is freed is kept for the next image.
    """
    # PyTorch and OpenVINO read it when they are loaded. Many methods need neither.
    os.environ["OMP_NUM_THREADS"] = "1"
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc alone has it
        mallopt(_ARENAS, 1)  # a thread's own arena would give freed memory back all the same
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_TRIM_THRESHOLD, 4 * _LARGEST_KEPT)


@contextmanager
def frozen_imports() -> Iterator[None]:
    """Import modules inside the block without collecting garbage among them, which all stay.

    It would take a sixth of the time of PyTorch's import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()

"""AVIF files of 10 and 12 bits."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray


def deep_avif(signal: NDArray[Any], primaries: int, transfer: int, bits: int = 10) -> bytes:
    """Write an AVIF whose stream and whose ``colr`` box have the given code points.

    Args:
        signal: (H, W, 3), 0..1.
        primaries: code point of ITU-T H.273, as ``transfer`` is.
        transfer: code point of the transfer function.
        bits: 10 or 12.
    """
    samples = np.rint(np.clip(signal, 0, 1) * ((1 << bits) - 1)).astype(np.uint16)
    encoded = imagecodecs.avif_encode(
        samples,
        level=99,
        speed=8,
        bitspersample=bits,
        pixelformat="444",
        primaries=primaries,
        transfer=transfer,
        matrix=9,
        numthreads=1,
    )
    return bytes(encoded)

"""Convert samples of more than 8 bits from an ICC profile to sRGB at their full depth.

Rounded to 8 bits first, linear light loses its dark tones (steps of 13 levels), and a wide gamut is
off by up to 20 levels. lcms is slow at full depth, or inexact: 0.24 s a megapixel without its
approximations, up to 27 levels off with them. So lcms converts each level of each channel once, and
the results are looked up.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .space import BT709
from .tone_mapping import SampleArray, srgb_levels

_LEVELS = 65536
_ROWS = 256
_RELATIVE, _EXACT = 1, 0x2000 | 0x0100
"""lcms's relative colorimetric intent; black point compensation without approximations."""


def profile_to_srgb(samples: SampleArray, bits: int, profile: bytes) -> NDArray[np.uint8] | None:
    """Convert samples of an ICC profile to sRGB.

    Args:
        samples: (H, W, 3), or (H, W, 1) for grey.
        bits: bits of a sample; no sample is larger than ``2**bits - 1``.
        profile: an ICC profile of as many channels.

    Returns:
        (H, W, 3) uint8; None if lcms can't use the profile, or if its channels don't add up, as
        those of profiles with tables of colours.
    """
    grey = samples.shape[2] == 1
    table = _grey_levels(profile) if grey else _light(profile)
    if table is None:
        return None
    result = np.empty((*samples.shape[:2], 3), np.uint8)
    encoded, largest = srgb_levels(), (1 << bits) - 1
    for top in range(0, len(samples), _ROWS):
        levels = samples[top : top + _ROWS]
        if bits != 16:
            scaled = levels.astype(np.uint32) * (_LEVELS - 1) + largest // 2
            levels = (scaled // largest).astype(np.uint16)
        if grey:
            result[top : top + _ROWS] = table[levels]
            continue
        light = table[0][levels[..., 0]]
        light += table[1][levels[..., 1]]
        light += table[2][levels[..., 2]]
        np.clip(light, 0, 1, out=light)
        light *= _LEVELS - 1
        result[top : top + _ROWS] = encoded[np.rint(light).astype(np.uint16)]
    return result


@lru_cache(maxsize=4)
def _light(profile: bytes) -> NDArray[np.float32] | None:
    """Return the linear sRGB light that each level of red, green and blue adds: (3, 65536, 3)."""
    import imagecodecs

    def xyz(levels: NDArray[np.uint16]) -> NDArray[np.float32]:
        light = imagecodecs.cms_transform(
            levels, profile, imagecodecs.cms_profile("xyz"), colorspace="rgb",
            outcolorspace="xyz", outdtype="float32", intent=_RELATIVE, flags=_EXACT,
        )  # fmt: skip
        return np.asarray(light, np.float32)

    ramps = np.zeros((3, _LEVELS, 3), np.uint16)
    for channel in range(3):
        ramps[channel, :, channel] = np.arange(_LEVELS)
    # Some colours between, among them white, to see whether the channels add up.
    corners = np.stack(np.meshgrid(*3 * [np.array([0, 9000, 30000, 65535], np.uint16)]), axis=3)
    mixed = corners.reshape(1, -1, 3)
    try:
        single, wanted = xyz(ramps), xyz(mixed)[0]
    except (RuntimeError, ValueError):  # of imagecodecs, on profiles that lcms refuses
        return None
    added = sum(single[channel][mixed[0, :, channel]] for channel in range(3))
    if np.abs(added - 2 * single[0, 0] - wanted).max() > 1e-4 or np.abs(single[0, 0]).max() > 1e-4:
        return None
    to_linear = np.linalg.inv(BT709.to_xyz).T.astype(np.float32)
    return np.asarray(single @ to_linear, np.float32)


@lru_cache(maxsize=4)
def _grey_levels(profile: bytes) -> NDArray[np.uint8] | None:
    """Return the sRGB levels of each level of grey: (65536,)."""
    import imagecodecs

    try:
        levels = imagecodecs.cms_transform(
            np.arange(_LEVELS, dtype=np.uint16)[None], profile, imagecodecs.cms_profile("srgb"),
            colorspace="gray", outcolorspace="rgb", outdtype="uint8",
            intent=_RELATIVE, flags=_EXACT,
        )  # fmt: skip
    except (RuntimeError, ValueError):
        return None
    return np.ascontiguousarray(np.asarray(levels, np.uint8).reshape(_LEVELS, 3)[:, 1])

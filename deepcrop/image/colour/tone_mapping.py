"""Convert samples of an RGB space to 8-bit sRGB, and map a high dynamic range to SDR.

The tone curve is the EETF of ITU-R BT.2390-11, section 5.4: a Hermite spline in the PQ domain that
doesn't change levels below its knee and compresses levels above it. It maps the image's peak to SDR
white, 203 cd/m² (BT.2408), so an image without brighter highlights isn't changed. It is applied to
max(R, G, B), the measure of MaxCLL (CTA-861.3, annex P), and all three channels are scaled by the
same factor: this keeps the hue, and no channel exceeds white. Colours outside sRGB are clipped, as
they are for SDR files.

HLG is first converted for a display of 1,000 cd/m² (BT.2100's OOTF with its system gamma of 1.2),
on which its reference white has 203 cd/m² too.

The peak is the smaller of the file's MaxCLL and the brightest pixel. Without MaxCLL, or if the
pixels contradict it, the peak is the level that 0.1% of the pixels exceed, so that a few specular
highlights don't darken the rest. The range of the mastering display (mdcv, mDCV) isn't used because
it says little about one image.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .space import ColourSpace
from .transfer import HLG, SDR_WHITE, Values, hlg_gain, hlg_to_scene, light_to_pq, pq_to_light

SampleArray = NDArray[np.uint8] | NDArray[np.uint16]
Light = NDArray[np.float32]

_ROWS = 256
"""Rows converted at a time; a whole image as floats would need six times the pixels' memory."""
_SPARKLES = 0.001
_LEVELS = 4096


def to_srgb(samples: SampleArray, bits: int, space: ColourSpace) -> NDArray[np.uint8]:
    """Convert samples to sRGB at their full depth.

    Args:
        samples: (H, W, 3), or (H, W, 1) for grey.
        bits: bits of a sample; no sample is larger than ``2**bits - 1``.
        space: the colour space of the samples.

    Returns:
        (H, W, 3) uint8.
    """
    table = _light_of_levels(bits, space)
    matrix = space.primaries.to_srgb.T.astype(np.float32)
    gains = _gains(samples, table, space) if space.hdr is not None else None
    result = np.empty((*samples.shape[:2], 3), np.uint8)
    encoded = srgb_levels()
    for top, light in _strips(samples, table, space):
        if gains is not None:
            light *= np.interp(_signal(light.max(axis=2)), _GRID, gains).astype(np.float32)[
                ..., None
            ]
        if light.shape[2] == 3:
            light = light @ matrix
        result[top : top + len(light)] = encoded[
            np.rint(light.clip(0, 1) * 65535).astype(np.uint16)
        ]
    return result


def eetf(light: Values, peak: float) -> Values:
    """Map luminances to SDR by BT.2390's EETF: ``peak`` becomes SDR white and black stays black.

    Args:
        light: luminances in cd/m².
        peak: the image's peak in cd/m²; up to SDR white, luminances are only clipped.

    Returns:
        Luminances in cd/m².
    """
    white = float(light_to_pq(np.array(SDR_WHITE)))
    top = float(light_to_pq(np.array(peak)))
    if peak <= SDR_WHITE:
        return np.minimum(light, SDR_WHITE)
    signal = np.minimum(light_to_pq(light) / top, 1)
    largest = white / top
    knee = 1.5 * largest - 0.5
    t = (signal - knee) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * largest
    )
    return pq_to_light(np.where(signal < knee, signal, spline) * top)


_GRID = np.linspace(0, 1, _LEVELS)


def _signal(light: Light) -> Light:
    """Return the square root of light (1 is 10,000 cd/m²), the scale on which gains are sampled."""
    return np.sqrt(light * np.float32(SDR_WHITE / 10_000))


def _light_of_levels(bits: int, space: ColourSpace) -> Light:
    """Return the linear light of each level: scene light for HLG, else 1 is SDR white."""
    levels = np.arange(1 << bits, dtype=np.float64)
    if space.full_range:
        signal = levels / levels[-1]
    else:
        signal = np.clip((levels / (1 << bits - 8) - 16) / 219, 0, 1)
    if space.curve is not None:
        light = space.curve(signal)
    else:
        light = hlg_to_scene(signal) if space.hdr == HLG else pq_to_light(signal) / SDR_WHITE
    return light.astype(np.float32)


def _strips(samples: SampleArray, table: Light, space: ColourSpace) -> Iterator[tuple[int, Light]]:
    """Yield the first row and the linear light of each strip; 1 is SDR white."""
    weights = space.primaries.luminance.astype(np.float32)
    for top in range(0, len(samples), _ROWS):
        light = table[samples[top : top + _ROWS]]
        if space.hdr == HLG:
            scene = light @ weights if light.shape[2] == 3 else light[..., 0]
            light *= (hlg_gain(scene.clip(0, 1)) / np.float32(SDR_WHITE))[..., None]
        yield top, light


def _gains(samples: SampleArray, table: Light, space: ColourSpace) -> Values:
    """Return the factor by which light is multiplied at each level of `_signal` in `_GRID`."""
    light = 10_000 * _GRID**2
    mapped = eetf(light, _peak(samples, table, space))
    return np.divide(mapped, light, out=np.ones(_LEVELS), where=light > 0)


def _peak(samples: SampleArray, table: Light, space: ColourSpace) -> float:
    """Return the image's peak in cd/m², as the module's docstring defines it."""
    counts = np.zeros(_LEVELS + 1, np.int64)
    for _, light in _strips(samples, table, space):
        level = np.ceil(_signal(light.max(axis=2)) * (_LEVELS - 1)).astype(np.int64)
        counts += np.bincount(level.clip(0, _LEVELS).ravel(), minlength=_LEVELS + 1)
    brighter = counts.sum() - np.cumsum(counts)
    measured = float(_light_at(int(np.argmax(brighter <= _SPARKLES * counts.sum()))))
    largest = float(_light_at(int(np.flatnonzero(counts)[-1])))
    if space.max_light is not None and space.max_light >= 0.9 * measured:
        return min(space.max_light, largest)
    return measured


def _light_at(level: int) -> float:
    return 10_000 * (level / (_LEVELS - 1)) ** 2


@lru_cache(maxsize=1)
def srgb_levels() -> NDArray[np.uint8]:
    """Return the 8-bit sRGB level for each of 65,536 steps of linear light."""
    light = np.arange(65536) / 65535
    curve = 1.055 * light ** (1 / 2.4) - 0.055
    return np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, curve)).astype(np.uint8)

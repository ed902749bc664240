"""Samples of any described RGB space to 8-bit sRGB; a high dynamic range is mapped to SDR.

The curve is the EETF of ITU-R BT.2390-11, section 5.4: a Hermite spline in the PQ domain that
leaves what is below its knee alone and rolls off what is above. It maps the picture's peak to SDR
white, 203 cd/m² (BT.2408), so a picture without highlights above that isn't changed. It is applied
to max(R, G, B), the measure of MaxCLL (CTA-861.3, annex P), and all three channels are scaled
alike: hues hold, and nothing exceeds white. Colours outside of sRGB are clipped, as those of SDR
files are.

HLG is shown on a display of 1,000 cd/m² first (BT.2100's OOTF with its system gamma of 1.2), where
its reference white has 203 cd/m² too.

The peak is the file's MaxCLL, or the brightest pixel where that is less. Without one, or where
pixels contradict it, it is the level that 0.1% of the pixels exceed: a few sparkles should not
darken the rest. What the mastering display could show (mdcv, mDCV) says little of a picture, and
isn't used.
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

_ROWS = 256  # of a strip: whole pictures of floats would need six times the pixels' memory
_SPARKLES = 0.001
_LEVELS = 4096


def to_srgb(samples: SampleArray, bits: int, space: ColourSpace) -> NDArray[np.uint8]:
    """Convert samples to sRGB at their full depth.

    Args:
        samples: (H, W, 3), or (H, W, 1) for grey.
        bits: of a sample; no sample is larger than ``2**bits - 1``.
        space: what the samples mean.

    Returns:
        (H, W, 3) uint8.
    """
    table = _light_of_levels(bits, space)
    matrix = space.primaries.to_srgb.T.astype(np.float32)
    gains = _gains(samples, table, space) if space.hdr is not None else None
    result = np.empty((*samples.shape[:2], 3), np.uint8)
    encoded = _srgb_levels()
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
    """Map luminances to SDR: BT.2390's EETF from black and ``peak`` to black and SDR white.

    Args:
        light: in cd/m².
        peak: of the picture, in cd/m²; up to SDR white, nothing but clipping happens.
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
    """Return the square root of light on a scale where 10,000 cd/m² is 1: what gains go by."""
    return np.sqrt(light * np.float32(SDR_WHITE / 10_000))


def _light_of_levels(bits: int, space: ColourSpace) -> Light:
    """Return the light of each level: the scene's of HLG, 1 being SDR white of PQ."""
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
    """Yield the first row and the linear light of strips; HDR's 1 is SDR white."""
    weights = space.primaries.luminance.astype(np.float32)
    for top in range(0, len(samples), _ROWS):
        light = table[samples[top : top + _ROWS]]
        if space.hdr == HLG:
            scene = light @ weights if light.shape[2] == 3 else light[..., 0]
            light *= (hlg_gain(scene.clip(0, 1)) / np.float32(SDR_WHITE))[..., None]
        yield top, light


def _gains(samples: SampleArray, table: Light, space: ColourSpace) -> Values:
    """Return by how much light is multiplied, for each of the levels of `_signal` in `_GRID`."""
    light = 10_000 * _GRID**2
    mapped = eetf(light, _peak(samples, table, space))
    return np.divide(mapped, light, out=np.ones(_LEVELS), where=light > 0)


def _peak(samples: SampleArray, table: Light, space: ColourSpace) -> float:
    """Return the picture's peak in cd/m²: see the module's text."""
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
def _srgb_levels() -> NDArray[np.uint8]:
    """Return sRGB's level for each of 65,536 steps of linear light."""
    light = np.arange(65536) / 65535
    curve = 1.055 * light ** (1 / 2.4) - 0.055
    return np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, curve)).astype(np.uint8)

"""Transfer functions of ITU-T H.273, from signal to light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

SDR_WHITE = 203.0
"""Luminance of SDR white inside HDR, in cd/m² (ITU-R BT.2408-7, table 1)."""

HLG_PEAK = 1000.0
"""Nominal peak of a display that shows HLG, in cd/m² (ITU-R BT.2100-2, table 5)."""

_HLG_GAMMA = 1.2  # BT.2100's system gamma at a nominal peak of 1000 cd/m²
_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


@dataclass(frozen=True)
class Curve:
    """A parametric curve of ICC.1:2022, section 10.18, type 3.

    The light of a signal V is ``(a V + b) ** gamma`` if V is at least ``d``, and ``c V`` below.
    """

    gamma: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0

    def __call__(self, signal: Values) -> Values:
        """Return the light (0 to 1) of signals (0 to 1)."""
        power = np.clip(self.a * signal + self.b, 0, None) ** self.gamma
        return np.clip(np.where(signal >= self.d, power, self.c * signal), 0, 1)


SRGB = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""The transfer function of sRGB (IEC 61966-2-1)."""

LINEAR = Curve(1.0)

# BT.709, BT.601, BT.1361 and BT.2020 define how a camera encodes the scene, and BT.1886 defines how
# a display shows it: a gamma of 2.4, which Chromium applies too (as CSS Color 4 does for rec2020).
# Inverting the camera's transfer function instead would show 128 as 140, not 121.
_BT1886 = Curve(2.4)

CURVES: dict[int, Curve] = {
    1: _BT1886,
    4: Curve(2.2),
    5: Curve(2.8),
    6: _BT1886,
    7: Curve(1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 4 * 0.0228),
    8: LINEAR,
    11: _BT1886,
    12: _BT1886,
    13: SRGB,
    14: _BT1886,
    15: _BT1886,
    17: Curve(2.6, (52.37 / 48) ** (1 / 2.6)),
}
"""The SDR transfer functions of ITU-T H.273, table 3, by code point."""

PQ, HLG = 16, 18
"""Code points of the HDR transfer functions: SMPTE ST 2084 (PQ) and ARIB STD-B67 (HLG)."""


def pq_to_light(signal: Values) -> Values:
    """Return the luminance (0 to 10,000 cd/m²) of PQ signals (0 to 1): BT.2100-2, table 4."""
    root = np.clip(signal, 0, 1) ** (1 / _PQ_M2)
    ratio = np.maximum(root - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * root)
    return np.asarray(10_000 * ratio ** (1 / _PQ_M1))


def light_to_pq(light: Values) -> Values:
    """Return the PQ signals (0 to 1) of luminances in cd/m²: the inverse of `pq_to_light`."""
    power = np.clip(np.asarray(light) / 10_000, 0, 1) ** _PQ_M1
    return np.asarray(((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2)


def hlg_to_scene(signal: Values) -> Values:
    """Return the scene light (0 to 1) of HLG signals: the inverse OETF (BT.2100-2, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def hlg_gain(luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the factor by which BT.2100's OOTF turns scene light into display light in cd/m².

    Args:
        luminance: scene luminance, 0 to 1.
    """
    return np.float32(HLG_PEAK) * luminance ** np.float32(_HLG_GAMMA - 1)

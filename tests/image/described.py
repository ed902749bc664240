"""Files whose colours are told by code points, chunks or EXIF, and the right sRGB of each.

The oracle is written from the standards in float: chromaticities of ITU-T H.273 table 2, transfer
functions of table 3 (BT.1886 for signals of the BT.709 family, as displays show them).
"""

import io
import struct

import numpy as np
from PIL import Image

from tests.image.samples import srgb_encoded

D65, C, E, DCI = (0.3127, 0.3290), (0.310, 0.316), (1 / 3, 1 / 3), (0.314, 0.351)
CHROMATICITIES = {  # red, green, blue, white
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    10: ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), E),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), DCI),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
LIGHT = {
    1: lambda v: v**2.4,
    4: lambda v: v**2.2,
    5: lambda v: v**2.8,
    6: lambda v: v**2.4,
    7: lambda v: np.where(v < 0.0912, v / 4, ((v + 0.1115) / 1.1115) ** (1 / 0.45)),
    8: lambda v: v,
    11: lambda v: v**2.4,
    12: lambda v: v**2.4,
    13: lambda v: np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4),
    14: lambda v: v**2.4,
    15: lambda v: v**2.4,
    17: lambda v: 52.37 / 48 * v**2.6,
}


def xyz_of(primaries):
    """Return the matrix from linear RGB to CIE XYZ adapted to D50 by Bradford's method."""
    *corners, white = (np.array([x, y, 1 - x - y]) for x, y in primaries)
    columns = np.array(corners).T
    matrix = columns @ np.diag(np.linalg.inv(columns) @ (white / white[1]))
    cones = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    scale = (cones @ [0.9642, 1.0, 0.8249]) / (cones @ (white / white[1]))
    return np.linalg.inv(cones) @ (scale[:, None] * (cones @ matrix))


def in_srgb_from_light(light, primaries):
    """Linear light of a space, 1 white, in 8-bit sRGB levels, unrounded."""
    return srgb_encoded(light @ (np.linalg.inv(xyz_of(CHROMATICITIES[1])) @ xyz_of(primaries)).T)


def oracle(signal, primaries, transfer):
    """Signals 0..1 of two code points in 8-bit sRGB levels, unrounded."""
    return in_srgb_from_light(LIGHT[transfer](np.asarray(signal)), CHROMATICITIES[primaries])


def from_srgb(levels, primaries):
    """Linear light in a space, 1 white, of 8-bit sRGB levels."""
    to_space = np.linalg.inv(xyz_of(primaries)) @ xyz_of(CHROMATICITIES[1])
    return LIGHT[13](np.asarray(levels) / 255) @ to_space.T


def pq(light):
    """PQ signal of light in cd/m² (SMPTE ST 2084, equation 5.2)."""
    power = (np.clip(light, 0, 10_000) / 10_000) ** (2610 / 16384)
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(display):
    """HLG signal of BT.2020 display light in cd/m² on 1,000 cd/m²: inverse OOTF, then the OETF."""
    luminance = (display / 1000) @ [0.2627, 0.6780, 0.0593]
    scene = (display / 1000) * np.maximum(luminance, 1e-9)[..., None] ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    )


def avif(pixels, primaries=1, transfer=13, **options):
    """Write an AVIF with Pillow, and set the code points of its ``colr`` box."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "AVIF", quality=100, subsampling="4:4:4", **options)
    return with_nclx(out.getvalue(), primaries, transfer)


def with_nclx(data, primaries, transfer, start=0):
    """Set the code points of the first ``colr`` box after ``start``."""
    at = data.index(b"colrnclx", start) + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def dcf_exif(space, index):
    exif = Image.Exif()
    ifd = exif.get_ifd(0x8769)
    if space is not None:
        ifd[0xA001] = space
    if index is not None:
        ifd[0xA005] = {1: index, 2: b"0100"}
    return exif.tobytes()

"""Images and profiles that the tests make: nothing is downloaded, nothing is stored."""

import io
import struct

import numpy as np
from PIL import Image
from skimage import data

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")


def photo(name="astronaut"):
    """Return a real photo that ships inside scikit-image, (H, W, 3) uint8."""
    return getattr(data, name)()


def saved(image, format, **options):
    """Return the bytes of a PIL image or array in a format."""
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def psnr(a, b):
    """Peak signal to noise ratio in dB of two uint8 arrays."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


# Chromaticities of the primaries, red, green, blue; all have D65 white.
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))

_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def rgb_to_xyz(primaries):
    """Return the matrix from linear RGB to CIE XYZ of a D65 space adapted to D50 (Bradford)."""
    white = np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290])
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    matrix = columns * np.linalg.solve(columns, white)
    gain = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD @ matrix


def matrix_profile(primaries, gamma):
    """Build an ICC 2.1 display profile: three colourants and one pure gamma curve."""
    matrix = rgb_to_xyz(primaries)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    tags = [(b"wtpt", _xyz(_D50)), (b"desc", _desc(b"test"))]
    tags += [(name, _xyz(matrix[:, i])) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(gamma):
    """Build an ICC 2.1 grey profile with one pure gamma curve."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    tags = [(b"wtpt", _xyz(_D50)), (b"desc", _desc(b"grey")), (b"kTRC", curve)]
    return _profile(b"mntr", b"GRAY", b"XYZ ", tags)


def cmyk_profile(lab_of):
    """Build an ICC 2.1 CMYK profile: ``lab_of(c, m, y, k)``, inks 0 or 1, gives Lab."""
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", *(65536 * value for value in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    table += bytes(range(256)) * 4
    for index in range(16):
        lightness, a, b = lab_of(*((index >> shift) & 1 for shift in (3, 2, 1, 0)))
        table += bytes([round(lightness * 255 / 100), round(a + 128), round(b + 128)])
    table += bytes(range(256)) * 3
    tags = [(b"wtpt", _xyz(_D50)), (b"desc", _desc(b"inks")), (b"A2B0", table)]
    return _profile(b"scnr", b"CMYK", b"Lab ", tags)


def _xyz(values):
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(v) * 65536) for v in values))


def _desc(text):
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(1 + 4 + 4 + 3 + 67)


def _profile(kind, space, connection, tags):
    at, directory, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags:
        value += bytes(-len(value) % 4)
        directory += name + struct.pack(">II", at + len(body), len(value))
        body += value
    header = struct.pack(
        ">I4sI4s4s4s", at + len(body), b"lcms", 0x02100000, kind, space, connection
    )
    header += bytes(12) + b"acsp" + bytes(28)
    header += _xyz(_D50)[8:] + bytes(48)
    assert len(header) == 128
    return header + struct.pack(">I", len(tags)) + directory + body


def srgb_encoded(linear):
    """IEC 61966-2-1: linear light 0..1 to 8-bit levels, unrounded."""
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def in_srgb(pixels, primaries, gamma):
    """The oracle of colour management: RGB of a matrix space in 8-bit sRGB, unrounded."""
    to_srgb = np.linalg.inv(rgb_to_xyz(SRGB)) @ rgb_to_xyz(primaries)
    return srgb_encoded((pixels / 255.0) ** gamma @ to_srgb.T)


def shown(stored, orientation):
    """The oracle of orientation, pixel by pixel, from the words of EXIF 2.32, tag 274.

    The n-th row and column of the stored image lie at these sides of the shown one.
    """
    rows, columns = {
        1: ("top", "left"),
        2: ("top", "right"),
        3: ("bottom", "right"),
        4: ("bottom", "left"),
        5: ("left", "top"),
        6: ("right", "top"),
        7: ("right", "bottom"),
        8: ("left", "bottom"),
    }[orientation]
    height, width = stored.shape[:2]
    turned = rows in ("left", "right")
    result = np.zeros((width, height, 3) if turned else (height, width, 3), stored.dtype)
    for r in range(height):
        for c in range(width):
            place = {}
            for side, index in ((rows, r), (columns, c)):
                axis = "y" if side in ("top", "bottom") else "x"
                length = result.shape[0] if axis == "y" else result.shape[1]
                place[axis] = index if side in ("top", "left") else length - 1 - index
            result[place["y"], place["x"]] = stored[r, c]
    return result

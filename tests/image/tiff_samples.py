"""Pictures as samples of every type that TIFF has, for the tests of its reader."""

import numpy as np
from PIL import Image

from jobs.faults.files.tiff import page
from tests.image.samples import photo

TYPES = ("u1", "u2", "u4", "u8", "u10", "u12", "u14", "u16", "u32", "u64")
TYPES += ("i8", "i16", "i32", "f16", "f32", "f64")
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
COUNT = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4}


def levels(samples):
    """Return real 8-bit levels (21, 37, samples), from black to white, alpha at 128 and more."""
    rgb = photo()[100:121, 200:237].copy()
    rgb[0, 0], rgb[0, 1] = 0, 255
    more = np.maximum(photo("coffee")[50:71, 60:97], 128)
    return np.concatenate([rgb, more], axis=2)[..., :samples]


def deep():
    """Return `levels` of RGB in 16 bits."""
    return levels(3).astype("u2") * 257


def white_of(name):
    kind, bits = name[0], int(name[1:])
    return 1.0 if kind == "f" else float(2 ** (bits - (kind == "i")) - 1)


def typed(shares, name):
    """Return shares of white, 0 to 1, as samples of a type."""
    if name[0] == "f":
        return shares.astype(f"f{int(name[1:]) // 8}")
    if name == "u64":  # more than a float can hold: each byte is the level
        return np.rint(shares * 255).astype(np.uint64) * np.uint64(0x0101010101010101)
    bits = max(8, 1 << (int(name[1:]) - 1).bit_length())
    exact = np.rint(shares * white_of(name))
    return exact.astype(f"{name[0]}{bits // 8}")


def seen(shares, photometric):
    """Return what shares of white (or of ink) look like in RGB, 0 to 255."""
    if photometric == CMYK:
        inks = Image.fromarray(np.rint(shares[..., :4] * 255).astype(np.uint8), "CMYK")
        return np.asarray(inks.convert("RGB")).astype(float)
    if photometric == WHITE_IS_ZERO:
        shares = 1 - shares
    return 255 * np.broadcast_to(shares[..., : 1 if photometric < 2 else 3], (21, 37, 3))


def shares_of(name, count):
    """Return shares of white that a type holds exactly enough."""
    white = min(white_of(name), 255.0) if name[0] != "f" else 255.0
    return np.rint(levels(count) / 255 * white) / white


def rgb_page(colour, size=(24, 16), **tags):
    values = np.full((size[1], size[0], 3), colour, np.uint8)
    return page(values, RGB, tags={int(key[1:]): ("I", [value]) for key, value in tags.items()})

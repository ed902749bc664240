"""Bytes at equal quality: deepcrop's encoders, settings that they might have, and other tools.

Each photo is encoded by deepcrop at several qualities. The bytes that it needs to be as good as
another encoder's file are interpolated between them, photo by photo; quality is SSIM of luma, and
for colour the PSNR of chroma stands beside it, because SSIM is blind to it.
"""

from __future__ import annotations

import io
import json
import math
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity

from deepcrop.image import decode, encode

Pixels = NDArray[np.uint8]
FORMATS = ("jpeg", "webp", "avif")
LADDER = {
    "jpeg": (50, 60, 70, 76, 82, 88, 92, 96),
    "webp": (40, 55, 68, 76, 82, 88, 93, 97),
    "avif": (30, 40, 50, 57, 65, 73, 80, 88),
}
"""Qualities at which deepcrop's encoders are measured, ascending, by format."""
HEADINGS = ("format", "encoder", "bytes", "CPU ms", "SSIM", "chroma PSNR", "bytes at equal SSIM")


@dataclass(frozen=True)
class Encoded:
    """One photo, encoded.

    Attributes:
        size: bytes of the file.
        ssim: SSIM of luma.
        chroma: PSNR of the two colour differences in dB.
        ms: CPU milliseconds that encoding took; NaN if they weren't measured.
    """

    size: int
    ssim: float
    chroma: float
    ms: float


def _measured(photo: Pixels, data: bytes, ms: float) -> Encoded:
    luma, *chroma = (_ycc(each) for each in (photo, decode(data).pixels[..., :3]))
    other = chroma[0]
    ssim = structural_similarity(
        luma[..., 0], other[..., 0], data_range=255, gaussian_weights=True, sigma=1.5
    )
    error = float(np.mean((luma[..., 1:] - other[..., 1:]) ** 2))
    return Encoded(len(data), float(ssim), 10 * math.log10(255**2 / max(error, 1e-9)), ms)


def _ycc(pixels: Pixels) -> NDArray[np.float64]:
    """Return luma and the colour differences of ITU-R BT.601: (H, W, 3)."""
    matrix = np.array(
        [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
    )
    return np.asarray(pixels @ matrix.T)


def _pillow(format: str, **options: object) -> Callable[[Pixels], bytes]:
    def encoder(photo: Pixels) -> bytes:
        out = io.BytesIO()
        Image.fromarray(photo).save(out, format, **options)
        return out.getvalue()

    return encoder


def _vips(suffix: str) -> Callable[[Pixels], bytes]:
    import pyvips  # imported here because the other encoders are measured without it

    def encoder(photo: Pixels) -> bytes:
        height, width, bands = photo.shape
        image = pyvips.Image.new_from_memory(photo.tobytes(), width, height, bands, "uchar")
        return bytes(image.copy(interpretation="srgb").write_to_buffer(suffix))

    return encoder


def contenders(format: str) -> dict[str, Callable[[Pixels], bytes]]:
    """Return the encoders of a format by name: deepcrop's, other settings of it, and libvips's."""
    found = {"libvips": _vips(_SUFFIX[format])} if find_spec("pyvips") else {}
    others: dict[str, dict[str, dict[str, object]]] = {
        "jpeg": {
            "progressive": {"quality": 88, "progressive": True},
            "optimised": {"quality": 88, "optimize": True},
            "4:4:4": {"quality": 88, "subsampling": 0},
        },
        "webp": {
            "method 4": {"quality": 82, "method": 4},
            "method 6": {"quality": 82, "method": 6},
        },
        "avif": {
            "speed 6": {"quality": 65, "speed": 6, "max_threads": 1},
            "4:4:4": {"quality": 65, "speed": 8, "max_threads": 1, "subsampling": "4:4:4"},
        },
    }
    return found | {f"deepcrop, {k}": _pillow(format, **v) for k, v in others[format].items()}


_SUFFIX = {"jpeg": ".jpg", "webp": ".webp", "avif": ".avif"}


def lines(paths: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    """Yield a line for each encoder: means over the photos, and bytes relative to deepcrop's.

    sharp has lines where node finds it in the working folder.
    """
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    of_sharp, spent = _by_sharp(paths)
    for format in FORMATS:
        ladder = [_ladder(photo, format) for photo in photos]
        ours = partial(_ours, format)
        yield _line(format, "deepcrop", [_timed(photo, ours) for photo in photos], ladder)
        for name, encoder in contenders(format).items():
            yield _line(format, name, [_timed(photo, encoder) for photo in photos], ladder)
        if of_sharp:
            sharp = [
                _measured(photo, data[format], spent[format] / len(photos))
                for photo, data in zip(photos, of_sharp, strict=True)
            ]
            yield _line(format, "sharp", sharp, ladder)


def _ours(format: str, photo: Pixels) -> bytes:
    return encode(photo, format)


def _ladder(photo: Pixels, format: str) -> list[Encoded]:
    return [
        _measured(photo, encode(photo, format, quality=quality), math.nan)
        for quality in LADDER[format]
    ]


def _timed(photo: Pixels, encoder: Callable[[Pixels], bytes]) -> Encoded:
    begin = time.process_time()
    data = encoder(photo)
    return _measured(photo, data, 1000 * (time.process_time() - begin))


def _line(
    format: str, name: str, found: Sequence[Encoded], ladder: Sequence[Sequence[Encoded]]
) -> tuple[str, ...]:
    ratios = [
        each.size / bytes_for(rungs, each.ssim) for each, rungs in zip(found, ladder, strict=True)
    ]
    return (
        format,
        name,
        f"{statistics.mean(each.size for each in found):,.0f}",
        f"{statistics.mean(each.ms for each in found):.1f}",
        f"{statistics.mean(each.ssim for each in found):.4f}",
        f"{statistics.mean(each.chroma for each in found):.1f}",
        f"{statistics.geometric_mean(ratios):.3f}",
    )


def bytes_for(ladder: Sequence[Encoded], ssim: float) -> float:
    """Return the bytes at which a ladder of ascending qualities has an SSIM.

    The logarithm of the bytes is interpolated linearly over the logarithm of ``1 - SSIM``; beyond
    the ends, the nearest two rungs are continued.
    """
    losses = np.log([max(1 - each.ssim, 1e-6) for each in ladder])
    sizes = np.log([each.size for each in ladder])
    wanted = math.log(max(1 - ssim, 1e-6))
    first = int(np.clip(np.searchsorted(-losses, -wanted) - 1, 0, len(ladder) - 2))
    share = (wanted - losses[first]) / (losses[first + 1] - losses[first])
    return float(np.exp(sizes[first] + share * (sizes[first + 1] - sizes[first])))


def _by_sharp(paths: Sequence[Path]) -> tuple[list[dict[str, bytes]], dict[str, float]]:
    """Return the files of sharp's defaults, by format, and milliseconds; empty without it."""
    if shutil.which("node") is None:
        return [], {}
    script = Path(__file__).with_name("encoders.mjs")
    with tempfile.TemporaryDirectory() as folder:
        command = ["node", str(script), folder, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return [], {}
        files = [
            {
                format: (Path(folder) / f"{path.stem}{suffix}").read_bytes()
                for format, suffix in _SUFFIX.items()
            }
            for path in paths
        ]
    spent: dict[str, float] = json.loads(done.stdout)
    return files, spent

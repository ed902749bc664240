"""Ways to retarget a photo that the evaluations compare: our methods, and peers where installed."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable

import numpy as np
from PIL import Image
from torch import Tensor

from deepcrop.errors import RequestError
from deepcrop.geometry import Size
from deepcrop.methods.base import as_tensor
from deepcrop.methods.registry import load

Retargeter = Callable[[Tensor, Size], Tensor]
"""A function from a photo (3, H, W) uint8 and a size to the photo in that size."""


def ours(text: str) -> Retargeter:
    """Return a method of ours as one that takes a photo and a size at a time.

    Args:
        text: ``NAME`` or ``NAME:option=value,...``.

    Raises:
        RequestError: there is no such retarget method or option.
    """
    name, _, chosen = text.partition(":")
    method = load(name, **dict(part.partition("=")[::2] for part in chosen.split(",") if part))
    if method.kind != "retarget":
        raise RequestError(f"method {name!r}: expected a retarget method")
    return lambda photo, size: method.retarget([photo], [[size]])[0][0]


def peers() -> tuple[dict[str, Retargeter], list[str]]:
    """Return the peers that can run here by name, and a line on each that can't."""
    found: dict[str, Retargeter] = {}
    absent = []
    command = shutil.which("magick") or shutil.which("convert")
    if command is None:
        absent.append("ImageMagick is left out: neither magick nor convert is installed")
    elif " lqr" not in subprocess.run([command, "-version"], capture_output=True, text=True).stdout:
        absent.append(f"ImageMagick is left out: {command} was built without liblqr")
    else:
        found["liquid"] = lambda photo, size: liquid_rescale(command, photo, size)
    try:
        import seam_carving
    except ImportError:
        absent.append("seam-carving is left out: pip install seam-carving")
    else:
        found["seams"] = lambda photo, size: as_tensor(
            seam_carving.resize(_array(photo), (size.width, size.height))
        )
    return found, absent


def liquid_rescale(command: str, photo: Tensor, size: Size) -> Tensor:
    """Resize by ImageMagick's ``-liquid-rescale``, which is liblqr with its own defaults.

    Args:
        command: path of ``magick`` or ``convert``.
        photo: (3, H, W) uint8.
        size: size of the result in pixels.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    picture = io.BytesIO()
    Image.fromarray(_array(photo)).save(picture, "PNG", compress_level=1)
    wanted = f"{size.width}x{size.height}!"
    done = subprocess.run(
        [command, "png:-", "-liquid-rescale", wanted, "-depth", "8", "png:-"],
        input=picture.getvalue(),
        capture_output=True,
        check=True,
    )
    with Image.open(io.BytesIO(done.stdout)) as result:
        return as_tensor(result.convert("RGB"))


def _array(photo: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = photo.permute(1, 2, 0).numpy()
    return np.ascontiguousarray(array)

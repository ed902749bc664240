"""Other people's croppers, on the same photos as ours: libvips, smartcrop.py and FastGaze.

All see the photo at the longest edge of :data:`~.croppers.LONGEST` pixels, and are asked for
the largest window of each ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.saliency import argmax_point

from .croppers import Cropper, EvaluationPhoto

FASTGAZE = Path("weights", "teachers", "fastgaze.onnx")
"""The file of FastGaze under the shared folder."""
FASTGAZE_LONGEST = 480
"""Longest edge of FastGaze's input in pixels."""
FASTGAZE_MEAN = np.array([123.675, 116.28, 103.53], np.float32)
"""Mean of ImageNet's pixels, RGB, 0..255."""


def peers(shared: Path) -> tuple[dict[str, Cropper], list[str]]:
    """Return the peers that can run here by name, and a line on each that can't.

    Args:
        shared: folder that may hold :data:`FASTGAZE`.
    """
    found: dict[str, Cropper] = {}
    absent = []
    try:
        import pyvips

        found["libvips entropy"] = lambda photo, aspects: _vips(pyvips, photo, aspects, "entropy")
        found["libvips attention"] = lambda photo, aspects: _vips(
            pyvips, photo, aspects, "attention"
        )
    except (ImportError, OSError) as error:
        absent.append(f"libvips is left out: {error}")
    try:
        import smartcrop

        found["smartcrop"] = lambda photo, aspects: _smartcrop(
            smartcrop.SmartCrop(), photo, aspects
        )
    except ImportError as error:
        absent.append(f"smartcrop is left out: {error}")
    try:
        found["FastGaze"] = FastGaze(shared / FASTGAZE)
    except (ImportError, OSError) as error:
        absent.append(f"FastGaze is left out: {error}")
    return found, absent


class FastGaze:
    """The saliency network of Theis et al. (arXiv 1801.05787), with crops around its maximum.

    Its preprocessing is not documented with the file. Of the usual conventions at edges of 160 to
    480 pixels, BGR 0..255 less ImageNet's mean at 480 pixels predicted fixations on 30 training
    photos of OSIE best (AUC .81; RGB .80; 0..1 or -1..1 below .5).

    Args:
        path: the file ``fastgaze.onnx``.

    Raises:
        FileNotFoundError: there is no such file.
    """

    def __init__(self, path: Path) -> None:
        from onnxruntime import InferenceSession, SessionOptions

        if not path.exists():
            raise FileNotFoundError(f"{path} is absent")
        options = SessionOptions()
        options.intra_op_num_threads = 1
        self._session: Any = InferenceSession(str(path), options)

    def map(self, image: Tensor) -> NDArray[np.float64]:
        """Return the density ``(h, w)`` of where people look, up to a factor.

        Args:
            image: uint8 RGB ``(3, H, W)``.
        """
        picture = _picture(image)
        fitted = Size(*picture.size).fit(FASTGAZE_LONGEST)
        resized = picture.resize((fitted.width, fitted.height), Image.Resampling.BILINEAR)
        pixels = (np.asarray(resized, np.float32) - FASTGAZE_MEAN)[..., ::-1]
        batch = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
        logits = self._session.run(None, {"image": batch})[0][0, 0].astype(np.float64)
        density: NDArray[np.float64] = np.exp(logits - logits.max())
        return density

    def __call__(self, photo: EvaluationPhoto, aspects: Sequence[AspectRatio]) -> list[Box]:
        """Return the largest window of each ratio, its centre as near to the maximum as it goes."""
        centre = argmax_point(self.map(photo.image))
        return [
            Box.centred(aspect.largest_window(photo.size), centre, photo.size) for aspect in aspects
        ]


def _picture(image: Tensor) -> Image.Image:
    return Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())


def _to_source(photo: EvaluationPhoto, left: float, top: float, window: Size) -> Box:
    """Place a largest window at a corner given in the pixels of the photo's working copy."""
    scale = photo.size.width / photo.image.shape[-1]
    x0 = min(max(round(left * scale), 0), photo.size.width - window.width)
    y0 = min(max(round(top * scale), 0), photo.size.height - window.height)
    return Box(x0, y0, x0 + window.width, y0 + window.height)


def _vips(
    pyvips: Any, photo: EvaluationPhoto, aspects: Sequence[AspectRatio], interesting: str
) -> list[Box]:
    """Crop with ``vips smartcrop``, which returns its position in the image's offsets."""
    height, width = photo.image.shape[-2:]
    pixels = photo.image.permute(1, 2, 0).contiguous().numpy()
    image = pyvips.Image.new_from_memory(pixels.tobytes(), width, height, 3, "uchar")
    image = image.copy(interpretation="srgb")
    boxes = []
    for aspect in aspects:
        window = aspect.largest_window(Size(width, height))
        cut = image.smartcrop(window.width, window.height, interesting=interesting)
        largest = aspect.largest_window(photo.size)
        boxes.append(_to_source(photo, -cut.xoffset, -cut.yoffset, largest))
    return boxes


def _smartcrop(cropper: Any, photo: EvaluationPhoto, aspects: Sequence[AspectRatio]) -> list[Box]:
    """Crop with smartcrop.py at full scale, so that its window is the largest too."""
    height, width = photo.image.shape[-2:]
    picture = _picture(photo.image)
    boxes = []
    for aspect in aspects:
        window = aspect.largest_window(Size(width, height))
        found = cropper.crop(picture, window.width, window.height, min_scale=1.0)["top_crop"]
        boxes.append(_to_source(photo, found["x"], found["y"], aspect.largest_window(photo.size)))
    return boxes

"""A package of somebody else's, as it would be installed: nothing of the tests is imported here.

It has a method of its own, ``corner``, and for each method NAME another, ``recording-NAME``, that
does the same and notes the size of each image that it is shown.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from deepcrop import AspectRatio, Box, Crop
from deepcrop.methods import base, registry

LOG = Path(__file__).with_suffix(".jsonl")


class Corner:
    """Cuts at the end where the picture is brighter; it is not derived from deepcrop's classes."""

    kind = "crop"
    name = "corner"
    summary = "the window at the brighter end"
    weights = None
    analysis = 48

    @dataclass(frozen=True)
    class Options:
        """How much brighter the far end must be."""

        levels: float = 0.0

    def __init__(self, options):
        self.options = options

    def boxes(self, images, aspects, *, sizes=None, hints=None):
        tensors = [base.as_tensor(image).float().mean(0) for image in images]
        sizes = sizes or [base.size_of(each) for each in tensors]
        ratios = base.as_aspects(aspects)
        return [
            [self._crop(each, ratio, size) for ratio in ratios]
            for each, size in zip(tensors, sizes, strict=True)
        ]

    def _crop(self, image, ratio: AspectRatio, size) -> Crop:
        height, width = image.shape
        right = image[:, width // 2 :].mean() - image[:, : width // 2].mean()
        below = image[height // 2 :].mean() - image[: height // 2].mean()
        focal = float(right > self.options.levels), float(below > self.options.levels)
        box = Box.centred(ratio.largest_window(size), focal, size)
        return Crop(box, float(image.mean()) / 255, focal)


def __getattr__(attribute: str) -> type:
    """Make the class of a recording method at its first use: the real one may be heavy."""
    prefix, _, name = attribute.partition("_")
    if prefix != "Recording":
        raise AttributeError(attribute)
    name = name.replace("_", "-")
    method = registry.find(name)
    answers = "boxes" if method.kind == "crop" else "retarget"

    def answer(self, images, *arguments, **more):
        _note(name, images)
        return getattr(super(made, self), answers)(images, *arguments, **more)

    made = type(attribute, (method,), {"name": f"recording-{name}", answers: answer})
    globals()[attribute] = made
    return made


def _note(name: str, images) -> None:
    """Add a line, whole whoever else writes: method, process, images of the call, their sizes."""
    sizes = [[base.as_tensor(each).shape[2], base.as_tensor(each).shape[1]] for each in images]
    line = json.dumps({"method": name, "process": os.getpid(), "sizes": sizes}) + "\n"
    file = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)

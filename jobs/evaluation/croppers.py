"""Ways to crop a photo that the evaluations compare: our methods by text, and the centre.

```python
cropper = OurMethod("mars:threshold=0.3,weights=mars.safetensors")
cropper(photo, [AspectRatio(1, 1)])         # one box for each ratio, in pixels of the file
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods import registry
from deepcrop.methods.base import Crop, CropMethod
from deepcrop.metrics.cropping import centre_window
from jobs.training.datasets import read_photo
from jobs.training.fcdb import fold_of

LONGEST = 640
"""Longest edge, in pixels, at which photos are analysed, by the peers too."""


@dataclass(frozen=True)
class EvaluationPhoto:
    """A photo that crops are evaluated on.

    Attributes:
        name: path relative to the folder of all data, such as ``gaze_osie/images/1001.jpg``.
        image: uint8 RGB ``(3, h, w)``, its longer edge at most :data:`LONGEST`.
        size: size of the file in pixels; boxes are in these.
    """

    name: str
    image: Tensor
    size: Size


Cropper = Callable[[EvaluationPhoto, Sequence[AspectRatio]], list[Box]]
"""A function from a photo and aspect ratios to one box for each ratio, in pixels of the file."""


def read_photos(paths: Iterable[Path], root: Path) -> Iterator[EvaluationPhoto]:
    """Read photos one after another; their names are relative to ``root``."""
    for path in paths:
        image, size = read_photo(path, LONGEST)
        yield EvaluationPhoto(path.relative_to(root).as_posix(), image, size)


class OurMethod:
    """A crop method of the package, with options and weights.

    Args:
        text: ``NAME`` or ``NAME:option=value,...``. ``weights=NAME_OR_FILE`` may be among the
            options; ``{fold}`` in it stands for the fold of the photo's name (0 to 4,
            :func:`jobs.training.fcdb.fold_of`), for the evaluation of a cross-validation.
        weights: weights for a text that has none; None: the method's own.

    Raises:
        RequestError: there is no such crop method, option or weights.
    """

    def __init__(self, text: str, weights: str | None = None) -> None:
        self.text = text
        self._name, _, chosen = text.partition(":")
        self._options = dict(part.partition("=")[::2] for part in chosen.split(",") if part)
        self._weights = self._options.pop("weights", weights)
        self._loaded: dict[str | None, CropMethod] = {}
        self.method("0")

    def method(self, photo: str) -> CropMethod:
        """Return the method for a photo by its name; it differs only with the fold."""
        weights = self._weights
        if weights is not None and "{fold}" in weights:
            weights = weights.replace("{fold}", str(fold_of(Path(photo).name)))
        if weights not in self._loaded:
            self._loaded[weights] = registry.load_crop(
                self._name, device="cpu", weights=weights, **self._options
            )
        return self._loaded[weights]

    def crops(self, photo: EvaluationPhoto, aspects: Sequence[AspectRatio]) -> list[Crop]:
        """Return the method's crops, with their scores and flags."""
        [crops] = self.method(photo.name).boxes([photo.image], aspects, sizes=[photo.size])
        return crops

    def __call__(self, photo: EvaluationPhoto, aspects: Sequence[AspectRatio]) -> list[Box]:
        """Return the boxes of :meth:`crops`."""
        return [crop.box for crop in self.crops(photo, aspects)]


def centre(photo: EvaluationPhoto, aspects: Sequence[AspectRatio]) -> list[Box]:
    """Return the largest window of each ratio at the centre."""
    return [centre_window(aspect, photo.size) for aspect in aspects]

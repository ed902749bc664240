"""Phrases at each place of an image, by any CLIP or SigLIP of Hugging Face.

```python
clip = ClipWords.load("openai/clip-vit-base-patch32")     # or a folder
words = clip.of(photo)                                    # uint8 (3, H, W); encoded once
words("red bicycle")                                      # (8, 8), 0..1
```

The image is encoded in overlapping windows, because these networks tell what a picture shows, not
where: a place is as likely to show a phrase as the windows around it. It needs the extra ``clip``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CELLS = 8
"""Number of rows and columns of a map."""
WINDOWS = ((1.0, 1), (0.5, 3), (0.34, 5))
"""Sides of the windows, relative to the image's, and their number along each axis."""
PROMPT = "a photo of {}"
OTHERS = ("a photo", "a photo of something", "a background")
"""What a phrase is compared with."""
SCALE = 100.0
"""Factor of similarities before the logistic function; both kinds of network learn about this."""


class Encoder(Protocol):
    """The part of Hugging Face's models that is used."""

    def get_image_features(self, **inputs: Tensor) -> Tensor:
        """Return embeddings of pictures."""
        ...

    def get_text_features(self, **inputs: Tensor) -> Tensor:
        """Return embeddings of texts."""
        ...


class Processor(Protocol):
    """The part of Hugging Face's processors that is used."""

    def __call__(
        self,
        *,
        text: Sequence[str] | None = None,
        images: Sequence[NDArray[np.uint8]] | None = None,
        return_tensors: str,
        padding: bool | str = False,
    ) -> Mapping[str, Tensor]:
        """Convert texts or pictures to the model's inputs."""
        ...


class ClipWords:
    """A model that compares pictures with texts."""

    def __init__(
        self, model: Encoder, processor: Processor, device: torch.device, *, padding: bool | str
    ) -> None:
        self.model, self.processor, self.device = model, processor, device
        self.padding = padding
        self.others = self.texts(OTHERS)

    @classmethod
    def load(cls, name: str, device: torch.device | str = "cpu") -> Self:
        """Load a model.

        Args:
            name: a name at Hugging Face, which is downloaded unless it is cached, or a folder.
            device: where it runs.

        Raises:
            RequestError: the extra is missing, or there is no such model.
        """
        try:
            from transformers import AutoModel, AutoProcessor
        except ImportError:
            raise RequestError(
                "option 'score': 'clip' needs the extra: pip install 'deepcrop[clip]'"
            ) from None
        try:
            model = AutoModel.from_pretrained(name).eval().requires_grad_(False).to(device)
            processor = AutoProcessor.from_pretrained(name)
        except (OSError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise RequestError(f"option 'model': {name!r} cannot be loaded ({first})") from error
        if not hasattr(model, "get_image_features") or not hasattr(model, "get_text_features"):
            raise RequestError(f"option 'model': {name!r} is no CLIP or SigLIP")
        # SigLIP learned from texts of full length.
        padding = "max_length" if "siglip" in type(model).__name__.lower() else True
        return cls(
            cast("Encoder", model),
            cast("Processor", processor),
            torch.device(device),
            padding=padding,
        )

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Return the embeddings of texts, ``(n, C)``, of length 1."""
        inputs = self.processor(text=list(texts), return_tensors="pt", padding=self.padding)
        found = self.model.get_text_features(**self._moved(inputs))
        return F.normalize(_embedding(found).float(), dim=-1)

    @torch.inference_mode()
    def pictures(self, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Return the embeddings of pictures ``(h, w, 3)``: ``(n, C)``, of length 1."""
        inputs = self.processor(images=list(pictures), return_tensors="pt")
        found = self.model.get_image_features(**self._moved(inputs))
        return F.normalize(_embedding(found).float(), dim=-1)

    def _moved(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {key: value.to(self.device) for key, value in inputs.items()}

    def of(self, image: Tensor) -> ClipImage:
        """Prepare an image, uint8 ``(3, H, W)``."""
        return ClipImage(self, image)


class ClipImage:
    """An image whose windows were compared with nothing yet; see :class:`.word_map.Words`."""

    def __init__(self, clip: ClipWords, image: Tensor) -> None:
        self.clip, self.image = clip, image
        self._encoded: tuple[Tensor, Tensor] | None = None

    def __call__(self, word: str) -> Tensor:
        """Return how likely each place shows a phrase, ``(CELLS, CELLS)``, 0..1."""
        if self._encoded is None:
            frames = _frames()
            height, width = self.image.shape[-2:]
            parts = [
                self.image[:, _span(y0, y1, height), _span(x0, x1, width)]
                for x0, y0, x1, y1 in frames
            ]
            pictures = [part.permute(1, 2, 0).contiguous().cpu().numpy() for part in parts]
            cover = torch.stack([_cover(frame) for frame in frames])
            self._encoded = self.clip.pictures(pictures).cpu(), cover
        embeddings, cover = self._encoded
        phrase = self.clip.texts([PROMPT.format(word.replace("_", " "))]).cpu()
        others = (embeddings @ self.clip.others.cpu().T).amax(1)
        likely = (SCALE * ((embeddings @ phrase.T)[:, 0] - others)).sigmoid()
        # Small windows tell best where a thing is.
        weights = cover / cover.sum((1, 2), keepdim=True)
        return (likely[:, None, None] * weights).sum(0) / weights.sum(0)


def _span(start: float, stop: float, pixels: int) -> slice:
    """Return the pixels between two places in 0..1, one at least."""
    first = min(round(start * pixels), pixels - 1)
    return slice(first, max(first + 1, round(stop * pixels)))


def _frames() -> list[tuple[float, float, float, float]]:
    """Return the windows x0, y0, x1, y1 in 0..1."""
    found = []
    for side, count in WINDOWS:
        places = [(1 - side) * index / max(count - 1, 1) for index in range(count)]
        found += [(x, y, x + side, y + side) for y in places for x in places]
    return found


def _cover(frame: tuple[float, float, float, float]) -> Tensor:
    """Return the share of each cell that a window covers, ``(CELLS, CELLS)``."""
    edges = torch.arange(CELLS, dtype=torch.float32)
    x0, y0, x1, y1 = (side * CELLS for side in frame)
    across = (edges.add(1).clamp(max=x1) - edges.clamp(min=x0)).clamp(0, 1)
    down = (edges.add(1).clamp(max=y1) - edges.clamp(min=y0)).clamp(0, 1)
    return down[:, None] * across


def _embedding(found: object) -> Tensor:
    """Return the embeddings in a model's answer, which is a tensor or holds one."""
    pooled = getattr(found, "pooler_output", None)
    return cast("Tensor", found if pooled is None else pooled)

"""Captioners of others, which look at pixels themselves: BLIP, Show-Attend-Tell.

```python
from transformers import AutoTokenizer, BlipForConditionalGeneration  # pip install deepcrop[blip]
model = BlipForConditionalGeneration.from_pretrained("Salesforce/blip-image-captioning-base")
tokenizer = AutoTokenizer.from_pretrained("Salesforce/blip-image-captioning-base")
method = Cagic(network, captioner=BlipCaptioner(model, tokenizer))
```

This module imports no such package: it takes what the user made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from .captioner import LONGEST, Captioner


class PixelCaptioner(Protocol):
    """What CAGIC needs of a captioner that brings its own encoder."""

    side: int
    """Pixels of the square views that it looks at."""

    def loss(self, views: Tensor, caption: str) -> Tensor:
        """Say how badly a caption fits views, differentiably.

        Args:
            views: RGB 0..255, ``(M, 3, side, side)``.
            caption: what the user typed.

        Returns:
            ``(M,)``, the smaller the better.
        """
        ...

    def unknown(self, caption: str) -> tuple[str, ...]:
        """Return the words of a caption that it doesn't know."""
        ...

    def knows(self, caption: str) -> bool:
        """Tell whether it knows any of a caption's words."""
        ...


def _normalise(views: Tensor, mean: Sequence[float], deviation: Sequence[float]) -> Tensor:
    shape = (1, 3, 1, 1)
    return (views / 255 - views.new_tensor(mean).view(shape)) / views.new_tensor(deviation).view(
        shape
    )


class BlipCaptioner:
    """A Hugging Face BLIP captioner (arXiv 2201.12086), as a score of text and image.

    It reads the user's words and says how likely it would have said them, one after the other:
    word order counts here, unlike in CAGIC's Eq. 4, since BLIP is not confused by it. It has word
    pieces for every word, so it knows them all.

    Args:
        model: a ``BlipForConditionalGeneration``.
        tokenizer: its tokenizer.
        mean: of the training images' channels, 0..1 (CLIP's, as BLIP's processor has them).
        deviation: their standard deviations.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        *,
        mean: Sequence[float] = (0.48145466, 0.4578275, 0.40821073),
        deviation: Sequence[float] = (0.26862954, 0.26130258, 0.27577711),
    ) -> None:
        self.model: Any = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.mean, self.deviation = mean, deviation
        config: Any = model.config
        self.side: int = config.vision_config.image_size

    def loss(self, views: Tensor, caption: str) -> Tensor:
        """Return nats a word piece; see :meth:`PixelCaptioner.loss`."""
        ids = self.tokenizer(caption, return_tensors="pt")["input_ids"].to(views.device)
        ids[:, 0] = self.model.config.text_config.bos_token_id
        pixels = _normalise(views, self.mean, self.deviation)
        logits = self.model(pixel_values=pixels, input_ids=ids.expand(len(views), -1)).logits
        said = F.cross_entropy(
            logits[:, :-1].transpose(1, 2),
            ids[:, 1:].expand(len(views), -1),
            reduction="none",
        )
        return said.mean(1)

    def unknown(self, caption: str) -> tuple[str, ...]:
        """Return no word: word pieces spell them all."""
        return ()

    def knows(self, caption: str) -> bool:
        """Tell whether there is any word."""
        return bool(caption.strip())


class EncodedCaptioner:
    """A captioner with the encoder it was trained with, such as a Show-Attend-Tell checkpoint.

    Args:
        encoder: images of ImageNet's mean and deviation to features ``(B, C, n, n)``.
        captioner: over those.
        side: pixels of its views.
        longest: words that it says at most.
    """

    def __init__(
        self, encoder: nn.Module, captioner: Captioner, *, side: int = 256, longest: int = LONGEST
    ) -> None:
        self.encoder, self.captioner = encoder.eval(), captioner.eval()
        self.side, self.longest = side, longest

    def loss(self, views: Tensor, caption: str) -> Tensor:
        """Return Eq. 4; see :meth:`PixelCaptioner.loss`."""
        pixels = _normalise(views, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        grid = self.captioner.grid(self.encoder(pixels))
        bag = self.captioner.bags([dict(self.captioner.vocabulary.bag(caption).known)])
        return self.captioner.loss(grid, bag.expand(len(views), -1), self.longest)

    def unknown(self, caption: str) -> tuple[str, ...]:
        """Return the words that the vocabulary has nothing for."""
        return self.captioner.vocabulary.bag(caption).unknown

    def knows(self, caption: str) -> bool:
        """Tell whether the vocabulary has any of the words."""
        return bool(self.captioner.vocabulary.bag(caption).known)

"""CAGIC's network: a captioner, word detectors and a view ranker on one trunk.

```python
network = CagicNetwork.from_state(state, metadata)
scene = network.scene(photo)                         # uint8 (3, H, W): encoded once
features = scene.features(windows)                   # (M, 320, 14, 14)
logits = scene.logits(windows)                       # of words, (M, n)
```

The paper encodes every crop separately, as :class:`PixelScene` does. A trunk is (nearly)
equivariant to shifts, so a window of the whole image's features is (nearly) equal to the features
of the window, for far less work. :class:`FeatureScene` encodes the image at sizes that grow by the
root of two, and samples each window at the size at which the window is about 224 pixels wide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...ops.window_sampling import (
    SCALES,
    mean_weights,
    merge,
    pyramid,
    sample_levels,
    sample_rows,
)
from ..mobilenet import MobileNetV2
from ..yolox import YoloxNano
from .aesthetics import ViewRanker, ViewRankerOptions
from .captioner import Captioner, CaptionerOptions
from .clip_words import ClipWords
from .objects import Objects, find_objects
from .word_detectors import WordScores
from .word_map import WordMaps

SIDE = 224
"""Side of the trunk's input in training, in pixels."""
CELLS = 14
"""Number of cells of a window's features along each axis."""
WORDS_SIDE = 448
"""Side, in pixels, at which an image is encoded for the maps of words."""
SIDES = (224, 320, 448, 640)
"""Sides, in pixels, at which a whole image is encoded."""


class CagicNetwork(nn.Module):
    """The trunk and its three heads.

    Args:
        captioner: the captioner, which reads the trunk's 320-channel features.
        words: the word detectors, which read the trunk's 1280-channel features.
        ranker: the view ranker, which reads the trunk's 320-channel features.
        detector: the detector of objects, which reads pixels; None if the weights have none.
    """

    def __init__(
        self,
        captioner: Captioner,
        words: WordScores,
        ranker: ViewRanker,
        detector: YoloxNano | None = None,
    ) -> None:
        super().__init__()
        self.detector = detector
        self.trunk = MobileNetV2(stop=19, output_stride=16)
        self.captioner, self.words, self.ranker = captioner, words, ranker

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> CagicNetwork:
        """Build the network that a weights file describes, ready to use.

        Raises:
            KeyError: the metadata lacks an entry.
            RuntimeError: parameters are missing or have other shapes.
        """
        network = cls(
            Captioner(
                json.loads(metadata["vocabulary"]),
                CaptionerOptions(**json.loads(metadata["captioner"])),
            ),
            WordScores(json.loads(metadata["classes"]), json.loads(metadata["detectors"])),
            ViewRanker(ViewRankerOptions(**json.loads(metadata["ranker"]))),
            YoloxNano() if "detector" in metadata else None,
        )
        network.load_state_dict(dict(state))
        return network.eval().requires_grad_(False)

    def metadata(self) -> dict[str, str]:
        """Return the metadata that :meth:`from_state` needs to build the network."""
        words = self.words
        detector = {} if self.detector is None else {"detector": "yolox-nano"}
        return detector | {
            "vocabulary": json.dumps(self.captioner.vocabulary.words),
            "captioner": json.dumps(asdict(self.captioner.options)),
            "classes": json.dumps(words.classes),
            "detectors": json.dumps(list(words.detectors)),
            "ranker": json.dumps(asdict(self.ranker.options)),
        }

    def encode(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """Encode square images ``(B, 3, s, s)`` with values 0..255.

        Returns:
            Features for captioner and ranker ``(B, 320, s/16, s/16)``, and for the word detectors
            ``(B, 1280, s/16, s/16)``.
        """
        features, semantic = self.trunk.features(squares / 127.5 - 1, (17, 18))
        return features, semantic

    def scene(
        self,
        image: Tensor,
        *,
        multi_scale: bool = True,
        once: bool = True,
        clip: ClipWords | None = None,
        people: People | None = None,
    ) -> Scene:
        """Prepare an image.

        Args:
            image: uint8 ``(3, H, W)``.
            multi_scale: whether to sample Eq. 1's average of four scales, or only the image itself.
            once: whether to encode the whole image once, or every window separately.
            clip: tells where words are, in place of the network's own parts.
            people: tells how well people like windows.
        """
        pixels = image.to(self.captioner.content.dtype)
        levels = pyramid(pixels, SCALES if multi_scale else SCALES[-1:])
        if clip is None:
            words = WordMaps(lambda: self.objects(image), _Likely(self, pixels), image.cpu())
        else:
            words = WordMaps(None, clip.of(image), image.cpu())
        if once:
            return FeatureScene(self, merge(levels), words, people)
        return PixelScene(self, levels, words, people)

    def objects(self, image: Tensor) -> Objects:
        """Return the objects that the detector finds in an image, uint8 ``(3, H, W)``.

        Raises:
            ValueError: the network has no detector.
        """
        if self.detector is None:
            raise ValueError("the weights have no detector of objects")
        return find_objects(self.detector, image)


class People(Protocol):
    """How well people like windows of one image."""

    def __call__(self, windows: Tensor, ratio: float) -> Tensor:
        """Return the scores ``(M,)`` of windows ``(M, 4)`` of an aspect ratio, width over height.

        The difference of two scores is a logit of preference, up to a factor.
        """
        ...


class _Likely:
    """The probabilities of words at each place of one image."""

    def __init__(self, network: CagicNetwork, pixels: Tensor) -> None:
        self.network, self.scene = network, FeatureScene(network, pixels)

    def __call__(self, word: str) -> Tensor:
        """Return a word's probabilities ``(n, n)``, 0..1."""
        n = WORDS_SIDE // 16
        likely = self.network.words.probabilities(self.scene.whole_logits(WORDS_SIDE), [word])
        return likely.float().view(n, n).cpu()


class Scene(Protocol):
    """An encoded image whose windows are scored."""

    words: WordMaps | None
    """The maps of the things that captions name, which a scene for training doesn't have."""
    people: People | None
    """How well people like windows; None where nothing tells it."""

    def features(self, windows: Tensor) -> Tensor:
        """Return the features ``(M, 320, 14, 14)`` of windows ``(M, 4)``, differentiable."""
        ...

    def logits(self, windows: Tensor) -> Tensor:
        """Return the words' logits ``(M, n)`` of windows ``(M, 4)``, differentiable."""
        ...

    def maps(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return both feature maps of windows, ``(M, 320, 14, 14)`` and ``(M, 1280, 14, 14)``."""
        ...


class PixelScene:
    """A scene that samples and encodes the pixels of each window, as the paper does."""

    def __init__(
        self,
        network: CagicNetwork,
        levels: Sequence[Tensor],
        words: WordMaps | None = None,
        people: People | None = None,
    ) -> None:
        self.network, self.levels, self.words, self.people = network, levels, words, people
        self._last: tuple[Tensor, tuple[Tensor, Tensor]] | None = None

    def maps(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Encode windows; the last windows are cached."""
        if self._last is None or self._last[0] is not windows:
            self._last = (
                windows,
                self.network.encode(sample_levels(self.levels, windows, (SIDE, SIDE))),
            )
        return self._last[1]

    def features(self, windows: Tensor) -> Tensor:
        """Return features of windows; see :meth:`Scene.features`."""
        return self.maps(windows)[0]

    def logits(self, windows: Tensor) -> Tensor:
        """Return words' logits; see :meth:`Scene.logits`."""
        return self.network.words.logits(self.maps(windows)[1].mean((2, 3)))


class FixedScene:
    """A scene with fixed feature maps of one window, by which Grad-CAM differentiates."""

    def __init__(self, network: CagicNetwork, scene: Scene, window: Tensor) -> None:
        features, semantic = scene.maps(window)
        self.network, self.words, self.people = network, scene.words, scene.people
        self.both = features.detach().requires_grad_(), semantic.detach().requires_grad_()

    def maps(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the fixed feature maps, whatever the windows."""
        return self.both

    def features(self, windows: Tensor) -> Tensor:
        """Return the fixed features, whatever the windows."""
        return self.both[0]

    def logits(self, windows: Tensor) -> Tensor:
        """Return the words' logits of the fixed features, whatever the windows."""
        return self.network.words.logits(self.both[1].mean((2, 3)))


class FeatureScene:
    """A scene that encodes the whole image once at each size and samples windows of features."""

    def __init__(
        self,
        network: CagicNetwork,
        image: Tensor,
        words: WordMaps | None = None,
        people: People | None = None,
    ) -> None:
        self.network, self.image, self.words, self.people = network, image, words, people
        self._whole: dict[int, tuple[Tensor, Tensor]] = {}
        self._logits: dict[int, Tensor] = {}

    def whole(self, side: int) -> tuple[Tensor, Tensor]:
        """Return the whole image's features at one size: ``(n * n, 320)``, ``(n * n, 1280)``."""
        if side not in self._whole:
            with torch.no_grad():
                square = F.interpolate(
                    self.image[None], (side, side), mode="bilinear", antialias=True
                )
                features, semantic = self.network.encode(square)
            self._whole[side] = _rows(features[0]), _rows(semantic[0])
        return self._whole[side]

    def whole_logits(self, side: int) -> Tensor:
        """Return the words' logits of each place at one size, ``(n * n, words)``."""
        if side not in self._logits:
            with torch.no_grad():
                self._logits[side] = self.network.words.logits(self.whole(side)[1])
        return self._logits[side]

    def maps(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return both feature maps of windows; see :meth:`Scene.maps`."""
        return self._sampled(0, windows), self._sampled(1, windows)

    def features(self, windows: Tensor) -> Tensor:
        """Return features of windows; see :meth:`Scene.features`."""
        return self._sampled(0, windows)

    def _sampled(self, which: int, windows: Tensor) -> Tensor:
        """Sample windows of the first or the second feature map, ``(M, C, 14, 14)``."""
        parts = []
        for side, rows in self._by_side(windows):
            shape = (side // 16, side // 16)
            sampled = sample_rows(self.whole(side)[which], shape, windows[rows], (CELLS, CELLS))
            parts.append((rows, sampled))
        return _together(parts, len(windows))

    def logits(self, windows: Tensor) -> Tensor:
        """Return words' logits; see :meth:`Scene.logits`."""
        parts = []
        for side, rows in self._by_side(windows):
            n = side // 16
            weights = mean_weights(windows[rows], (n, n), CELLS)
            parts.append((rows, weights @ self.whole_logits(side)))
        return _together(parts, len(windows))

    def _by_side(self, windows: Tensor) -> list[tuple[int, Tensor]]:
        """Group windows by the size at which their width is nearest to 224 pixels."""
        widths = (windows[:, 2] * windows[:, 3]).detach().sqrt()
        sides = torch.tensor(SIDES, dtype=widths.dtype, device=widths.device)
        nearest = (torch.log2(widths[:, None] * sides / SIDE)).abs().argmin(1)
        return [
            (SIDES[i], torch.nonzero(nearest == i)[:, 0]) for i in sorted(set(nearest.tolist()))
        ]


def _rows(maps: Tensor) -> Tensor:
    """Convert a map ``(C, H, W)`` to one row for each place: ``(H * W, C)``."""
    return maps.flatten(1).T.contiguous()


def _together(parts: Sequence[tuple[Tensor, Tensor]], count: int) -> Tensor:
    """Join the parts' rows in their original order."""
    if len(parts) == 1:
        return parts[0][1]
    order = torch.cat([rows for rows, _ in parts])
    inverse = torch.empty(count, dtype=torch.long, device=order.device)
    inverse[order] = torch.arange(count, device=order.device)
    return torch.cat([values for _, values in parts])[inverse]

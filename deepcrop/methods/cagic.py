"""CAGIC: crops that follow a caption and look good (Horanyi et al.).

```python
method = load("cagic")
[[crop]] = method.boxes([photo], ["3:2"], captions=["a dog on the beach"])
```

No network is trained to crop. The window is moved until a captioner, looking at it, says the
user's words, and a network that ranks views likes it: Eq. 3, minimised as Algorithm 1 says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ..geometry import AspectRatio, Box, Focal, Size
from ..networks.cagic import CagicNetwork, FixedScene, Scene
from ..networks.foreign import PixelCaptioner
from ..networks.vocabulary import Bag
from ..ops.annealing import Schedule, anneal
from .base import Crop, Hints, Kind, as_aspects, as_tensor, size_of

TOGETHER = 16
"""Images whose searches run together on a GPU."""

Score = Literal["words", "captioner", "both"]
Ablation = Literal["CN", "CN+SA", "CN+SA+MR", "CN+SA+MR+MS", "full"]


@dataclass(frozen=True)
class Request:
    """One image's wish, in the words of the network.

    Attributes:
        words: bag for the word scores.
        captioner: bag for the captioner.
        unknown: words that neither knows.
        captioned: whether any word is known; without, aesthetics alone decide.
        caption: what the user typed.
    """

    words: Bag
    captioner: Bag
    unknown: tuple[str, ...]
    captioned: bool
    caption: str | None

    @property
    def note(self) -> str | None:
        """What the user should know: words not understood, and what decided instead."""
        parts = []
        if self.unknown:
            parts.append(f"unknown words: {', '.join(self.unknown)}")
        if not self.captioned:
            why = "no caption" if not self.caption else "no known word in the caption"
            parts.append(f"{why}: aesthetics only")
        return "; ".join(parts) or None


class Cagic:
    """Searches the window that its caption describes best."""

    kind: ClassVar[Kind] = "crop"
    name: ClassVar[str] = "cagic"
    summary: ClassVar[str] = "the window that a caption describes, found through a captioner"
    weights: ClassVar[str | None] = "cagic"
    analysis: int = 640

    @dataclass(frozen=True)
    class Options:
        """How to search; see :class:`~deepcrop.ops.annealing.Schedule`.

        Attributes:
            score: what tells how well a window fits the caption: the captioner (the paper's
                Eq. 4), the word scores, or the sum of both.
            ablation: the rows of the paper's Table 4. CN is one search over place and scale; SA
                anneals the scale; MR restarts; MS samples four scales; full adds aesthetics.
            aesthetics: lambda, the weight of the aesthetic term beside the caption's.
            encode: "once" samples windows of the whole image's features, "crop" encodes each
                window's pixels as the paper does, far slower.
            function_words: count articles and prepositions of the caption too, as the paper does.
            longest: words that the captioner says at most.
            shrink: the scale falls by this factor a level.
            smallest: scale of the last level, of the largest window of the ratio.
            restarts: searches a level, K.
            jitter: how far they start from each other.
            steps: quasi-Newton steps a search.
            patience: levels without a lower loss after which the search ends; None: all levels.
            seed: of the restarts.
        """

        score: Score = "words"
        ablation: Ablation = "full"
        aesthetics: float = 0.01
        encode: Literal["once", "crop"] = "once"
        function_words: bool = False
        longest: int = 20
        shrink: float = 0.98
        smallest: float = 0.3
        restarts: int = 10
        jitter: float = 0.25
        steps: int = 4
        patience: int | None = None
        seed: int = 0

        @property
        def schedule(self) -> Schedule:
            """The search that these options ask for."""
            parts = self.ablation.split("+")
            full = self.ablation == "full"
            return Schedule(
                shrink=self.shrink,
                smallest=self.smallest,
                restarts=self.restarts if full or "MR" in parts else 1,
                jitter=self.jitter,
                annealing=full or "SA" in parts,
                steps=self.steps,
                patience=self.patience,
                seed=self.seed,
            )

        @property
        def multi_scale(self) -> bool:
            """Whether windows are sampled at four scales."""
            return self.ablation == "full" or self.ablation.endswith("MS")

    def __init__(
        self,
        network: CagicNetwork,
        options: Options | None = None,
        *,
        captioner: PixelCaptioner | None = None,
    ) -> None:
        """Take a network that is ready for inference.

        Args:
            network: ours.
            options: how to search.
            captioner: a captioner of others that scores captions instead, whatever the ``score``
                option says; the aesthetics stay ours.
        """
        self.network, self.options = network, options or self.Options()
        self.captioner = captioner

    @classmethod
    def from_weights(
        cls,
        state: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        options: Options | None = None,
        *,
        device: torch.device | None = None,
    ) -> Cagic:
        """Build the method from the contents of a weights file."""
        network = CagicNetwork.from_state(state, metadata)
        return cls(network.to(device or torch.device("cpu")), options)

    def request(self, caption: str | None) -> Request:
        """Look up a caption in the vocabularies of the scores that are used."""
        o, text = self.options, caption or ""
        if self.captioner is not None:
            known, unknown = self.captioner.knows(text), self.captioner.unknown(text)
            return Request(Bag({}), Bag({}), unknown, known, caption)
        words = self.network.words.vocabulary.bag(text, function_words=o.function_words)
        captioner = self.network.captioner.vocabulary.bag(text, function_words=o.function_words)
        used = {"words": [words], "captioner": [captioner], "both": [words, captioner]}[o.score]
        unknown = tuple(
            word for word in used[0].unknown if all(word in bag.unknown for bag in used)
        )
        return Request(words, captioner, unknown, any(bag.known for bag in used), caption)

    def boxes(
        self,
        images: Sequence[Any],
        aspects: Sequence[AspectRatio | str],
        *,
        sizes: Sequence[Size] | None = None,
        hints: Sequence[Hints] | None = None,
        captions: Sequence[str | None] | None = None,
    ) -> list[list[Crop]]:
        """Return the window of each ratio; see :class:`~deepcrop.methods.base.CropMethod`.

        Args:
            images: see there.
            aspects: see there.
            sizes: see there.
            hints: their captions are followed.
            captions: a caption an image, or None; they go before those of ``hints``.

        Returns:
            Crops whose ``score`` is the geometric mean of the words' probabilities in the window,
            or the logistic function of the aesthetic score where no word is known, and whose
            ``note`` says which words were unknown and whether aesthetics alone decided.
        """
        tensors = [as_tensor(image) for image in images]
        sizes = sizes or [size_of(image) for image in tensors]
        hints = hints or [Hints()] * len(tensors)
        captions = captions or [hint.caption for hint in hints]
        ratios = as_aspects(aspects)
        requests = [self.request(caption) for caption in captions]
        together = 1 if self.device.type == "cpu" else TOGETHER
        answers: list[list[Crop]] = []
        for first in range(0, len(tensors), together):
            rows = slice(first, first + together)
            scenes = [self.scene(image) for image in tensors[rows]]
            answers += self.search(scenes, requests[rows], sizes[rows], ratios)
        return answers

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.captioner.content.device

    def scene(self, image: Tensor) -> Scene:
        """Prepare an image, uint8 ``(3, H, W)``, as the options say."""
        o = self.options
        return self.network.scene(
            image.to(self.device), multi_scale=o.multi_scale, once=o.encode == "once"
        )

    def search(
        self,
        scenes: Sequence[Scene],
        requests: Sequence[Request],
        sizes: Sequence[Size],
        ratios: Sequence[AspectRatio],
    ) -> list[list[Crop]]:
        """Search the windows of several images at once; no image's search depends on another's.

        Args:
            scenes: the images.
            requests: what each is to show.
            sizes: of the sources.
            ratios: the ratios wanted of every image.
        """
        focals = [
            focal_point(self.evidence(scene, request))
            for scene, request in zip(scenes, requests, strict=True)
        ]
        answers: list[list[Crop]] = [[] for _ in scenes]
        for ratio in ratios:
            largest = [ratio.largest_window(size) for size in sizes]
            extents = torch.tensor(
                [
                    [window.width / size.width, window.height / size.height]
                    for window, size in zip(largest, sizes, strict=True)
                ]
            )
            best = anneal(
                lambda windows: self.loss(scenes, windows, requests),
                extents.to(self.device),
                self.options.schedule,
            )
            for row, (size, request) in enumerate(zip(sizes, requests, strict=True)):
                box = _box(best.windows[row].tolist(), largest[row], ratio, size)
                score = _score(best.values[row].item(), request)
                answers[row].append(Crop(box, score, focals[row], request.note))
        return answers

    def loss(self, scenes: Sequence[Scene], windows: Tensor, requests: Sequence[Request]) -> Tensor:
        """Return Eq. 3 of windows: ``(B, K, 4)``, a row an image, to ``(B, K)``."""
        o, network = self.options, self.network
        total = torch.zeros_like(windows[..., 0])
        if self.captioner is not None:
            total = total + self._foreign(self.captioner, scenes, windows, requests)
        elif o.score != "captioner":
            total = total + torch.stack(
                [
                    network.words.loss(scene.means(row), request.words.known)
                    if request.words.known
                    else torch.zeros_like(row[:, 0])
                    for scene, row, request in zip(scenes, windows, requests, strict=True)
                ]
            )
        ranks = o.ablation == "full" or not all(request.captioned for request in requests)
        captioner = network.captioner if o.score != "words" and not self.captioner else None
        if captioner is None and not ranks:
            return total
        features = torch.cat(
            [scene.features(row) for scene, row in zip(scenes, windows, strict=True)]
        )
        if captioner is not None:
            bags = captioner.bags([dict(request.captioner.known) for request in requests])
            grid = captioner.grid(features)
            said = captioner.loss(grid, bags.repeat_interleave(windows.shape[1], 0), o.longest)
            total = total + said.view_as(total)
        if ranks:
            weight = o.aesthetics if o.ablation == "full" else 0.0
            weights = [weight if request.captioned else 1.0 for request in requests]
            beauty = network.ranker(features).view_as(total)
            total = total - beauty * beauty.new_tensor(weights)[:, None]
        return total

    def _foreign(
        self,
        captioner: PixelCaptioner,
        scenes: Sequence[Scene],
        windows: Tensor,
        requests: Sequence[Request],
    ) -> Tensor:
        """Return the caption's loss by a captioner of others, ``(B, K)``."""
        return torch.stack(
            [
                captioner.loss(scene.views(row, captioner.side), request.caption or "")
                if request.captioned
                else torch.zeros_like(row[:, 0])
                for scene, row, request in zip(scenes, windows, requests, strict=True)
            ]
        )

    def evidence(self, scene: Scene, request: Request) -> Tensor:
        """Return where in the whole image the loss comes from: Grad-CAM, ``(14, 14)``, >= 0.

        The paper's baseline (arXiv 1610.02391): each feature map, weighted by the mean of its
        gradient of minus the loss; what speaks against the caption is left out.
        """
        whole = torch.tensor([[[0.0, 0.0, 1.0, 1.0]]], device=self.device)
        fixed = FixedScene(scene, whole[0])
        with torch.enable_grad():
            loss = self.loss([fixed], whole, [request]).sum()
            # A captioner of others has features of its own; without aesthetics no map remains.
            loss = loss + 0 * sum(maps.sum() for maps in fixed.both)
            gradients = torch.autograd.grad(-loss, fixed.both)
        cams = [
            (gradient.mean((2, 3), keepdim=True) * maps.detach()).sum(1)[0].clamp_min(0)
            for gradient, maps in zip(gradients, fixed.both, strict=True)
        ]
        return torch.stack(cams).sum(0)


def focal_point(evidence: Tensor) -> Focal:
    """Return the centre of mass of a map, 0..1 of its sides; the middle of an empty one."""
    mass = evidence.double()
    if float(mass.sum()) <= 0:
        return (0.5, 0.5)
    mass = mass / mass.sum()
    height, width = mass.shape
    x = (mass.sum(0) * (torch.arange(width, device=mass.device) + 0.5)).sum() / width
    y = (mass.sum(1) * (torch.arange(height, device=mass.device) + 0.5)).sum() / height
    return float(x), float(y)


def _box(window: Sequence[float], largest: Size, ratio: AspectRatio, size: Size) -> Box:
    """Round a window to pixels: its ratio exact to the nearest pixel, inside the image."""
    x, y, half_width, _ = window
    scale = half_width * size.width / largest.width
    room = Size(max(1, round(largest.width * scale)), max(1, round(largest.height * scale)))
    return Box.centred(ratio.largest_window(room), ((x + 1) / 2, (y + 1) / 2), size)


def _score(loss: float, request: Request) -> float:
    """Turn the lowest loss to 0..1: see :meth:`Cagic.boxes`."""
    value = math.exp(-max(loss, 0.0)) if request.captioned else 1 / (1 + math.exp(loss))
    return min(max(value, 0.0), 1.0)

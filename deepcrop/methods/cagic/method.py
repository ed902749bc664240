"""CAGIC: crops that follow a caption and look good (Horanyi et al.).

```python
method = load("cagic")
[[crop]] = method.boxes([photo], ["3:2"], captions=["a dog on the beach"])
```

No network is trained to crop. The window is optimised so that a captioner generates the user's
words from it, and that a view ranker gives it a high score: Algorithm 1 minimises Eq. 3.

The descent depends on the last digits of sums, and another number of threads adds in another order.
So boxes are reproducible to the pixel only with an equal number of threads (OMP_NUM_THREADS).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from torch import Tensor

from ... import weights
from ...errors import RequestError
from ...geometry import AspectRatio, Box, Focal, RatioLike, Size
from ...networks.cagic.clip_words import ClipWords
from ...networks.cagic.coco_words import OBJECT_WORDS
from ...networks.cagic.model import CagicNetwork, FixedScene, Scene
from ...networks.cagic.phrases import read_caption
from ...networks.cagic.vocabulary import Bag, OpenVocabulary, Vocabulary
from ...networks.cagic.word_map import Sighting
from ...networks.mars.window_model import WindowNetwork
from ...ops.annealing import Bounds, anneal
from ...ops.window_grid import grid, scales
from ...ops.windows import expand_to_contain
from ..base import Crop, CropMethod, Hints, Photo, Trained, as_tensor, options_of, read_inputs
from ..notebook import Answers
from .options import CagicOptions
from .people import PeopleScores
from .request import Request, bounds_of, note_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SHORTLIST = 256
"""The most windows of the lowest losses whose aesthetics are compared."""
MAX_IMAGES_PER_SEARCH = 16
"""The most images whose searches run together on a GPU."""


class Cagic(CropMethod, Trained):
    """The method CAGIC, which searches the window that the caption describes best."""

    name: ClassVar[str] = "cagic"
    summary: ClassVar[str] = "the window that a caption describes, found through a captioner"
    weights: ClassVar[str | None] = "cagic"
    score_meaning: ClassVar[str] = (
        "how well the crop fits the caption: the mean probability of its words, 0 to 1; without a "
        "caption, how good the crop looks"
    )
    analysis: ClassVar[int] = 640

    Options: ClassVar[type[CagicOptions]] = CagicOptions

    def __init__(
        self,
        network: CagicNetwork,
        options: CagicOptions | None = None,
        people: WindowNetwork | None = None,
    ) -> None:
        """Create the method from a network that is ready for inference.

        Args:
            network: the network in evaluation mode, on the device where it runs.
            options: the options of the score and the search.
            people: Mars' network, on the same device, which tells what people like; only the exact
                search needs it.

        Raises:
            RequestError: the weights lack the detector that the score needs.
            ValueError: the exact search lacks Mars' network.
        """
        self.network, self.options, self.people = network, options or self.Options(), people
        o = self.options
        if o.score == "map" and network.detector is None:
            raise RequestError(
                "option 'score': 'map' needs weights with a detector of objects; these have none: "
                "use 'words'"
            )
        if o.exact and people is None:
            raise ValueError("the exact search needs Mars' network")
        self.clip = ClipWords.load(o.model, self.device) if o.score == "clip" else None
        words = sorted({*OBJECT_WORDS, *network.words.vocabulary.words})
        self.vocabulary = OpenVocabulary() if self.clip else Vocabulary(words)

    @classmethod
    def from_weights(
        cls,
        state: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        options: DataclassInstance | None = None,
        *,
        device: torch.device | str = "cpu",
    ) -> Self:
        """Build the method from the contents of a weights file."""
        chosen = options_of(cls.Options, options)
        network = CagicNetwork.from_state(state, metadata).to(device)
        people = None
        if chosen.exact:
            people = WindowNetwork.from_state(*weights.load("mars")).to(device)
        return cls(network, chosen, people)

    @classmethod
    def further_weights(cls, options: CagicOptions) -> Sequence[str]:
        """Return the names of the weights that the method uses beside its own."""
        return ["mars"] if options.exact else []

    def request(self, caption: str | None) -> Request:
        """Look up a caption in the vocabularies of the enabled scores."""
        o, text = self.options, caption or ""
        if o.mapped:
            read = read_caption(text, self.vocabulary)
            nothing = Bag({})
            captioned = bool(read.things)
            unknown = read.unknown
            return Request(
                nothing, nothing, unknown, captioned, caption, read.things, read.excluded
            )
        words = self.network.words.vocabulary.bag(text, function_words=o.function_words)
        captioner = self.network.captioner.vocabulary.bag(text, function_words=o.function_words)
        used = {"words": [words], "captioner": [captioner], "both": [words, captioner]}[o.score]
        unknown = tuple(
            word for word in used[0].unknown if all(word in bag.unknown for bag in used)
        )
        return Request(words, captioner, unknown, any(bag.known for bag in used), caption)

    def boxes(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
        hints: Sequence[Hints] | None = None,
        captions: Sequence[str | None] | None = None,
    ) -> list[list[Crop]]:
        """Return the window of each ratio; see :class:`~deepcrop.methods.base.CropMethod`.

        Args:
            images: the images, as for `CropMethod.boxes`.
            aspects: the aspect ratios, as for `CropMethod.boxes`.
            sizes: the sizes of the sources, as for `CropMethod.boxes`.
            hints: captions are followed, boxes to keep bound the search, and windows are centred at
                a focal point, or as near to it as the image and the boxes allow.
            captions: a caption or None for each image; they override those of ``hints``.

        Returns:
            Crops whose ``score`` is the geometric mean of the words' probabilities in the window,
            or the logistic function of the aesthetic score if no word is known. Their ``note`` says
            which words were unknown, whether only aesthetics decided, and whether the boxes to keep
            are too large for the ratio.
        """
        tensors, ratios, sizes, hints = read_inputs(images, aspects, sizes, hints)
        captions = captions or [hint.caption for hint in hints]
        requests = [self.request(caption) for caption in captions]
        together = 1 if self.device.type == "cpu" else MAX_IMAGES_PER_SEARCH
        answers: list[list[Crop]] = []
        for first in range(0, len(tensors), together):
            rows = slice(first, first + together)
            scenes = [self.scene(image) for image in tensors[rows]]
            answers += self.search(scenes, requests[rows], sizes[rows], ratios, hints[rows])
        return Answers.of(answers, tensors, ratios, sizes)

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return self.network.captioner.content.device

    def scene(self, image: Tensor) -> Scene:
        """Encode an image, uint8 ``(3, H, W)``, as the options specify."""
        o = self.options
        return self.network.scene(
            image.to(self.device),
            multi_scale=o.multi_scale,
            once=o.encode == "once",
            clip=self.clip,
            people=PeopleScores(self.people, image) if self.people is not None else None,
        )

    def search(
        self,
        scenes: Sequence[Scene],
        requests: Sequence[Request],
        sizes: Sequence[Size],
        ratios: Sequence[AspectRatio],
        hints: Sequence[Hints] | None = None,
    ) -> list[list[Crop]]:
        """Search the windows of several images at once; the searches are independent.

        Args:
            scenes: the encoded images.
            requests: the requested content of each image's windows.
            sizes: the sizes of the sources in pixels.
            ratios: the aspect ratios requested for every image.
            hints: the hints that restrict each image's windows.
        """
        hints = hints or [Hints()] * len(scenes)
        if self.options.exact:
            return [
                [self._exact(scene, request, ratio, size, hint) for ratio in ratios]
                for scene, request, size, hint in zip(scenes, requests, sizes, hints, strict=True)
            ]
        sightings = [
            self.sighting(scene, request) for scene, request in zip(scenes, requests, strict=True)
        ]
        focals = [
            hint.focal or focal_point(self.grad_cam(scene, request))
            for scene, request, hint in zip(scenes, requests, hints, strict=True)
        ]
        answers: list[list[Crop]] = [[] for _ in scenes]
        for ratio in ratios:
            best = anneal(
                lambda windows, images: self.loss(scenes, windows, images, requests),
                Bounds.stack(
                    [
                        bounds_of(hint, ratio, size).to(self.device)
                        for hint, size in zip(hints, sizes, strict=True)
                    ]
                ),
                self.options.schedule,
            )
            for row, (size, request, hint) in enumerate(zip(sizes, requests, hints, strict=True)):
                box = _box(best.windows[row].tolist(), ratio, size)
                box = expand_to_contain(box, hint.keep, ratio, size)  # undo cuts by rounding
                sighting = sightings[row]
                if sighting is not None and sighting.found:
                    score = sighting.fit(best.windows[row].cpu())
                else:
                    captioned = request.captioned and sighting is None
                    score = _score(best.values[row].item(), captioned=captioned)
                note = note_of(request, hint, ratio, size, sighting)
                answers[row].append(Crop(box, score, focals[row], note))
        return answers

    def _exact(
        self, scene: Scene, request: Request, ratio: AspectRatio, size: Size, hint: Hints
    ) -> Crop:
        """Return the best of all windows of a grid; see ``CagicOptions.search``."""
        sighting = self.sighting(scene, request)
        bounds = bounds_of(hint, ratio, size)
        windows = grid(bounds, scales(self.options.smallest_scale))
        losses = torch.zeros(len(windows))
        weight = 1.0
        if sighting is not None and sighting.found:
            losses, weight = (
                sighting.loss(windows, self.options.tightness),
                self.options.aesthetic_weight,
            )
            likely = losses.argsort()[:SHORTLIST]
            windows, losses = windows[likely], losses[likely]
        if weight > 0:
            assert scene.people is not None
            losses = losses - weight * scene.people(windows, float(ratio))
        best = losses.argmin()
        box = _box(windows[best].tolist(), ratio, size)
        box = expand_to_contain(box, hint.keep, ratio, size)  # undo cuts by rounding
        if sighting is not None and sighting.found:
            score = sighting.fit(windows[best])
            focal = hint.focal or focal_point(sighting.values)
        else:
            score = _score(float(losses[best]), captioned=False)
            focal = hint.focal or _centre_of(box, size)
        return Crop(box, score, focal, note_of(request, hint, ratio, size, sighting))

    def loss(
        self,
        scenes: Sequence[Scene],
        windows: Tensor,
        images: Tensor,
        requests: Sequence[Request],
    ) -> Tensor:
        """Return Eq. 3 ``(M,)`` of windows ``(M, 4)`` of the images ``(M,)`` in ascending order."""
        o, network = self.options, self.network
        counts = torch.bincount(images, minlength=len(scenes)).tolist()
        parts = [
            (scene, part, request)
            for scene, part, request in zip(scenes, windows.split(counts), requests, strict=True)
            if len(part)
        ]
        total = torch.zeros_like(windows[:, 0])
        if o.score != "captioner":
            total = total + torch.cat([self._described(*each) for each in parts])
        follows = [
            self.follows(scene, request) for scene, request in zip(scenes, requests, strict=True)
        ]
        ranks = o.aesthetic_weight > 0 or not all(follows)
        captioner = network.captioner if o.score in ("captioner", "both") else None
        if captioner is None and not ranks:
            return total
        features = torch.cat([scene.features(part) for scene, part, _ in parts])
        if captioner is not None:
            bags = captioner.bags([dict(request.captioner.known) for request in requests])
            total = total + captioner.loss(captioner.grid(features), bags[images], o.longest)
        if ranks:
            weights = [o.aesthetic_weight if each else 1.0 for each in follows]
            total = total - network.ranker(features) * total.new_tensor(weights)[images]
        return total

    def caption_map(self, image: Photo, caption: str) -> Tensor | None:
        """Return where an image has what a caption names; see :class:`~..base.CaptionMapped`."""
        sighting = self.sighting(self.scene(as_tensor(image)), self.request(caption))
        return sighting.values if sighting is not None and sighting.found else None

    def sighting(self, scene: Scene, request: Request) -> Sighting | None:
        """Return where an image shows what a caption names; None for scores without a map."""
        if not self.options.mapped or scene.words is None or not request.things:
            return None
        return scene.words.sighting(request.things)

    def follows(self, scene: Scene, request: Request) -> bool:
        """Return whether the crop of an image follows its caption, and not aesthetics alone."""
        sighting = self.sighting(scene, request)
        return request.captioned if sighting is None else bool(sighting.found)

    def _described(self, scene: Scene, windows: Tensor, request: Request) -> Tensor:
        """Return the caption's loss ``(M,)`` of windows of one image.

        The loss is zero if no word of the caption is known.
        """
        sighting = self.sighting(scene, request)
        if sighting is not None and sighting.found:
            return sighting.loss(windows, self.options.tightness)
        if request.words.known:
            return self.network.words.loss(scene.logits(windows), request.words.known)
        return torch.zeros_like(windows[:, 0])

    def grad_cam(self, scene: Scene, request: Request) -> Tensor:
        """Return where the evidence of the caption lies, ``(h, w)``, >= 0, over the whole image.

        For the score "map" that is the map of the things that are seen; for others it is Grad-CAM's
        map ``(14, 14)`` of the loss.

        This is the paper's baseline (arXiv 1610.02391): each feature map is weighted by the mean of
        the gradient of minus the loss, and negative values of the sum are set to zero.
        """
        sighting = self.sighting(scene, request)
        if sighting is not None and sighting.found:
            return sighting.values
        whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]], device=self.device)
        first = torch.zeros(1, dtype=torch.long, device=self.device)
        fixed = FixedScene(self.network, scene, whole)
        with torch.enable_grad():
            loss = self.loss([fixed], whole, first, [request]).sum()
            # This keeps both maps in the graph if the loss reads only one of them.
            loss = loss + 0 * sum(maps.sum() for maps in fixed.both)
            gradients = torch.autograd.grad(-loss, fixed.both)
        cams = [
            (gradient.mean((2, 3), keepdim=True) * maps.detach()).sum(1)[0].clamp_min(0)
            for gradient, maps in zip(gradients, fixed.both, strict=True)
        ]
        return torch.stack(cams).sum(0)


def focal_point(grad_cam: Tensor) -> Focal:
    """Return the centre of mass of a map, 0..1 of its sides; the centre for a map of zeros."""
    mass = grad_cam.double()
    if float(mass.sum()) <= 0:
        return (0.5, 0.5)
    mass = mass / mass.sum()
    height, width = mass.shape
    x = (mass.sum(0) * (torch.arange(width, device=mass.device) + 0.5)).sum() / width
    y = (mass.sum(1) * (torch.arange(height, device=mass.device) + 0.5)).sum() / height
    return float(x), float(y)


def _centre_of(box: Box, size: Size) -> Focal:
    """Return the centre of a box, 0..1 of the image's sides."""
    return (box.x0 + box.x1) / 2 / size.width, (box.y0 + box.y1) / 2 / size.height


def _box(window: Sequence[float], ratio: AspectRatio, size: Size) -> Box:
    """Round a window to pixels, with its ratio exact to the nearest pixel, inside the image."""
    x, y, half_width, _ = window
    largest = ratio.largest_window(size)
    scale = half_width * size.width / largest.width
    room = Size(max(1, round(largest.width * scale)), max(1, round(largest.height * scale)))
    return Box.centred(ratio.largest_window(room), ((x + 1) / 2, (y + 1) / 2), size)


def _score(loss: float, *, captioned: bool) -> float:
    """Convert the lowest loss to a score in 0..1; see :meth:`Cagic.boxes`."""
    value = math.exp(-max(loss, 0.0)) if captioned else 1 / (1 + math.exp(loss))
    return min(max(value, 0.0), 1.0)

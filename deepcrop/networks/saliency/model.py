"""The saliency network: SAM (arXiv 1611.09571) on a dilated MobileNet-V2.

```python
network = SaliencyNetwork.from_state(state, metadata)     # ours: deepcrop/pretrained/saliency.*
density = network(batch)                                  # (B, 3, H, W) in -1..1 -> (B, H/4, W/4)
maps = network.maps([photo, other])                       # uint8 (3, h, w) each -> (h', w') each
[output] = network.predict([photo])                       # output.saliency, output.faces
```
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..group_by_shape import group_by_shape
from ..mobilenet import CHANNELS, Conv2dSame, MobileNetV2
from ..precision import check_dtype
from .arrays import SaliencyArrays
from .faces import FaceHead, read_faces
from .objects import ANIMAL_THRESHOLD, FACE_THRESHOLD
from .objects import TAPS as FACE_TAPS
from .options import SaliencyOptions as SaliencyOptions
from .sam import AttentiveConvLSTM, PriorRound, Readout, resize
from .scene import SceneHead, SceneMaps


class Found(NamedTuple):
    """What the heads of the network find in one image beside gaze."""

    faces: Tensor
    """Faces of people ``(n, 5)``: x0, y0, x1, y1 in 0..1 of the sides, and the probability; empty
    if the network doesn't find them."""
    animals: Tensor
    """Heads of animals, in the same form."""
    subject: Tensor | None = None
    """Probability that a place belongs to the subject, float32 ``(h'', w'')`` over the image; None
    if the network doesn't predict it."""
    text: Tensor | None = None
    """The same of lines of text."""


@dataclass(frozen=True)
class SaliencyOutput:
    """The network's output for one image.

    Attributes:
        saliency: float32 map ``(h', w')`` that covers the image exactly.
        faces: see :attr:`Found.faces`.
        animals: see :attr:`Found.animals`.
        subject: see :attr:`Found.subject`.
        text: see :attr:`Found.text`.
    """

    saliency: Tensor
    faces: Tensor
    animals: Tensor
    subject: Tensor | None = None
    text: Tensor | None = None

    def arrays(self) -> SaliencyArrays:
        """Return it as arrays."""
        return SaliencyArrays(
            self.saliency.cpu().numpy(),
            self.faces.cpu().numpy(),
            self.animals.cpu().numpy(),
            None if self.subject is None else self.subject.cpu().numpy(),
            None if self.text is None else self.text.cpu().numpy(),
        )


class SaliencyNetwork(nn.Module):
    """SAM: trunk, attentive ConvLSTM, two rounds of priors, readout, bilinear upsampling, blur."""

    def __init__(self, options: SaliencyOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or SaliencyOptions()
        self.trunk = MobileNetV2(stop=max(o.taps) + 1, output_stride=o.output_stride)
        self.neck = nn.ModuleList(
            Conv2dSame(CHANNELS[tap], o.width, 1, bias=True) for tap in o.taps
        )
        self.dropout = nn.Dropout2d(o.dropout)
        self.recurrent = AttentiveConvLSTM(o.width, o.steps)
        self.rounds = nn.Sequential(
            *(
                PriorRound(o.width, o.priors, isotropic=o.isotropic, dilation=o.dilation)
                for _ in range(2)
            )
        )
        self.readout = Readout(o.width, o.detail)
        self.faces = None if o.faces is None else FaceHead(o.faces)
        self.scene = None if o.scene is None else SceneHead(o.scene, o.width)

    @classmethod
    def from_state(
        cls, state: Mapping[str, Tensor], metadata: Mapping[str, str]
    ) -> SaliencyNetwork:
        """Build the network that a weights file holds, ready for inference (float32, eval).

        Args:
            state: the tensors of the file, of any float type.
            metadata: the metadata of the file; ``options`` holds the architecture as JSON.
        """
        network = cls(SaliencyOptions.from_json(metadata["options"]))
        network.load_state_dict({key: value.float() for key, value in state.items()})
        return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Predict where people look.

        Args:
            x: ``(B, 3, H, W)`` RGB, ``uint8 / 127.5 - 1``; sides divisible by ``multiple``.
            start: first block of the trunk to run; above 0, ``x`` is the previous block's output.

        Returns:
            ``(B, H / 4, W / 4)``, non-negative; with the softmax readout each map sums to 1.
        """
        stride = self.trunk.strides[start - 1] if start else 1
        size = (x.shape[-2] * stride // 4, x.shape[-1] * stride // 4)
        return self._density(self.score(x, start), size)

    def score(self, x: Tensor, start: int = 0) -> Tensor:
        """Return the readout before upsampling, ``(B, 1, H / s, W / s)``."""
        return self._score(self._taps(x, start))

    def _taps(self, x: Tensor, start: int = 0, *, heads: bool = False) -> dict[int, Tensor]:
        """Return the outputs of the trunk's blocks that later layers read, by block index."""
        check_dtype(x, self.trunk)
        details = () if self.options.detail is None else (self.options.detail,)
        wanted = FACE_TAPS if heads and (self.faces or self.scene) else ()
        taps = sorted({*self.options.taps, *details, *wanted})
        return dict(zip(taps, self.trunk.features(x, taps, start), strict=True))

    def _score(self, features: Mapping[int, Tensor]) -> Tensor:
        return cast(Tensor, self.readout(self._rounds(features), self._fine(features)))

    def joint(self, x: Tensor, start: int = 0) -> tuple[Tensor, SceneMaps]:
        """Predict gaze as :meth:`forward` does, and the maps of the scene, in one pass.

        Args:
            x: the input of :meth:`forward`.
            start: first block of the trunk to run, at most 7.

        Raises:
            ValueError: the network has no head for scenes.
        """
        if self.scene is None:
            raise ValueError("the network has no head for scenes; option scene is None")
        features = self._taps(x, start, heads=True)
        wide = self._rounds(features)
        score = self.readout(wide, self._fine(features))
        stride = self.trunk.strides[start - 1] if start else 1
        size = (x.shape[-2] * stride // 4, x.shape[-1] * stride // 4)
        scene = self.scene([features[tap] for tap in FACE_TAPS], wide)
        return self._density(score, size), scene

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Return all that the network predicts in one pass, as other runtimes do.

        Args:
            x: the input of :meth:`forward`.

        Returns:
            The density ``(B, 1, H / 4, W / 4)``; and the maps ``(B, C, H / 8, W / 8)`` of the heads
            beside gaze, one after the other, if there are any.
        """
        features = self._taps(x, heads=True)
        wide = self._rounds(features)
        score = self.readout(wide, self._fine(features))
        gaze = self._density(score, (x.shape[-2] // 4, x.shape[-1] // 4))[:, None]
        taps = [features[tap] for tap in FACE_TAPS] if self.faces or self.scene else []
        if self.scene is not None:
            people, animals, subject, text = self.scene(taps, wide)
            return [gaze, torch.cat([people, animals, subject[:, None], text[:, None]], 1)]
        return [gaze] if self.faces is None else [gaze, self.faces(taps)]

    def _fine(self, features: Mapping[int, Tensor]) -> Tensor | None:
        return None if self.options.detail is None else features[self.options.detail]

    def _rounds(self, features: Mapping[int, Tensor]) -> Tensor:
        o = self.options
        size = features[max(o.taps)].shape[-2:]
        joined = torch.zeros((), device=features[o.taps[0]].device, dtype=features[o.taps[0]].dtype)
        for tap, project in zip(o.taps, self.neck, strict=True):
            joined = joined + resize(project(features[tap]), size)
        return cast(Tensor, self.rounds(self.recurrent(self.dropout(F.relu(joined)))))

    def head_inputs(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return what the head of the scene reads: the trunk's taps and the context."""
        features = self._taps(x, heads=True)
        return [features[tap] for tap in FACE_TAPS], self._rounds(features)

    def _density(self, score: Tensor, size: tuple[int, int]) -> Tensor:
        score = resize(score.float(), size)[:, 0]
        if self.options.readout == "softmax":
            score = score.flatten(1).softmax(1).view_as(score)
        else:
            score = F.relu(score)
        return blur(score, self.options.blur / 4)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) to which an image is resized: its shape with ``pixels``."""
        return self.options.input_size(height, width)

    def preprocess(self, image: Tensor) -> Tensor:
        """Resize an image ``(3, h, w)`` uint8 to its input size and normalise it: ``(3, H, W)``."""
        size = self.input_size(image.shape[-2], image.shape[-1])
        resized = F.interpolate(
            image[None], size, mode="bilinear", antialias=True, align_corners=False
        )
        return resized[0].float().div(127.5).sub(1)

    def maps(self, images: Sequence[Tensor]) -> list[Tensor]:
        """Predict a saliency map for each image as :meth:`predict` does, and nothing else."""
        return [seen.saliency for seen in self.predict(images, heads=False)]

    @torch.inference_mode()
    def predict(self, images: Sequence[Tensor], *, heads: bool = True) -> list[SaliencyOutput]:
        """Predict where people look, and find heads, subject and text, in one pass of the trunk.

        Images are batched by :func:`.group_by_shape.group_by_shape`.

        Args:
            images: uint8 RGB ``(3, h, w)``, of any sizes.
            heads: whether to run the network's heads beside gaze.

        Returns:
            One output for each image, in their order.
        """
        device, kind = next((each.device, each.dtype) for each in self.parameters())
        inputs = [self.preprocess(image.to(device)) for image in images]
        seen: dict[int, SaliencyOutput] = {}
        for members, batch in group_by_shape(inputs):
            seen.update(zip(members, self._predict(batch.to(kind), heads=heads), strict=True))
        return [seen[index] for index in range(len(images))]

    def _predict(self, x: Tensor, *, heads: bool) -> list[SaliencyOutput]:
        features = self._taps(x, heads=heads)
        wide = self._rounds(features)
        score = self.readout(wide, self._fine(features))
        maps = self._density(score, (x.shape[-2] // 4, x.shape[-1] // 4))
        found = self._find(features, wide) if heads else [_nothing(maps) for _ in maps]
        return [SaliencyOutput(each, *more) for each, more in zip(maps, found, strict=True)]

    def _find(self, features: Mapping[int, Tensor], wide: Tensor) -> list[Found]:
        """Run the heads beside gaze, and decode what they find in each image.

        Args:
            features: the trunk's outputs by block index, those of :data:`.faces.TAPS` among them.
            wide: the output of the second round of priors.
        """
        if self.scene is None and self.faces is None:
            return [_nothing(wide) for _ in wide]
        taps = [features[tap] for tap in FACE_TAPS]
        if self.scene is None:
            maps = cast(FaceHead, self.faces)(taps)
            none = _nothing(wide).animals
            return [Found(read_faces(each, FACE_THRESHOLD), none) for each in maps]
        return [
            Found(
                read_faces(people, FACE_THRESHOLD),
                read_faces(animals, ANIMAL_THRESHOLD),
                subject.float().sigmoid(),
                text.float().sigmoid(),
            )
            for people, animals, subject, text in zip(*self.scene(taps, wide), strict=True)
        ]


def _nothing(like: Tensor) -> Found:
    """Return that nothing was found, on the device of a tensor."""
    none = like.new_zeros(0, 5, dtype=torch.float32)
    return Found(none, none)


def blur(maps: Tensor, sigma: float) -> Tensor:
    """Blur maps ``(B, H, W)`` by a Gaussian of ``sigma`` cells; reflected borders keep the sums."""
    if sigma <= 0:
        return maps
    radius = min(math.ceil(3 * sigma), maps.shape[-1] - 1, maps.shape[-2] - 1)
    offset = torch.arange(-radius, radius + 1, device=maps.device, dtype=maps.dtype)
    kernel = torch.exp(-0.5 * (offset / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = _reflect(maps, radius)
    across = F.conv2d(padded[:, None], kernel.view(1, 1, 1, -1))
    return F.conv2d(across, kernel.view(1, 1, -1, 1))[:, 0]


def _reflect(maps: Tensor, radius: int) -> Tensor:
    """Pad maps by ``radius`` mirrored cells with edge cells repeated, which keeps a blur's sum."""
    for dim in (-1, -2):
        size = maps.shape[dim]
        before = maps.narrow(dim, 0, radius).flip(dim)
        after = maps.narrow(dim, size - radius, radius).flip(dim)
        maps = torch.cat([before, maps, after], dim)
    return maps

"""The saliency network: SAM (arXiv 1611.09571) over a dilated MobileNet-V2.

```python
network = SaliencyNetwork.from_state(state, metadata)     # ours: deepcrop/pretrained/saliency.*
density = network(batch)                                  # (B, 3, H, W) in -1..1 -> (B, H/4, W/4)
maps = network.maps([photo, other])                       # uint8 (3, h, w) each -> (h', w') each
[output] = network.predict([photo])                       # output.saliency, output.faces
```
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..group_by_shape import group_by_shape
from ..mobilenet import CHANNELS, Conv2dSame, MobileNetV2
from ..precision import check_dtype
from .faces import TAPS as FACE_TAPS
from .faces import FaceHead, read_faces
from .sam import AttentiveConvLSTM, PriorRound, Readout, resize

FACE_THRESHOLD = 0.35
"""Probability, 0..1, from which a face counts; the model card says what is found and missed."""


@dataclass(frozen=True)
class SaliencyOptions:
    """The architecture; the defaults are our own network, :meth:`sam` is the paper's.

    Attributes:
        pixels: area that an image is resized to, its shape kept to a multiple of ``multiple``.
        multiple: both sides of the input are multiples of this.
        output_stride: stride of the trunk and of everything up to the readout.
        taps: blocks of the trunk that are projected and summed into the ConvLSTM's input.
        width: channels of the ConvLSTM.
        steps: steps of the attentive ConvLSTM.
        priors: Gaussian priors in each of the two rounds.
        isotropic: one sigma a prior (the blog) or one an axis (SAM).
        dilation: of the 5x5 convolution after each round of priors.
        detail: block (stride 8) whose features refine the readout at stride 8; None as in SAM.
        readout: "softmax" gives a density that sums to 1, "relu" SAM's map from 0 up.
        blur: sigma in input pixels of the Gaussian that smooths the map last.
        dropout: share of the ConvLSTM's input channels that training leaves out.
        faces: channels of the head that finds faces in the trunk's features; None: no such head.
    """

    pixels: int = 432 * 576
    multiple: int = 16
    output_stride: Literal[8, 16, 32] = 16
    taps: tuple[int, ...] = (13, 17)
    width: int = 64
    steps: int = 2
    priors: int = 16
    isotropic: bool = False
    dilation: int = 2
    detail: int | None = 6
    readout: Literal["softmax", "relu"] = "softmax"
    blur: float = 4.0
    dropout: float = 0.2
    faces: int | None = None

    @classmethod
    def sam(cls) -> SaliencyOptions:
        """Return SAM's own sizes: 512 channels, 240x320 at stride 8, ReLU readout."""
        return cls(
            pixels=240 * 320,
            steps=4,
            multiple=8,
            output_stride=8,
            taps=(17,),
            width=512,
            dilation=4,
            detail=None,
            readout="relu",
        )

    def to_json(self) -> str:
        """Write as a JSON object, as the weights' metadata holds it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SaliencyOptions:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: the object has a name that is no option.
        """
        values = json.loads(text)
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown saliency options: {', '.join(sorted(unknown))}")
        return cls(**{**values, "taps": tuple(values["taps"])})


@dataclass(frozen=True)
class SaliencyOutput:
    """The network's output for one image.

    Attributes:
        saliency: float32 map ``(h', w')`` that covers the image exactly.
        faces: ``(n, 5)`` x0, y0, x1, y1 in 0..1 of the sides, and the probability; none where the
            network has no head for them.
    """

    saliency: Tensor
    faces: Tensor


class SaliencyNetwork(nn.Module):
    """SAM: trunk, attentive ConvLSTM, priors twice, readout, bilinear enlargement, blur."""

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

    @classmethod
    def from_state(
        cls, state: Mapping[str, Tensor], metadata: Mapping[str, str]
    ) -> SaliencyNetwork:
        """Build the network that a weights file holds, ready for inference (float32, eval).

        Args:
            state: tensors of the file, any float type.
            metadata: the file's; ``options`` holds the architecture as JSON.
        """
        network = cls(SaliencyOptions.from_json(metadata["options"]))
        network.load_state_dict({key: value.float() for key, value in state.items()})
        return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Predict where people look.

        Args:
            x: ``(B, 3, H, W)`` RGB, ``uint8 / 127.5 - 1``; sides divisible by ``multiple``.
            start: first block of the trunk to run; above 0, ``x`` is the output of the one before.

        Returns:
            ``(B, H / 4, W / 4)``, non-negative; with the softmax readout each map sums to 1.
        """
        stride = self.trunk.strides[start - 1] if start else 1
        size = (x.shape[-2] * stride // 4, x.shape[-1] * stride // 4)
        return self._density(self.score(x, start), size)

    def score(self, x: Tensor, start: int = 0) -> Tensor:
        """Return the readout before enlargement, ``(B, 1, H / s, W / s)``."""
        return self._score(self._taps(x, start))

    def _taps(self, x: Tensor, start: int = 0, *, faces: bool = False) -> dict[int, Tensor]:
        """Return the outputs of the trunk's blocks that the rest reads, by block."""
        check_dtype(x, self.trunk)
        details = () if self.options.detail is None else (self.options.detail,)
        taps = sorted({*self.options.taps, *details, *(FACE_TAPS if faces and self.faces else ())})
        return dict(zip(taps, self.trunk.features(x, taps, start), strict=True))

    def _score(self, features: Mapping[int, Tensor]) -> Tensor:
        return cast(Tensor, self.readout(self._rounds(features), self._fine(features)))

    def _fine(self, features: Mapping[int, Tensor]) -> Tensor | None:
        return None if self.options.detail is None else features[self.options.detail]

    def _rounds(self, features: Mapping[int, Tensor]) -> Tensor:
        o = self.options
        size = features[max(o.taps)].shape[-2:]
        joined = torch.zeros((), device=features[o.taps[0]].device, dtype=features[o.taps[0]].dtype)
        for tap, project in zip(o.taps, self.neck, strict=True):
            joined = joined + resize(project(features[tap]), size)
        return cast(Tensor, self.rounds(self.recurrent(self.dropout(F.relu(joined)))))

    def features(self, x: Tensor, *, faces: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return the features before the last layer of the readout, for heads of other tasks.

        Args:
            x: as :meth:`forward` takes it.
            faces: look for faces, if the network has a head for them.

        Returns:
            ``(B, width + 32, H / 8, W / 8)``: the second round of priors, enlarged, and what the
            readout has made of it and of the detail; and the faces of each image, as
            :attr:`SaliencyOutput.faces`.
        """
        features = self._taps(x, faces=faces)
        wide = self._rounds(features)
        refined = self.readout.refined(wide, self._fine(features))
        joined = torch.cat([resize(wide, refined.shape[-2:]), refined], 1)
        return joined, self._decode_faces(features, faces=faces)

    def _density(self, score: Tensor, size: tuple[int, int]) -> Tensor:
        score = resize(score.float(), size)[:, 0]
        if self.options.readout == "softmax":
            score = score.flatten(1).softmax(1).view_as(score)
        else:
            score = F.relu(score)
        return blur(score, self.options.blur / 4)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) that an image is resized to: ``pixels`` in its own shape."""
        o = self.options
        shape = min(max(width / height, 1 / 4), 4.0)
        sides = (math.sqrt(o.pixels / shape), math.sqrt(o.pixels * shape))
        rounded = [max(o.multiple, round(side / o.multiple) * o.multiple) for side in sides]
        return rounded[0], rounded[1]

    def preprocess(self, image: Tensor) -> Tensor:
        """Resize one uint8 image ``(3, h, w)`` to its input size and normalise: ``(3, H, W)``."""
        size = self.input_size(image.shape[-2], image.shape[-1])
        resized = F.interpolate(
            image[None], size, mode="bilinear", antialias=True, align_corners=False
        )
        return resized[0].float().div(127.5).sub(1)

    def maps(self, images: Sequence[Tensor]) -> list[Tensor]:
        """Predict one saliency map an image, as :meth:`predict` does, and no faces."""
        return [seen.saliency for seen in self.predict(images, faces=False)]

    @torch.inference_mode()
    def predict(self, images: Sequence[Tensor], *, faces: bool = True) -> list[SaliencyOutput]:
        """Predict where people look, and find faces, in one pass of the trunk.

        Batches are those of :func:`.group_by_shape.group_by_shape`.

        Args:
            images: uint8 RGB ``(3, h, w)``, of any sizes.
            faces: look for faces, if the network has a head for them.

        Returns:
            One output an image, in their order.
        """
        device, kind = next((each.device, each.dtype) for each in self.parameters())
        inputs = [self.preprocess(image.to(device)) for image in images]
        seen: dict[int, SaliencyOutput] = {}
        for members, batch in group_by_shape(inputs):
            seen.update(zip(members, self._predict(batch.to(kind), faces=faces), strict=True))
        return [seen[index] for index in range(len(images))]

    def _predict(self, x: Tensor, *, faces: bool) -> list[SaliencyOutput]:
        features = self._taps(x, faces=faces)
        maps = self._density(self._score(features), (x.shape[-2] // 4, x.shape[-1] // 4))
        found = self._decode_faces(features, faces=faces)
        return [SaliencyOutput(*each) for each in zip(maps, found, strict=True)]

    def _decode_faces(self, features: Mapping[int, Tensor], *, faces: bool) -> list[Tensor]:
        """List the faces of each image; none where they weren't asked for, or there is no head."""
        if not faces or self.faces is None:
            some = next(iter(features.values()))
            return [some.new_zeros(0, 5, dtype=torch.float32) for _ in some]
        found = self.faces([features[tap] for tap in FACE_TAPS])
        return [read_faces(each, FACE_THRESHOLD) for each in found]


def blur(maps: Tensor, sigma: float) -> Tensor:
    """Blur maps ``(B, H, W)`` by a Gaussian of ``sigma`` cells; borders reflect, sums stay."""
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
    """Mirror a border of ``radius`` cells, edge cells repeated, which keeps a blur's sum."""
    for dim in (-1, -2):
        size = maps.shape[dim]
        before = maps.narrow(dim, 0, radius).flip(dim)
        after = maps.narrow(dim, size - radius, radius).flip(dim)
        maps = torch.cat([before, maps, after], dim)
    return maps

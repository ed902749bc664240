"""Mars: one cropping network for every aspect ratio (Li, Zhang and Huang, CVPR 2020).

```python
network = Mars.from_state(state, metadata)          # of a weights file of `jobs.train mars-paper`
parameters = network.parameters_of(ratios)          # of aspect ratios (R,), width over height
maps = network.maps([photo, other], parameters)     # uint8 (3, h, w) each -> (R, h', w') each
```

Two layers of the network are not learned but predicted from the aspect ratio: the matrix that
transforms the image's global feature (ARS-FTM), and the 1x1 predictor (ARS-PWP).

The paper doesn't specify the activations. This implementation has none between the 1x1 reduction
and the first deconvolution, ReLU between deconvolutions, and none after the last. So the reduction
and the first deconvolution are linear, and by ``A(F + f) = A(F) + A(f)`` all ratios share them. The
last deconvolution and the predictor are one convolution, whose weights are computed once for each
ratio. Both optimisations are exact. What remains for each image and ratio is an addition, a ReLU
and 0.3 million multiplications.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..group_by_shape import group_by_shape
from .meta_learner import MetaLearner
from .options import MarsOptions
from .trunk import truncated


class RatioParameters(NamedTuple):
    """The parameters of the layers that depend on the aspect ratio, for R ratios; cacheable."""

    transform: Tensor | None
    """ARS-FTM, ``(R, c, c)``; None if it isn't predicted."""
    predictor: Tensor
    """ARS-PWP combined with the last deconvolution, ``(R, C_out, side * side)``.

    The side is 2, or 1 if there is no deconvolution.
    """
    bias: Tensor
    """Combined bias of the predictor and the last deconvolution, ``(R, side * side)``."""

    def each(self, images: int) -> RatioParameters:
        """Split B * R ratios into R ratios of each of B images: tensors get a leading axis B."""
        transform = None if self.transform is None else self.transform.unflatten(0, (images, -1))
        return RatioParameters(
            transform,
            self.predictor.unflatten(0, (images, -1)),
            self.bias.unflatten(0, (images, -1)),
        )

    @classmethod
    def stack(cls, parts: Sequence[RatioParameters]) -> RatioParameters:
        """Concatenate the parameters of several aspect ratios."""
        transforms = [part.transform for part in parts if part.transform is not None]
        return cls(
            torch.cat(transforms) if transforms else None,
            torch.cat([part.predictor for part in parts]),
            torch.cat([part.bias for part in parts]),
        )


class Mars(nn.Module):
    """The base model and its meta-learners (Figure 2).

    Args:
        options: the architecture.
        folded: whether MobileNet's batch norms are folded into its convolutions, as in the weights
            that are shipped.
    """

    def __init__(self, options: MarsOptions | None = None, *, folded: bool = True) -> None:
        super().__init__()
        self.options = o = options or MarsOptions()
        self.trunk = truncated(o, folded=folded)
        self.narrow = (
            nn.Conv2d(o.truncation.channels, 512, 1) if o.truncation.channels > 512 else None
        )
        self.reduce = nn.Conv2d(o.width, o.channels, 1)
        self.stack = nn.ModuleList(
            nn.ConvTranspose2d(o.channels, o.channels, 2, stride=2) for _ in range(o.deconvolutions)
        )
        self.meta = MetaLearner(
            transform=o.width if o.transform else None,
            predictor=o.channels if o.predictor else None,
            depth=o.depth,
            ratios=o.ratios,
            dimension=o.dimension if o.embedding else None,
            interpolation=o.interpolation,
        )
        self.predictor = None if o.predictor else nn.Conv2d(o.channels, 1, 1)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Mars:
        """Build the network that a weights file holds, ready for inference.

        Args:
            state: the tensors of the file.
            metadata: the metadata of the file; ``options`` holds the architecture as JSON.
        """
        network = cls(MarsOptions.from_json(metadata["options"]))
        network.load_state_dict({key: value.float() for key, value in state.items()})
        return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, ratios: Tensor) -> Tensor:
        """Predict the logits of the cropping area of each ratio.

        Args:
            images: ``(B, 3, H, W)``, normalised as the trunk requires (MobileNet: -1..1); sides
                must be divisible by the trunk's stride.
            ratios: ``(R,)`` aspect ratios, width over height.

        Returns:
            ``(B, R, H / stride, W / stride)``.
        """
        return self.decode(self.features(images), self.parameters_of(ratios))

    def features(self, images: Tensor) -> Tensor:
        """Return the last feature map before the global pooling, float32 ``(B, c, h, w)``."""
        x = self.trunk(images.to(next(self.trunk.parameters()).dtype)).float()
        return x if self.narrow is None else F.relu(self.narrow(x))

    def parameters_of(self, ratios: Tensor) -> RatioParameters:
        """Predict the parameters of ratios ``(R,)``, and combine them with the last layer's."""
        matrix, vector = self.meta(ratios)
        shift = ratios.new_zeros(1)
        if self.predictor is not None:
            vector = self.predictor.weight.view(1, -1).expand(len(ratios), -1)
            assert self.predictor.bias is not None
            shift = self.predictor.bias
        if not self.stack:
            return RatioParameters(matrix, vector[:, :, None], shift.expand(len(ratios), 1))
        last = self.stack[-1]
        kernel = torch.einsum("ioyx,ro->riyx", last.weight, vector).flatten(2)
        bias = (vector @ last.bias + shift)[:, None].expand(-1, 4)
        return RatioParameters(matrix, kernel, bias)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) to which an image is resized before padding.

        The longer edge is ``longest``.
        """
        return fitted(height, width, self.options.longest)

    def preprocess(self, image: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Resize one uint8 image ``(3, h, w)``, normalise it and pad it right and below.

        Args:
            image: the image, of any size.
            size: (height, width) before padding; None uses :meth:`input_size`.

        Returns:
            ``(3, H, W)``, with both sides padded to multiples of the trunk's stride.
        """
        size = size or self.input_size(image.shape[-2], image.shape[-1])
        x = image[None].float() if image.is_cuda else image[None]
        if size != tuple(image.shape[-2:]):
            x = F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
        x = x.float().div(127.5).sub(1)
        if self.options.trunk in ("vgg16", "resnet50"):
            # torchvision's mean and deviation, rescaled
            mean = x.new_tensor((0.485, 0.456, 0.406)).view(3, 1, 1) * 2 - 1
            x = (x - mean) / (2 * x.new_tensor((0.229, 0.224, 0.225)).view(3, 1, 1))
        stride = self.options.truncation.stride
        return F.pad(x[0], (0, -size[1] % stride, 0, -size[0] % stride))

    @torch.inference_mode()
    def maps(self, images: Sequence[Tensor], parameters: RatioParameters) -> list[Tensor]:
        """Predict the cropping areas of images of any sizes, at all ratios from one trunk pass.

        On a CPU an image's result does not depend on the other images: see
        :func:`.group_by_shape.group_by_shape`.

        Args:
            images: uint8 RGB ``(3, h, w)``.
            parameters: the parameters of R aspect ratios.

        Returns:
            Probabilities of each image, float32 ``(R, h', w')`` on the CPU. A cell covers
            ``stride`` x ``stride`` pixels of the resized image; the last row and column may extend
            beyond it.
        """
        device = self.reduce.weight.device
        inputs = [self.preprocess(image.to(device)) for image in images]
        found: dict[int, Tensor] = {}
        for members, batch in group_by_shape(inputs):
            decoded = self.decode(self.features(batch), parameters).sigmoid().cpu()
            for index, areas in zip(members, decoded, strict=True):
                size = self.input_size(images[index].shape[-2], images[index].shape[-1])
                rows, columns = (-(-side // self.options.stride) for side in size)
                found[index] = areas[:, :rows, :columns]
        return [found[index] for index in range(len(images))]

    def decode(self, features: Tensor, parameters: RatioParameters) -> Tensor:
        """Decode feature maps ``(B, c, h, w)`` to logits ``(B, R, h', w')`` of each aspect ratio.

        Args:
            features: the result of :meth:`features`.
            parameters: the parameters of R aspect ratios, either equal for all maps, or for each
                map (:meth:`RatioParameters.each`).
        """
        pooled = features.mean((2, 3))  # f_ara
        f_ars = _transform(parameters, pooled)
        shared = self.reduce(features).flatten(2)
        added = F.linear(f_ars, self.reduce.weight[:, :, 0, 0])  # (B, R, C_out)
        read, bias = parameters.predictor.mT, parameters.bias[..., None]
        if len(self.stack) < 2:  # all of it is linear
            logits = (read.flatten(-3, -2) @ shared).unflatten(1, read.shape[-3:-1])
            logits += read @ added[..., None] + bias
            return _unfold(logits, *features.shape[-2:])
        first, *others = (cast(nn.ConvTranspose2d, layer) for layer in self.stack[:-1])
        pattern = added @ first.weight.flatten(1)  # the vector's part, equal at every place
        x = _quarters((_deconvolve(first, shared)[:, None] + pattern[..., None]).relu_())
        for layer in others:
            x = _quarters(_deconvolve(layer, x).relu_())
        return _unfold(read @ x + bias, *features.shape[-2:])  # of (B, R, 4, n)


def _deconvolve(layer: nn.ConvTranspose2d, x: Tensor) -> Tensor:
    """Deconvolve ``(..., C, n)``, n places, with kernel 2 and stride 2: ``(..., C * 4, n)``.

    With these settings kernels don't overlap: each place becomes 2x2 pixels independently, and
    :func:`_unfold` moves the pixels to their places once for all layers. In this layout the value
    that is added for a ratio is constant along rows of n places; in an image it would change at
    every other pixel.
    """
    assert layer.bias is not None
    return layer.weight.flatten(1).T @ x + layer.bias.repeat_interleave(4)[:, None]


def _quarters(x: Tensor) -> Tensor:
    """Make the quarters of places separate places: ``(..., C * 4, n)`` to ``(..., C, 4 * n)``."""
    return x.unflatten(-2, (-1, 4)).flatten(-2)


def _transform(parameters: RatioParameters, pooled: Tensor) -> Tensor:
    """Transform the global features ``(B, c)`` for each ratio: ``(B, R, c)``."""
    matrix = parameters.transform
    if matrix is None:
        return pooled[:, None].expand(-1, parameters.bias.shape[-2], -1)
    return torch.einsum("roc,bc->bro" if matrix.ndim == 3 else "broc,bc->bro", matrix, pooled)


def fitted(height: int, width: int, longest: int) -> tuple[int, int]:
    """Return (height, width) scaled so that the longer edge is ``longest``."""
    scale = Fraction(longest, max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _unfold(logits: Tensor, height: int, width: int) -> Tensor:
    """Arrange the places of k deconvolutions as an image.

    Args:
        logits: ``(B, R, 4, 4 ** (k - 1) * height * width)``, with the quarters of the first
            deconvolution innermost; ``(B, R, 1, height * width)`` if there is none.
        height: height of the map before the first deconvolution.
        width: width of the map before the first deconvolution.

    Returns:
        ``(B, R, 2 ** k * height, 2 ** k * width)``.
    """
    batch, count = logits.shape[:2]
    maps = logits.reshape(batch, -1, height, width)
    while maps.shape[1] > count:
        maps = F.pixel_shuffle(maps, 2)
    return maps

"""DeepIR: retargeting by re-sampled deep features and nearest-neighbour fields.

```python
>>> method = load("deepir")
>>> [[narrow]] = method.retarget([photo], [[Size(320, 480)]])
```

Lin, Zhou, Chen, "DeepIR: A deep semantics driven framework for image retargeting"
(arXiv 1811.07793). Algorithm 1 finds the mapping Phi from the result's positions to the source's,
coarse to fine over relu4_1, relu3_1, relu2_1 and relu1_1 of VGG-19.

**Importance.** The paper's importance of a position is the sum of its features. Ours is multiplied
by factors from the network ``saliency``, and columns are removed in inverse proportion to it (see
the options ``attention`` and ``obscurity``).

**Resolution.** Phi is computed at a working size and upsampled to the requested size. There it
samples the source's own pixels, so the result is as sharp as the source. Where Phi squeezes
content, a pixel is the mean over the source area that it covers; elsewhere it is one bicubic
sample.

**Scale.** The change that both axes share is a uniform scaling, and only the rest is retargeted:
4000x3000 to 800x800 is scaled to 1067x800, and then 267 columns are removed.

**Time.** With `vgg19-slim`, 640x480 takes 2.1 s of one core to 480x480 and 1.5 s to 320x480, of
which PatchMatch takes 0.6 s and the deconvolution 0.6 s (0.3 s of it convolutions: 31 GFLOP).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...geometry import Size
from ...networks.vgg import VGG, position
from ...ops import fields, patchmatch, resampling, warping
from ...ops.deconvolution import deconvolve
from ..attention import attention_network, saliency_factors
from ..base import Photo, RetargetMethod, Trained, as_tensor, options_of, size_of
from .options import DeepIROptions
from .resampling import resized_field

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ...networks.saliency.model import SaliencyNetwork

TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
_PATCH = (5, 5, 3)
"""Sides of PatchMatch's patches, in positions, at levels 1, 2 and 3, as in Deep Image Analogy."""
_RADIUS = (4, 4, 6)
"""Radii of the random search, in positions, at levels 1, 2 and 3, as in Deep Image Analogy."""
_SMALLEST = 16
"""Least side, in working pixels, that is retargeted; below it, relu4_1 would have one row."""


class DeepIR(RetargetMethod, Trained):
    """The method DeepIR, which retargets by Algorithm 1 of the paper."""

    name: ClassVar[str] = "deepir"
    summary: ClassVar[str] = "deep features resized, matched back to the source's pixels"
    weights: ClassVar[str | None] = "vgg19-slim"

    Options: ClassVar[type[DeepIROptions]] = DeepIROptions

    def __init__(
        self,
        network: VGG,
        options: DeepIROptions | None = None,
        saliency: SaliencyNetwork | None = None,
    ) -> None:
        """Create the method from a network with the taps `TAPS`, which stays on its device."""
        self.network = network
        self.saliency = saliency
        """The network for the option ``attention``; None computes importance from features only."""
        self.options = options or self.Options()

    @classmethod
    def from_weights(
        cls,
        state: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        options: DataclassInstance | None = None,
        *,
        device: torch.device | str = "cpu",
    ) -> Self:
        """Build the method from the parameters of a VGG-19 or of ``vgg19-slim``."""
        chosen = options_of(cls.Options, options)
        saliency = attention_network(chosen.attention, device)
        return cls(VGG.from_state(state, TAPS).to(device), chosen, saliency)

    @classmethod
    def further_weights(cls, options: DeepIROptions) -> list[str]:
        """Return the names of the weights that are used beside the method's own."""
        return ["saliency"] if options.attention > 0 else []

    def retarget(
        self, images: Sequence[Photo], sizes: Sequence[Sequence[Size]]
    ) -> list[list[Tensor]]:
        """Return one result for each image and size; see :class:`~.base.RetargetMethod`."""
        sources = [as_tensor(image) for image in images]
        mappings = self.mappings(sources, sizes)
        return [
            [
                source.clone() if mapping is None else self._render(source, size, mapping)
                for size, mapping in zip(wanted, found, strict=True)
            ]
            for source, wanted, found in zip(sources, sizes, mappings, strict=True)
        ]

    def mappings(
        self, images: Sequence[Photo], sizes: Sequence[Sequence[Size]]
    ) -> list[list[Mapped | None]]:
        """Return Phi for each image and size; None if the size is the source's own."""
        plans = [
            [Plan.of(size_of(as_tensor(image)), size, self.options) for size in wanted]
            for image, wanted in zip(images, sizes, strict=True)
        ]
        groups: dict[tuple[Size, tuple[Size, ...]], list[int]] = {}
        for index, row in enumerate(plans):
            solved = tuple(dict.fromkeys(p.target for p in row if p is not None and p.solve))
            if solved:
                first = next(p for p in row if p is not None)
                groups.setdefault((first.source, solved), []).append(index)
        device = self.network.mean.device
        chunk = self.options.batch if device.type == "cuda" else 1
        found: dict[tuple[int, Size], Tensor] = {}
        sources = [as_tensor(image) for image in images]
        for (working, targets), members in groups.items():
            for start in range(0, len(members), chunk):
                part = members[start : start + chunk]
                batch = torch.cat([_resized(sources[i], working, device) for i in part])
                factors = torch.cat([self._factors(sources[i], working) for i in part])
                solutions = self.solve(batch, targets, factors)
                for target, field in zip(targets, solutions, strict=True):
                    found.update(
                        {(i, target): one[None] for i, one in zip(part, field, strict=True)}
                    )
        return [
            [
                None if plan is None else Mapped(plan, found.get((index, plan.target)))
                for plan in row
            ]
            for index, row in enumerate(plans)
        ]

    def _factors(self, source: Tensor, working: Size) -> Tensor:
        """Return the factors of the importance by saliency, (1, 1, H, W) at the working size.

        The network sees one image at a time, because its rounding may depend on the batch.
        """
        saliency = None
        if self.saliency is not None and self.options.attention > 0:
            saliency = self.saliency.maps([source])[0].cpu()
        return saliency_factors(saliency, self.options.attention, (working.height, working.width))

    @torch.no_grad()
    def solve(
        self, images: Tensor, targets: Sequence[Size], factors: Tensor | None = None
    ) -> list[Tensor]:
        """Run Algorithm 1 on images of one shape up to Phi.

        Args:
            images: (B, 3, H, W), RGB in [0, 1], on the network's device.
            targets: the requested sizes, each side at least `_SMALLEST`.
            factors: (B, 1, H, W) on the CPU, what the importance of the features is multiplied by;
                None leaves it as it is.

        Returns:
            For each target the field (B, 2, height, width) into the images.
        """
        taps = self.network(images)
        maps = [taps[tap] for tap in TAPS]
        importance = [resampling.importance_map(each) for each in maps]
        if factors is not None:
            importance = [
                each * functional.adaptive_avg_pool2d(factors, (each.shape[1], each.shape[2]))[:, 0]
                for each in importance
            ]
        return [self._field(maps, importance, target) for target in targets]

    def _field(self, maps: list[Tensor], importance: list[Tensor], target: Size) -> Tensor:
        options = self.options
        sizes = [(target.height >> level, target.width >> level) for level in range(4)]
        direct = [
            resized_field(each, size, options).to(maps[0].device)
            for each, size in zip(importance, sizes, strict=True)
        ]
        field = direct[3]
        wanted = warping.sample(maps[3], field)
        for level in (2, 1, 0):
            start = warping.sample(maps[level], direct[level])
            rebuilt, _, _ = deconvolve(
                self._between(level), wanted, start, iterations=options.deconvolution
            )
            matched, _ = patchmatch.search(
                rebuilt,
                maps[level],
                fields.doubled(field, *sizes[level]),
                patch=_PATCH[level],
                radius=self._radius(maps[level], sizes[level], level),
                iterations=options.search,
                seed=options.seed,
            )
            if options.steady:
                weight = fields.structure(rebuilt) + 1e-3
                matched = fields.ordered(
                    fields.weighted_smoothing(
                        matched, weight, options.steady, options.straight / 2**level
                    )
                )
            alpha = options.alphas[level]
            field = alpha * matched + (1 - alpha) * direct[level]
            wanted = warping.sample(maps[level], field)
        return field

    def _radius(self, features: Tensor, size: tuple[int, int], level: int) -> tuple[int, int]:
        """Return the random search's radius over columns and rows."""
        if self.options.axes == "both":
            return _RADIUS[level], _RADIUS[level]
        height, width = features.shape[2:]
        return _RADIUS[level] * (size[1] != width), _RADIUS[level] * (size[0] != height)

    def _between(self, level: int) -> nn.Module:
        """Return the layers from one tap to the next, which are the CNN of Eq. 6."""
        variant = self.network.variant
        first, last = position(TAPS[level], variant), position(TAPS[level + 1], variant)
        return self.network.features[first + 1 : last + 1]

    @torch.no_grad()
    def _render(self, source: Tensor, size: Size, mapping: Mapped) -> Tensor:
        """Sample the source's pixels through Phi at full resolution."""
        plan, device = mapping.plan, self.network.mean.device
        pixels = _resized(source, plan.scaled, device)
        if mapping.field is None and plan.scaled == size:
            return _bytes(pixels[0])
        field = mapping.field
        if field is None:
            field = scaling(plan, device)
        if self.options.vote == "pixels":
            fine = _carried(field, plan, size)
            return _bytes(fields.vote(pixels, fine, 5)[0])
        fine = _carried(fields.smoothed(field, 5), plan, size)
        return _bytes(_footprint_mean(pixels, fine)[0])


@dataclass(frozen=True)
class Plan:
    """The steps by which one image is brought to one size."""

    source: Size
    """Size of the source in working pixels."""
    target: Size
    """Size of the result in working pixels."""
    scaled: Size
    """Size of the source after the uniform scaling, in pixels at full resolution."""
    solve: bool
    """Whether Phi is solved: the shape changes and no side is too small."""

    @classmethod
    def of(cls, source: Size, size: Size, options: DeepIROptions) -> Plan | None:
        """Plan a request; None if the size is the source's own."""
        if size == source:
            return None
        across = Fraction(size.width, source.width)
        down = Fraction(size.height, source.height)
        # The scaling of both axes: the smaller reduction or enlargement, or none if they differ in
        # direction.
        scale = sorted((Fraction(1), across, down))[1]
        if options.shared == "resample":
            scale = Fraction(1)
        scaled = Size(max(1, round(source.width * scale)), max(1, round(source.height * scale)))
        working = source.fit(options.working)
        target = Size(
            max(1, round(Fraction(size.width * working.width, scaled.width))),
            max(1, round(Fraction(size.height * working.height, scaled.height))),
        )
        sides = (working.width, working.height, target.width, target.height)
        changed = target != working
        return cls(working, target, scaled, changed and min(sides) >= _SMALLEST)


@dataclass(frozen=True)
class Mapped:
    """The mapping Phi of one image and size."""

    plan: Plan
    field: Tensor | None
    """The field (1, 2, height, width) at working size; None if the image is scaled uniformly."""


def scaling(plan: Plan, device: torch.device) -> Tensor:
    """Return the field (1, 2, height, width) of a uniform scaling at working size."""
    empty = torch.zeros(1, plan.source.height, plan.source.width)
    size = (plan.target.height, plan.target.width)
    return resized_field(empty, size, DeepIROptions(resample="scale")).to(device)


def _carried(field: Tensor, plan: Plan, size: Size) -> Tensor:
    return warping.resize_mapping(
        field[0],
        (plan.source.height, plan.source.width),
        (plan.scaled.height, plan.scaled.width),
        (size.height, size.width),
    )[None]


def _footprint_mean(pixels: Tensor, field: Tensor) -> Tensor:
    """Sample bicubically, averaging over the source pixels that a squeezed result pixel covers.

    Along each axis, the mean is taken over the length by which the field's step exceeds one pixel,
    so that an area that keeps its shape isn't blurred.
    """
    steps = []
    for channel, dimension in ((0, 3), (1, 2)):
        if field.shape[dimension] > 1:
            (step,) = torch.gradient(field[:, channel], dim=dimension - 1)
            steps.append((step.abs() - 1).clamp(0, 8))
        else:
            steps.append(torch.zeros_like(field[:, channel]))
    counts = [1 if step.max() < 0.1 else 2 * math.ceil(step.mean().item()) + 1 for step in steps]
    total = torch.zeros((), device=pixels.device)
    for i in range(counts[0]):
        for j in range(counts[1]):
            shift = torch.stack(
                [
                    steps[0] * ((i + 0.5) / counts[0] - 0.5),
                    steps[1] * ((j + 0.5) / counts[1] - 0.5),
                ],
                1,
            )
            total = total + fields.sample_bicubic(pixels, field + shift)
    return total / (counts[0] * counts[1])


def _resized(image: Tensor, size: Size, device: torch.device) -> Tensor:
    """Resize an image with antialiasing to (1, 3, H, W) in [0, 1]."""
    batch = image.to(device)[None].float() / 255
    if size == size_of(image):
        return batch
    return functional.interpolate(
        batch, (size.height, size.width), mode="bicubic", antialias=True, align_corners=False
    ).clamp(0, 1)


def _bytes(image: Tensor) -> Tensor:
    return (image * 255).round().clamp(0, 255).byte().cpu()

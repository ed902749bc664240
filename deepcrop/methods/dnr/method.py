"""DNR: image resizing by reconstruction from deep features (Arar, Danon, Cohen-Or, Shamir, 2019).

```python
>>> method = load("dnr")                                     # our defaults
>>> [[narrow]] = method.retarget([photo], [[Size(480, 640)]])
>>> paper = load("dnr-paper", weights="vgg19")               # the paper's values
```

**Resolution.** The solution is computed at a working size and upsampled to the output's size. It
has two parts: a *mapping* (the point of the source that each pixel shows, composed of seams,
refinement and warp) and a *residual* (the changes of the reconstruction that don't move pixels).
The result samples the original pixels bicubically through the upsampled mapping, so it is as sharp
as the source. It adds the upsampled residual, which is smooth except where seams were removed. A
photo of 12 megapixels is solved at 256 pixels, and the result has full size.

**Batches.** Images of one shape are solved together; each gets the result that it would have alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import RequestError
from ...geometry import Size
from ...networks.vgg import VGG
from ...ops.warping import identity, render, resize_mapping, sample, smooth_mapping
from ..attention import attention_network, saliency_factors
from ..base import Photo, RetargetMethod, Trained, as_tensor, options_of, size_of
from .carving import Layers, carve, reaches
from .options import DNROptions, PaperOptions
from .reconstruction import rebuild
from .warping import warp

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ...networks.saliency.model import SaliencyNetwork

SHORTEST = 64
"""The shortest side, in pixels, of a working size; smaller images are enlarged to it."""

LONGEST = 1024
"""The longest side, in pixels, of an enlarged image; the aspect ratio of narrower ones changes."""


class Solution(NamedTuple):
    """The change of an image to another size, at the working size."""

    mapping: Tensor
    """The point of the source that each pixel shows, (2, h, w) in working pixels."""
    residual: Tensor | None
    """The values that are added to the pixels, (1, 3, h, w) in [-1, 1]; None if there are none."""


class DNR(RetargetMethod, Trained):
    """The retarget method DNR."""

    name: ClassVar[str] = "dnr"
    summary: ClassVar[str] = "deep seams in VGG's feature space, and a warp that keeps shapes"
    weights: ClassVar[str | None] = "vgg19-slim"
    Options: ClassVar[type[DNROptions]] = DNROptions

    def __init__(
        self,
        network: VGG,
        options: DNROptions | None = None,
        saliency: SaliencyNetwork | None = None,
    ) -> None:
        # channels_last halves the time of vgg19-slim on a CPU, and saves a fifth of vgg19's.
        self.network = network.to(memory_format=torch.channels_last)
        self.saliency = saliency
        """The network for the option ``attention``; None computes importance from features only."""
        self.options = options or self.Options()
        self.taps = self.options.taps[::-1]
        """The names of the levels, the deepest first."""

    @classmethod
    def from_weights(
        cls,
        state: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        options: DataclassInstance | None = None,
        *,
        device: torch.device | str = "cpu",
    ) -> Self:
        """Build the method from VGG's parameters.

        Args:
            state: the parameters by torchvision's keys, of any variant of `networks.vgg`.
            metadata: the metadata of the file; its ``variant`` is used if present.
            options: an instance of ``Options``; None: its defaults.
            device: the device on which the networks run.

        Raises:
            RequestError: the parameters aren't VGG's, or lack a layer that the options need.
        """
        chosen = options_of(cls.Options, options)
        try:
            network = VGG.from_state(state, chosen.taps, metadata.get("variant"))
        except ValueError as error:
            raise RequestError(f"method {cls.name!r}: {error}") from None
        saliency = attention_network(chosen.attention, device)
        return cls(network.to(device), chosen, saliency)

    @classmethod
    def further_weights(cls, options: DNROptions) -> list[str]:
        """Return the names of the weights that are used beside the method's own."""
        return ["saliency"] if options.attention > 0 else []

    def retarget(
        self, images: Sequence[Photo], sizes: Sequence[Sequence[Size]]
    ) -> list[list[Tensor]]:
        """Return one result for each image and size.

        Args:
            images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
            sizes: the sizes requested for each image, in pixels.

        Returns:
            uint8 tensors (3, height, width) on the CPU. The source's own size gives the source.
        """
        pixels = [as_tensor(image) for image in images]
        solutions = self.solve(pixels, sizes)
        return [
            [self._render(image, *one) for one in zip(row, wanted, strict=True)]
            for image, row, wanted in zip(pixels, solutions, sizes, strict=True)
        ]

    def working_size(self, size: Size) -> Size:
        """Return the size at which an image is solved."""
        scale = min(1.0, self.options.working / size.longest)
        scale = max(scale, SHORTEST / min(size.width, size.height))
        longest = max(LONGEST, self.options.working)
        return Size(
            *(min(longest, max(SHORTEST, round(s * scale))) for s in (size.width, size.height))
        )

    @torch.no_grad()
    def solve(
        self, images: Sequence[Tensor], sizes: Sequence[Sequence[Size]]
    ) -> list[list[Solution]]:
        """Find mapping and residual for each image and size.

        Seams, reconstruction and refinement process images of one shape together. The pass that
        computes importance processes one image at a time, because a network's rounding may depend
        on the batch, and a seam may depend on the rounding.

        Args:
            images: (3, H, W) uint8.
            sizes: the sizes requested for each image, in pixels.
        """
        sources = [size_of(image) for image in images]
        works = [self.working_size(source) for source in sources]
        smalls = [self._small(image, work) for image, work in zip(images, works, strict=True)]
        saliencies = [
            self.saliency.maps([image])[0] if self.saliency is not None else None
            for image in images
        ]
        layers = [
            self._layers(small, saliency)
            for small, saliency in zip(smalls, saliencies, strict=True)
        ]
        # The targets of all images in one list, with the index of the image.
        targets = [
            (i, _scaled(size, sources[i], works[i])) for i, row in enumerate(sizes) for size in row
        ]
        changes: list[list[int]] = [[] for _ in images]
        for i, target in targets:
            changes[i].append(works[i].width - target.width)
        cuts = [cut for row in self._carve(layers, changes) for cut in row]
        transposed = self._carve(
            [cut.transposed() for cut in cuts], [[works[i].height - t.height] for i, t in targets]
        )
        cuts = [cut.transposed() for [cut] in transposed]
        mappings = [
            self._smooth(cut.mapping, works[i]) for cut, (i, _) in zip(cuts, targets, strict=True)
        ]
        rebuilt = rebuild(
            self.network, [smalls[i] for i, _ in targets], cuts, mappings, self.options
        )
        solutions: list[list[Solution]] = [[] for _ in images]
        for (i, target), cut, (mapping, residual) in zip(targets, cuts, rebuilt, strict=True):
            last = warp(cut, target, self.options)
            solutions[i].append(
                Solution(
                    sample(mapping, last)[0], None if residual is None else sample(residual, last)
                )
            )
        return solutions

    def _small(self, image: Tensor, work: Size) -> Tensor:
        """Return an image at its working size, (1, 3, h, w) in [0, 1]."""
        pixels = image.to(self.network.mean.device)[None].float()
        return (
            functional.interpolate(
                pixels, (work.height, work.width), mode="bilinear", antialias=True
            )
            / 255
        )

    def _layers(self, small: Tensor, saliency: Tensor | None) -> Layers:
        maps = self.network(small)
        levels = tuple(maps[tap] for tap in self.taps)
        height, width = small.shape[2:]
        factors = saliency_factors(saliency, self.options.attention, (height, width))
        factors = factors.to(small.device)
        emphasis = tuple(
            functional.adaptive_avg_pool2d(factors, (each.shape[2], each.shape[3]))
            for each in levels
        )
        mapping = identity(height, width, small.device)[None]
        return Layers(self.taps, levels, emphasis, mapping)

    def _carve(
        self, layers: Sequence[Layers], changes: Sequence[Sequence[int]]
    ) -> list[list[Layers]]:
        options = self.options
        return carve(
            layers,
            changes,
            seam_share=options.share,
            percentile=options.percentile,
            alpha=options.alpha,
            reach=reaches(self.taps, self.network.variant, options.receptive == "block"),
        )

    def _smooth(self, mapping: Tensor, work: Size) -> Tensor:
        """Blur a mapping if seams changed it."""
        if mapping.shape[2:] == (work.height, work.width):
            return mapping
        return smooth_mapping(mapping, self.options.smoothing, self.options.straightening)

    def _render(self, image: Tensor, solution: Solution, size: Size) -> Tensor:
        """Render a solution at the output's size."""
        source = size_of(image)
        if size == source:
            return image.cpu()
        work = self.working_size(source)
        mapping, residual = solution
        full = resize_mapping(
            mapping,
            (work.height, work.width),
            (source.height, source.width),
            (size.height, size.width),
        )
        pixels = render(image.to(mapping.device).float() / 255, full)
        if residual is not None:
            pixels = (
                pixels
                + functional.interpolate(
                    residual, (size.height, size.width), mode="bilinear", align_corners=False
                )[0]
            )
        return (pixels * 255).round().clamp(0, 255).to(torch.uint8).cpu()


def _scaled(size: Size, source: Size, work: Size) -> Size:
    """Convert a requested size of a source to working pixels."""
    return Size(
        max(1, round(size.width * work.width / source.width)),
        max(1, round(size.height * work.height / source.height)),
    )


class PaperDNR(DNR):
    """The retarget method DNR with the paper's values."""

    name: ClassVar[str] = "dnr-paper"
    summary: ClassVar[str] = "DNR with the paper's values: more seams, longer optimisation"
    time_limit: ClassVar[float] = 600.0
    """Default time limit for each ratio in seconds; a ratio takes 20, with VGG-19 minutes."""
    Options: ClassVar[type[DNROptions]] = PaperOptions

"""DNR: image resizing by reconstruction from deep features (Arar, Danon, Cohen-Or, Shamir, 2019).

```python
>>> method = load("dnr")                                     # our defaults
>>> [[narrow]] = method.retarget([photo], [[Size(480, 640)]])
>>> paper = load("dnr-paper", weights="vgg19")               # the paper's values
```

The solution is found at a working size and carried to the output's. There are two parts to it: a
*mapping* (which point of the source each pixel shows: seams, refinement and warp composed) and the
*residual* (what the reconstruction changed beyond moving pixels). The result samples the original
pixels through the enlarged mapping, so it is as sharp as the source, and adds the enlarged
residual, which is smooth but for the places where seams met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import RequestError
from ..geometry import Box, Size
from ..networks.vgg import VGG
from ..ops.warping import (
    axis_aligned_sizes,
    cells,
    column_widths,
    identity,
    positions,
    render,
    resize_mapping,
    sample,
    smooth_mapping,
)
from .base import Kind, as_tensor, size_of
from .deep_carving import PROTECTED, REMOVED, Carve, Layers, aggregate, carve, reaches
from .dnr_options import DNROptions, PaperOptions
from .reconstruction import reconstruct, refine

Mask = Tensor | Sequence[Box]
"""A part of an image: (H, W) bool in source pixels, or boxes."""

SHORTEST = 64
"""Images are enlarged for the network where their working size would be smaller, in pixels."""


class DNR:
    """The retarget method. Images are solved one by one, so none depends on its batch."""

    kind: ClassVar[Kind] = "retarget"
    name: ClassVar[str] = "dnr"
    summary: ClassVar[str] = "deep seams in VGG's feature space, and a warp that keeps shapes"
    weights: ClassVar[str | None] = "vgg19-slim"
    Options: ClassVar[type[DNROptions]] = DNROptions

    def __init__(self, network: VGG, options: DNROptions | None = None) -> None:
        self.network = network
        self.options = options or self.Options()
        self.taps = self.options.taps[::-1]
        """The deepest first."""

    @classmethod
    def from_weights(
        cls,
        state: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        options: DNROptions | None = None,
        *,
        device: torch.device | None = None,
    ) -> DNR:
        """Make the method from VGG's parameters.

        Args:
            state: torchvision's keys, any variant of `networks.vgg`.
            metadata: of the file; ``variant`` is used where it is there.
            options: what to do how.
            device: where it runs.
        """
        options = options or cls.Options()
        try:
            network = VGG.from_state(state, options.taps, metadata.get("variant"))
        except ValueError as error:
            raise RequestError(f"method {cls.name!r}: {error}") from None
        return cls(network.to(device or torch.device("cpu")), options)

    @torch.no_grad()
    def retarget(
        self,
        images: Sequence[Any],
        sizes: Sequence[Sequence[Size]],
        *,
        protect: Sequence[Mask | None] | None = None,
        remove: Sequence[Mask | None] | None = None,
    ) -> list[list[Tensor]]:
        """Return one image per image and size.

        Args:
            images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
            sizes: the sizes wanted of each image.
            protect: what must keep its shape, an entry an image.
            remove: what should go first, an entry an image.

        Returns:
            uint8 tensors (3, height, width) on the CPU. The source's own size gives the source.
        """
        results = []
        for index, image in enumerate(images):
            pixels = as_tensor(image)
            masks = [given[index] if given else None for given in (protect, remove)]
            solutions = self.solve(pixels, sizes[index], *masks)
            results.append(
                [self._render(pixels, s, z) for s, z in zip(solutions, sizes[index], strict=True)]
            )
        return results

    def working_size(self, size: Size) -> Size:
        """Return the size at which an image is solved."""
        scale = min(1.0, self.options.working / size.longest)
        scale = max(scale, SHORTEST / min(size.width, size.height))
        return Size(
            *(min(4096, max(SHORTEST, round(s * scale))) for s in (size.width, size.height))
        )

    @torch.no_grad()
    def solve(
        self,
        image: Tensor,
        sizes: Sequence[Size],
        protect: Mask | None = None,
        remove: Mask | None = None,
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Find mapping and residual for each size.

        Args:
            image: (3, H, W) uint8.
            sizes: the sizes wanted.
            protect: what must keep its shape.
            remove: what should go first.

        Returns:
            For each size the mapping (2, h, w), in pixels of the working size, and the residual
            (1, 3, h, w) in [-1, 1], None where there is none.
        """
        source = size_of(image)
        work = self.working_size(source)
        device = self.network.mean.device
        pixels = image.to(device).float()[None] / 255
        small = functional.interpolate(
            pixels, (work.height, work.width), mode="bilinear", antialias=True
        )
        layers = self._layers(small, self._emphasis(source, protect, remove))
        targets = [
            Size(
                max(1, round(size.width * work.width / source.width)),
                max(1, round(size.height * work.height / source.height)),
            )
            for size in sizes
        ]
        columns = {
            wide: self._carve(
                layers, [work.width - t.width for t in targets if (t.width > work.width) == wide]
            )
            for wide in {t.width > work.width for t in targets}
        }
        solutions: list[tuple[Tensor, Tensor | None]] = []
        for size, target in zip(sizes, targets, strict=True):
            if size == source:
                solutions.append((identity(work.height, work.width, device), None))
                continue
            cut = columns[target.width > work.width].apply(
                work.width - target.width, self.options.share
            )
            change = work.height - target.height
            cut = self._carve(cut.turned(), [change]).apply(change, self.options.share).turned()
            solutions.append(self._finish(small, cut, target))
        return solutions

    def _emphasis(self, source: Size, protect: Mask | None, remove: Mask | None) -> Tensor:
        """Return the factors on the importance that the masks ask for, (1, 1, H, W)."""
        factors = torch.ones(1, 1, source.height, source.width, device=self.network.mean.device)
        for mask, factor in ((protect, PROTECTED), (remove, REMOVED)):
            if mask is None:
                continue
            if not isinstance(mask, Tensor):
                boxes, mask = mask, torch.zeros(source.height, source.width, dtype=torch.bool)
                for box in boxes:
                    mask[box.y0 : box.y1, box.x0 : box.x1] = True
            if mask.shape != factors.shape[2:]:
                raise RequestError(
                    f"mask of shape {tuple(mask.shape)}: expected {tuple(factors.shape[2:])}"
                )
            factors[0, 0, mask.to(factors.device)] = factor
        return factors

    def _layers(self, small: Tensor, factors: Tensor) -> Layers:
        maps = self.network(small)
        emphasis = []
        for tap in self.taps:
            shape = maps[tap].shape[2:]
            least = -functional.adaptive_max_pool2d(-factors, shape)
            most = functional.adaptive_max_pool2d(factors, shape)
            # A position that touches what is protected is; what is removed comes after.
            emphasis.append(torch.where(most > 1, most, least))
        height, width = small.shape[2:]
        mapping = identity(height, width, small.device)[None]
        return Layers(self.taps, tuple(maps[t] for t in self.taps), tuple(emphasis), mapping)

    def _carve(self, layers: Layers, changes: Sequence[int]) -> Carve:
        options = self.options
        return carve(
            layers,
            changes,
            share=options.share,
            percentile=options.percentile,
            alpha=options.alpha,
            reach=reaches(self.taps, self.network.variant, options.receptive == "block"),
        )

    def _finish(self, small: Tensor, cut: Layers, target: Size) -> tuple[Tensor, Tensor | None]:
        """Reconstruct, refine and warp what the seams left."""
        options = self.options
        mapping, residual = cut.mapping, None
        weights = dict(zip(options.taps, options.lambdas, strict=True))
        wanted = {
            tap: (weights[tap], maps)
            for tap, maps in zip(cut.taps, cut.maps, strict=True)
            if weights[tap] > 0
        }
        # Without seams the target maps are those of the source itself, which reconstructs them.
        seamed = mapping.shape != (1, 2, *small.shape[2:])
        if seamed:
            mapping = smooth_mapping(mapping, options.smoothing, options.straightening)
        if wanted and seamed and options.iterations + options.refinement > 0:
            carved = sample(small, mapping)
            image = reconstruct(
                self.network,
                self._start(small, carved),
                wanted,
                options.iterations,
                options.learning_rate,
            )
            residual = image - carved
            moved = refine(
                self.network,
                image,
                wanted,
                options.cell,
                options.refinement,
                options.refinement_rate,
            )
            mapping, residual = sample(mapping, moved), sample(residual, moved)
        warp = self._warp(cut, target)
        mapping = sample(mapping, warp)
        return mapping[0], None if residual is None else sample(residual, warp)

    def _start(self, small: Tensor, carved: Tensor) -> Tensor:
        if self.options.initial == "carved":
            return carved
        if self.options.initial == "linear":
            return functional.interpolate(small, carved.shape[2:], mode="bilinear", antialias=True)
        generator = torch.Generator().manual_seed(self.options.seed)
        return torch.rand(carved.shape, generator=generator).to(carved.device)

    def _warp(self, cut: Layers, target: Size) -> Tensor:
        """Return the mapping (1, 2, h, w) from the target to what the seams left."""
        options = self.options
        importance = aggregate(cut, options.importance[::-1]) ** options.sharpness
        height, width = importance.shape
        across, down = cells(width, options.cell), cells(height, options.cell)
        grid = functional.adaptive_avg_pool2d(importance[None], (len(down), len(across)))[0].cpu()
        if options.warp == "columns":
            widths = column_widths(grid.mean(0), across, target.width)
            heights = column_widths(grid.mean(1), down, target.height)
        else:
            widths, heights = axis_aligned_sizes(
                grid,
                across,
                down,
                (target.width, target.height),
                smoothness=options.smoothness,
                least=options.least,
            )
        columns = positions(across, widths, target.width).float()
        rows = positions(down, heights, target.height).float()
        both = torch.stack(
            [columns.expand(target.height, -1), rows[:, None].expand(-1, target.width)]
        )
        return both[None].to(importance.device)

    def _render(self, image: Tensor, solution: tuple[Tensor, Tensor | None], size: Size) -> Tensor:
        """Carry a solution to the output's size."""
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


class PaperDNR(DNR):
    """DNR with the values of the paper."""

    name: ClassVar[str] = "dnr-paper"
    summary: ClassVar[str] = "DNR with the paper's values: more seams, longer optimisation"
    Options: ClassVar[type[DNROptions]] = PaperOptions

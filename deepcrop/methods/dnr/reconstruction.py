"""Reconstruct and refine pixels from feature maps (DNR, sections 3.2 and 3.3).

Both steps minimise Eq. 4 with Adam over a batch. Adam works element by element and the loss is a
sum over images, so images of a batch don't influence each other.

On GPUs, images that have one shape after carving are optimised together. A CPU processes one image
at a time, because a batch is slower there (8 images of 512x384 take 2.4 times as long each, because
they don't fit the cache).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ...networks.vgg import VGG
from ...ops.adam import Adam
from ...ops.interpolation import linear_interpolation_matrix
from ...ops.warping import identity, sample
from .carving import Layers, same_shape
from .options import DNROptions


def rebuild(
    network: VGG,
    sources: Sequence[Tensor],
    cuts: Sequence[Layers],
    mappings: Sequence[Tensor],
    options: DNROptions,
) -> list[tuple[Tensor, Tensor | None]]:
    """Reconstruct and refine carved images.

    Args:
        network: the frozen network.
        sources: the source of each image, (1, 3, H, W) RGB in [0, 1].
        cuts: the layers of each image after carving; their maps are the targets.
        mappings: the mapping of each carved image to its source, (1, 2, h, w).
        options: weights of the levels, steps, initialisation.

    Returns:
        For each image the mapping (1, 2, h, w) including the refinement, and the residual of the
        reconstruction (1, 3, h, w) in [-1, 1]; None for images that aren't optimised.
    """
    results: list[tuple[Tensor, Tensor | None]] = [(mapping, None) for mapping in mappings]
    weights = {t: w for t, w in zip(options.taps, options.lambdas, strict=True) if w > 0}
    if not weights or options.iterations + options.refinement == 0:
        return results
    # Without seams the target maps are the source's own, so there is nothing to reconstruct.
    seamed = [i for i, cut in enumerate(cuts) if cut.mapping.shape[2:] != sources[i].shape[2:]]
    for group in same_shape(cuts, seamed):
        most = options.batch if cuts[group[0]].mapping.is_cuda else 1
        for part in (group[start : start + most] for start in range(0, len(group), most)):
            carved = [sample(sources[i], mappings[i]) for i in part]
            starts = [_start(sources[i], one, options) for i, one in zip(part, carved, strict=True)]
            targets = {
                tap: (weights[tap], torch.cat(maps))
                for tap, *maps in zip(
                    cuts[part[0]].taps, *(cuts[i].maps for i in part), strict=True
                )
                if tap in weights
            }
            steps = (options.iterations, options.learning_rate)
            images = reconstruct(network, torch.cat(starts), targets, *steps)
            steps = (options.refinement, options.refinement_rate)
            moved = refine(network, images, targets, options.cell, *steps)
            residuals = sample(images - torch.cat(carved), moved)
            refined = sample(torch.cat([mappings[i] for i in part]), moved)
            for at, index in enumerate(part):
                results[index] = (refined[at : at + 1], residuals[at : at + 1])
    return results


def _start(source: Tensor, carved: Tensor, options: DNROptions) -> Tensor:
    """Return the image from which the reconstruction starts."""
    if options.initial == "carved":
        return carved
    if options.initial == "linear":
        return functional.interpolate(source, carved.shape[2:], mode="bilinear", antialias=True)
    generator = torch.Generator().manual_seed(options.seed)
    return torch.rand(carved.shape, generator=generator).to(carved.device)


def distance(network: VGG, images: Tensor, targets: Mapping[str, tuple[float, Tensor]]) -> Tensor:
    """Return the weighted sum of squared distances to the target maps (Eq. 4).

    Args:
        network: the network that computes the maps; layers deeper than the targets don't run.
        images: (B, 3, H, W), RGB in [0, 1].
        targets: weight and map (B, C, h, w) by tap. If a map of the images differs in size from its
            target by one position because of rounding, both are compared where they overlap.
    """
    total = images.new_zeros(())
    for tap, maps in network(images, tuple(targets)).items():
        weight, target = targets[tap]
        height, width = (min(a, b) for a, b in zip(maps.shape[2:], target.shape[2:], strict=True))
        difference = maps[..., :height, :width] - target[..., :height, :width]
        total = total + weight * difference.square().sum()
    return total


def reconstruct(
    network: VGG,
    start: Tensor,
    targets: Mapping[str, tuple[float, Tensor]],
    iterations: int,
    learning_rate: float,
) -> Tensor:
    """Change pixels until an image has the target maps (section 3.2).

    Args:
        network: the frozen network.
        start: the initial images (B, 3, H, W), RGB in [0, 1].
        targets: weight and map by tap, see `distance`.
        iterations: number of steps of Adam.
        learning_rate: learning rate of Adam, for pixels in [0, 1].

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    images = start.detach().clone().requires_grad_(True)
    optimiser = Adam(images, learning_rate)
    with torch.enable_grad():
        for _ in range(iterations):
            images.grad = None
            distance(network, images, targets).backward()
            optimiser.step()
    return images.detach().clamp(0, 1)


def refine(
    network: VGG,
    images: Tensor,
    targets: Mapping[str, tuple[float, Tensor]],
    cell: int,
    iterations: int,
    learning_rate: float,
) -> Tensor:
    """Move pixels, without changing them, until an image fits the target maps better (3.3).

    Args:
        network: the frozen network.
        images: (B, 3, H, W), the reconstruction.
        targets: weight and map by tap, see `distance`.
        cell: distance of the nodes of the moving grid in pixels.
        iterations: number of steps of Adam.
        learning_rate: learning rate of Adam, in half sides of the image (as a grid sampler's).

    Returns:
        The mapping (B, 2, H, W) from the refined image to ``images``, in pixels.
    """
    height, width = images.shape[2:]
    down, across = (_interpolation(side, cell).to(images) for side in (height, width))
    nodes = images.new_zeros(images.shape[0], 2, down.shape[1], across.shape[1])
    nodes.requires_grad_(True)
    half_sides = images.new_tensor([width / 2, height / 2])[:, None, None]
    still = identity(height, width, images.device)

    def mapping() -> Tensor:
        return still + half_sides * (down @ nodes @ across.T)

    optimiser = Adam(nodes, learning_rate)
    with torch.enable_grad():
        for _ in range(iterations):
            nodes.grad = None
            distance(network, sample(images, mapping()), targets).backward()
            optimiser.step()
    return mapping().detach()


def _interpolation(side: int, cell: int) -> Tensor:
    """Return the weights, (side, nodes), of a grid whose nodes are about ``cell`` pixels apart."""
    count = max(2, round(side / cell) + 1)
    at = (torch.arange(side) + 0.5) / side * (count - 1)
    return linear_interpolation_matrix(at, count)

"""Metrics of retargeted images: those that papers report, and one that agrees better with people.

Over 3,027 pairwise human votes on RetargetMe, the semantic score picks the preferred result in 54%
of pairs and FRR in 43%; people agree with each other in 70%. People prefer results that keep
shapes, so `aspect_ratio_similarity` is reported too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..ops import fields, patchmatch
from ..ops.registration import register
from ..ops.warping import sample


def semantic_score(result: Tensor, source: Tensor) -> tuple[float, float]:
    """Compare the strength of deep activations of a result with the source's (DNR, Eq. 5).

    Args:
        result: (C, H, W), a feature map of the retargeted image; the paper's is block5_conv1.
        source: (C, H', W'), the feature map of the source at the same layer.

    Returns:
        The ratio of the norms, and its square (the paper doesn't say which one its table holds).
    """
    ratio = (result.double().norm() / source.double().norm()).item()
    return ratio, ratio**2


def feature_remain_ratio(result: Sequence[Tensor], source: Sequence[Tensor]) -> float:
    """Return the feature remain ratio FRR (DeepIR, Eq. 8).

    Args:
        result: (C, H, W) feature maps of the retargeted image; the paper's are relu1_1 to relu4_1.
        source: the feature maps of the source at the same layers.

    Returns:
        The mean over the levels of the ratio of the sums of activations; higher is better, and the
        identity gives 1.
    """
    ratios = [
        (ours.double().sum() / theirs.double().sum()).item()
        for ours, theirs in zip(result, source, strict=True)
    ]
    return sum(ratios) / len(ratios)


def matched_dissimilarity(
    result: Sequence[Tensor], source: Sequence[Tensor]
) -> tuple[float, float]:
    """Return the feature dissimilarity FD to the best matches in the source (DeepIR, Eq. 9).

    The field phi is searched in one way for results of all methods: exactly at the deepest level,
    and by PatchMatch from there at the other levels.

    Args:
        result: (C, H, W) feature maps of the retargeted image, the shallowest first, each half as
            high and wide as the one before; the paper's are relu1_1 to relu4_1.
        source: the feature maps of the source at the same layers.

    Returns:
        The mean over the levels of the mean square difference: of raw features, and of features
        scaled to length 1 at each position (the paper's printed scale can't be a raw sum). Lower is
        better.
    """
    raw, unit = 0.0, 0.0
    field = None
    for ours, theirs in reversed(list(zip(result, source, strict=True))):
        ours, theirs = ours[None], theirs[None]
        if field is None:
            field, _ = patchmatch.exhaustive(ours, theirs)
        else:
            start = fields.doubled(field, ours.shape[2], ours.shape[3])
            field, _ = patchmatch.search(ours, theirs, start, settled=0.01)
        matched = sample(theirs, field)
        raw += (matched - ours).square().mean().item()
        ours, matched = functional.normalize(ours, dim=1), functional.normalize(matched, dim=1)
        unit += (matched - ours).square().sum(1).mean().item()
    return raw / len(result), unit / len(result)


def saliency_discard_ratio(kept: float, total: float) -> float:
    """Return the share of the saliency that a result has lost, 0 (none) to 1."""
    return 1.0 - kept / total if total > 0 else 0.0


def block_changes(
    columns: Tensor, rows: Tensor, height: int, width: int, block: int
) -> tuple[Tensor, Tensor]:
    """Measure the change of each block of the source in the result.

    Args:
        columns: (H, W) source column of each pixel of the result.
        rows: (H, W) source row of each pixel of the result.
        height: height of the source in pixels.
        width: width of the source in pixels.
        block: side of the blocks in pixels; incomplete blocks at the end are left out.

    Returns:
        Width ratio and height ratio, each (height // block, width // block): the mean length of
        the runs that a block's pixels form in the rows (columns) of the result, divided by
        ``block``; 0 if nothing of the block is left. By this measure a sheared block is narrower or
        lower than its bounding box.
    """
    down, across = height // block, width // block
    y, x = rows // block, columns // block
    inside = ((y < down) & (x < across)).flatten()
    cell = (y * across + x).flatten()[inside]
    where = [
        t.flatten()[inside]
        for t in torch.meshgrid(
            torch.arange(rows.shape[0]), torch.arange(rows.shape[1]), indexing="ij"
        )
    ]
    cells = down * across
    pixels = torch.bincount(cell, minlength=cells).double()
    ratios = []
    for line in where:
        lines = int(max(rows.shape))
        touched = torch.bincount(cell * lines + line, minlength=cells * lines).view(cells, lines)
        count = (touched > 0).sum(1).clamp_min(1)
        ratios.append((pixels / count / block).view(down, across))
    return ratios[0], ratios[1]


def shape_similarity(width_ratio: Tensor, height_ratio: Tensor, alpha: float = 0.3) -> Tensor:
    """Score the change of blocks: 1 is unchanged, 0 is removed (Zhang et al., IEEE TIP 2016).

    Args:
        width_ratio: the width ratio of each block, in any shape, at least 0.
        height_ratio: the height ratio of each block, in the shape of ``width_ratio``.
        alpha: weight of the loss of content relative to the change of the aspect ratio.
    """
    product, squares = width_ratio * height_ratio, width_ratio.square() + height_ratio.square()
    size = (width_ratio + height_ratio) / 2
    return (2 * product + 1e-6) / (squares + 1e-6) * torch.exp(-alpha * (size - 1).square())


def register_blocks(
    result: Tensor, source: Tensor, *, side: int = 192, block: int = 8
) -> tuple[Tensor, Tensor]:
    """Register a result to its source and measure the change of each block of the source.

    Args:
        result: (3, H, W), RGB in [0, 1].
        source: (3, H', W'), RGB in [0, 1].
        side: longest edge of the source during the registration, in pixels.
        block: side of the blocks at that scale, in pixels.

    Returns:
        Width ratio and height ratio of each block, as from `block_changes`.
    """
    scale = side / max(source.shape[1:])

    def small(image: Tensor) -> Tensor:
        size = [max(block, round(s * scale)) for s in image.shape[1:]]
        return functional.interpolate(image[None], size, mode="bilinear", antialias=True)[0]

    source = small(source)
    columns, rows = register(small(result), source)
    return block_changes(columns, rows, source.shape[1], source.shape[2], block)


def aspect_ratio_similarity(ratios: tuple[Tensor, Tensor], importance: Tensor) -> float:
    """Score how well the shapes of important parts are kept (ARS, Zhang et al., 2016).

    The result is registered densely to the source; each block of the source is scored by the change
    of its aspect ratio and its loss of content, weighted by importance. This implementation differs
    from the authors' in the registration (see `ops.registration`), and shear counts as distortion.

    Args:
        ratios: width and height ratio of each block of the source, from `register_blocks`.
        importance: (h, w), importance of the source at any resolution, not negative.

    Returns:
        0 to 1; the identity gives 1.
    """
    scores = shape_similarity(*ratios)
    weights = functional.interpolate(
        importance.double()[None, None], scores.shape, mode="bilinear", antialias=True
    )[0, 0].clamp_min(0)
    if weights.sum() <= 0:
        weights = torch.ones_like(weights)
    return ((scores * weights).sum() / weights.sum()).item()

"""Saliency metrics, with the definitions of pysaliency and of the MIT/Tuebingen benchmark.

A saliency map and a density are arrays ``(H, W)``; fixations are cells ``(n, 2)`` of it, (row,
column). Where a metric needs a density, any map is first made non-negative and summing to 1.
Higher is better for all but :func:`kl_divergence`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Cells = NDArray[np.int64]


def cells(points: ArrayLike, height: int, width: int) -> Cells:
    """Convert fixations (x, y) in 0..1 to cells (row, column) of an ``(height, width)`` grid."""
    values = np.asarray(points, np.float64).reshape(-1, 2)
    row = np.clip(np.floor(values[:, 1] * height), 0, height - 1)
    column = np.clip(np.floor(values[:, 0] * width), 0, width - 1)
    return np.stack([row, column], 1).astype(np.int64)


def density(saliency: ArrayLike) -> Floats:
    """Shift a map up so that nothing is negative, and scale it to sum to 1."""
    values = np.asarray(saliency, np.float64)
    values = values - min(values.min(), 0.0)
    if not values.any():
        return np.full(values.shape, 1 / values.size)
    return values / values.sum()


def standardise(saliency: ArrayLike) -> Floats:
    """Scale a map to mean 0 and standard deviation 1; a constant map to zeros."""
    values = np.asarray(saliency, np.float64)
    spread = values.std()
    if spread == 0:
        return np.zeros_like(values)
    return (values - values.mean()) / spread


def correlation(saliency: ArrayLike, truth: ArrayLike) -> float:
    """CC: Pearson correlation of two maps, -1 to 1."""
    return float((standardise(saliency) * standardise(truth)).mean())


def kl_divergence(saliency: ArrayLike, truth: ArrayLike, eps: float = 2.2204e-16) -> float:
    """KL: nats lost when the map stands for the true density; 0 is perfect.

    ``sum q log(eps + q / (p + eps))``, as in pysaliency's image-based KL divergence and in the
    MIT benchmark's code.
    """
    p, q = density(saliency), density(truth)
    return float((q * np.log(eps + q / (p + eps))).sum())


def similarity(saliency: ArrayLike, truth: ArrayLike) -> float:
    """SIM: histogram intersection of two densities, 0 to 1."""
    return float(np.minimum(density(saliency), density(truth)).sum())


def nss(saliency: ArrayLike, fixations: Cells) -> float:
    """NSS: the standardised map's mean at the fixations; 0 is chance."""
    return float(standardise(saliency)[fixations[:, 0], fixations[:, 1]].mean())


def auc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Area under the ROC curve: how often a positive beats a negative, a tie counting half.

    This is the area under the curve through every threshold, joined by straight lines.
    """
    positive = np.asarray(positives, np.float64).ravel()
    negative = np.sort(np.asarray(negatives, np.float64).ravel())
    below = np.searchsorted(negative, positive, "left")
    upto = np.searchsorted(negative, positive, "right")
    return float((below + upto).sum() / (2 * len(positive) * len(negative)))


def auc_judd(saliency: ArrayLike, fixations: Cells) -> float:
    """AUC-Judd: fixated against all cells of the map (pysaliency: ``nonfixations='uniform'``)."""
    values = np.asarray(saliency, np.float64)
    return auc(values[fixations[:, 0], fixations[:, 1]], values)


def auc_shuffled(saliency: ArrayLike, fixations: Cells, others: Cells) -> float:
    """Shuffled AUC: fixated cells against cells fixated in other photos.

    A map of the centre alone scores about 0.5 here, because people look at the centre of every
    photo (pysaliency: ``nonfixations='shuffled'``).

    Args:
        saliency: the map.
        fixations: of this photo.
        others: fixations of other photos, moved to this map's grid by their relative place.
    """
    values = np.asarray(saliency, np.float64)
    return auc(
        values[fixations[:, 0], fixations[:, 1]],
        values[others[:, 0], others[:, 1]],
    )

"""Saliency metrics, with the definitions of pysaliency and of the MIT/Tuebingen benchmark.

A saliency map and a density are arrays ``(H, W)``; fixations are cells ``(n, 2)`` of the map as
(row, column). If a metric needs a density, maps are first made non-negative and scaled to sum to 1.
Higher is better for all metrics except :func:`kl_divergence`.
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
    """Shift a map so that it is non-negative, and scale it to sum to 1."""
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
    """Return CC, the Pearson correlation of two maps, -1 to 1."""
    return float((standardise(saliency) * standardise(truth)).mean())


def kl_divergence(saliency: ArrayLike, truth: ArrayLike, eps: float = 2.2204e-16) -> float:
    """Return KL, the divergence of the true density from the map in nats; 0 is perfect.

    It is ``sum q log(eps + q / (p + eps))``, as in pysaliency's image-based KL divergence and in
    the MIT benchmark's code.
    """
    p, q = density(saliency), density(truth)
    return float((q * np.log(eps + q / (p + eps))).sum())


def similarity(saliency: ArrayLike, truth: ArrayLike) -> float:
    """Return SIM, the histogram intersection of two densities, 0 to 1."""
    return float(np.minimum(density(saliency), density(truth)).sum())


def nss(saliency: ArrayLike, fixations: Cells) -> float:
    """Return NSS, the standardised map's mean at the fixations; 0 is chance."""
    return float(standardise(saliency)[fixations[:, 0], fixations[:, 1]].mean())


def auc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Return the area under the ROC curve: how often positives exceed negatives; ties count half.

    This is the area under the curve through all thresholds, joined by straight lines.
    """
    positive = np.asarray(positives, np.float64).ravel()
    negative = np.sort(np.asarray(negatives, np.float64).ravel())
    below = np.searchsorted(negative, positive, "left")
    upto = np.searchsorted(negative, positive, "right")
    return float((below + upto).sum() / (2 * len(positive) * len(negative)))


def auc_judd(saliency: ArrayLike, fixations: Cells) -> float:
    """Return AUC-Judd: fixated cells against all cells (pysaliency: ``nonfixations='uniform'``)."""
    values = np.asarray(saliency, np.float64)
    return auc(values[fixations[:, 0], fixations[:, 1]], values)


def auc_shuffled(saliency: ArrayLike, fixations: Cells, others: Cells) -> float:
    """Return the shuffled AUC: fixated cells against cells fixated in other photos.

    A map with only a peak at the centre scores about 0.5, because people look at the centre of
    every photo (pysaliency: ``nonfixations='shuffled'``).

    Args:
        saliency: the saliency map.
        fixations: the fixations of this photo.
        others: fixations of other photos, mapped to this map's grid by their relative place.
    """
    values = np.asarray(saliency, np.float64)
    return auc(
        values[fixations[:, 0], fixations[:, 1]],
        values[others[:, 0], others[:, 1]],
    )

"""Read boxes of objects off the maps of the saliency network, without PyTorch.

The maps are CenterNet's (X. Zhou, D. Wang, P. Kraehenbuehl, "Objects as Points", arXiv 1904.07850):
at stride 8, each cell predicts whether an object is centred in it, and the object's place and size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TAPS = (6, 13, 17)
"""Indices of the trunk's blocks that the heads read; the first has stride 8, the others are
coarser."""
CHANNELS_OF = {"people": 5, "animals": 5, "subject": 1, "text": 1}
"""Number of channels of each map of a scene; those of objects are CenterNet's."""
OVERLAP = 0.3
"""Intersection over union (0..1) above which two boxes are the same object."""
FACE_THRESHOLD = 0.3
"""Least probability (0..1) of a face; the model card gives the resulting precision and recall."""
ANIMAL_THRESHOLD = 0.25
"""Least probability (0..1) of an animal's head; see the model card."""


def read_objects(found: Floats, threshold: float) -> Floats:
    """Return the objects of one image, by descending probability.

    Args:
        found: the map ``(5, h, w)``: the logit of an object's centre, the centre's offsets to the
            right of and below the cell's centre, and the natural logarithms of width and height,
            in cells.
        threshold: least probability of an object, 0..1.

    Returns:
        ``(n, 5)`` float32: x0, y0, x1, y1 in 0..1 of the image's sides, and the probability.
    """
    score = sigmoid(found[0])
    rows, columns = np.nonzero((score >= threshold) & (score == _highest_around(score)))
    right, down, width, height = found[1:, rows, columns]
    x, y = columns + np.float32(0.5) + right, rows + np.float32(0.5) + down
    width, height = np.exp(width) / 2, np.exp(height) / 2
    boxes = np.stack([x - width, y - height, x + width, y + height], 1)
    sides = np.array([score.shape[1], score.shape[0]] * 2)
    boxes = (boxes / sides).clip(0, 1).astype(np.float32)
    sure = score[rows, columns]
    return np.concatenate([boxes, sure[:, None]], 1)[nms(boxes, sure, OVERLAP)]


def nms(boxes: Floats, scores: Floats, overlap: float) -> list[int]:
    """Suppress the boxes that overlap one of a higher score (non-maximum suppression).

    It replaces torchvision.ops.nms, whose import takes longer than a process spends on faces.

    Args:
        boxes: ``(n, 4)``: x0, y0, x1, y1.
        scores: ``(n,)``.
        overlap: largest IoU (0..1) of two boxes that are kept.

    Returns:
        The indices of the boxes that are kept, by descending score.
    """
    low = np.maximum(boxes[:, None, :2], boxes[:, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[:, 2:])
    common = (high - low).clip(min=0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    overlapping = common > overlap * (area[:, None] + area - common)
    chosen: list[int] = []
    for each in np.argsort(-scores, kind="stable").tolist():
        if not any(overlapping[each, other] for other in chosen):
            chosen.append(each)
    return chosen


def sigmoid(logits: Floats) -> Floats:
    """Return the probabilities of logits."""
    with np.errstate(over="ignore"):  # a probability of 0
        return np.reciprocal(1 + np.exp(-logits), dtype=np.float32)


def _highest_around(score: Floats) -> Floats:
    """Return the largest score of each cell and the eight around it."""
    height, width = score.shape
    padded = np.full((height + 2, width + 2), -np.inf, score.dtype)
    padded[1:-1, 1:-1] = score
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])

"""The measures, on changes whose answer is known."""

import pytest
import torch
from torch.nn import functional

from deepcrop.metrics.retargeting import (
    aspect_ratio_similarity,
    block_changes,
    register_blocks,
    saliency_discard_ratio,
    semantic_score,
    shape_similarity,
)
from deepcrop.ops.warping import identity


def test_semantic_score_is_the_ratio_of_norms():
    source = torch.rand(4, 6, 8, generator=torch.Generator().manual_seed(0))
    assert semantic_score(source, source) == pytest.approx((1, 1))
    assert semantic_score(source / 2, source) == pytest.approx((0.5, 0.25))
    half = source[:, :, :4]
    assert semantic_score(half, source)[1] == pytest.approx(
        (half.square().sum() / source.square().sum()).item()
    )


def test_saliency_discard_ratio():
    assert saliency_discard_ratio(3.0, 4.0) == 0.25
    assert saliency_discard_ratio(0.0, 0.0) == 0.0


def test_blocks_of_known_changes():
    still = identity(16, 32).long()
    width, height = block_changes(still[0], still[1], 16, 32, 8)
    assert (width == 1).all()
    assert (height == 1).all()
    # Every second column: half as wide; the right half cut away: nothing left of it.
    width, height = block_changes(still[0][:, :8] * 2, still[1][:, :8], 16, 32, 8)
    assert width.tolist() == [[0.5, 0.5, 0, 0]] * 2
    assert height.tolist() == [[1, 1, 0, 0]] * 2


def test_shape_similarity_prefers_uniform_to_bent():
    one = torch.ones(3)
    assert shape_similarity(one, one).tolist() == pytest.approx([1, 1, 1])
    values = shape_similarity(torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.5, 1.0, 0.0]))
    assert values[0] > values[1] > values[2]


def test_similarity_counts_where_it_matters():
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, 12, 16, generator=generator)
    source = functional.interpolate(noise, (144, 192), mode="bicubic", align_corners=False)[0]
    source = source.clamp(0, 1)
    importance = torch.zeros(12, 16)
    importance[3:9, 9:14] = 1
    assert aspect_ratio_similarity(register_blocks(source, source), importance) == pytest.approx(1)
    crop = aspect_ratio_similarity(register_blocks(source[:, :, 84:180], source), importance)
    wrong = aspect_ratio_similarity(register_blocks(source[:, :, :96], source), importance)
    squeezed = functional.interpolate(source[None], (144, 96), mode="bilinear", antialias=True)[0]
    scaled = aspect_ratio_similarity(register_blocks(squeezed, source), importance)
    assert crop > 0.95
    assert scaled == pytest.approx(0.785, abs=0.05)
    assert wrong < scaled < crop

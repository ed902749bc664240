"""The view ranker: its pyramid and its loss."""

import pytest
import torch
import torch.nn.functional as F

from deepcrop.networks.cagic.aesthetics import (
    ViewRanker,
    ViewRankerOptions,
    ranking_loss,
)


def test_the_light_rankers_pyramid_is_that_of_separate_poolings():
    ranker = ViewRanker(ViewRankerOptions(channels=3, embedding=4))
    x = torch.randn(2, 3, 14, 14)
    expected = torch.cat([F.adaptive_max_pool2d(x, n).flatten(1) for n in (1, 2, 4)], 1)
    assert torch.equal(ranker.pool(x), expected)
    assert ranker(x).shape == (2,)


def test_the_ranking_loss_is_a_hinge_with_margin_one():
    better, worse = torch.tensor([3.0, 1.0, 0.0]), torch.tensor([1.0, 0.5, 2.0])
    assert ranking_loss(better, worse).item() == pytest.approx((0 + 0.5 + 3) / 3)

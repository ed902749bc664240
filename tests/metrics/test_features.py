"""FRR and FD of DeepIR, on maps whose answers are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from deepcrop.metrics.retargeting import feature_remain_ratio, matched_dissimilarity


def levels(seed: int) -> list[Tensor]:
    noise = torch.rand(6, 16, 24, generator=torch.Generator().manual_seed(seed))
    return [noise, functional.avg_pool2d(noise, 2), functional.avg_pool2d(noise, 4)]


def test_remain_ratio_is_the_mean_of_the_levels_ratios() -> None:
    source = [torch.full((2, 4, 10), 3.0), torch.full((4, 2, 5), 1.0)]
    result = [torch.full((2, 4, 5), 3.0), torch.full((4, 2, 2), 1.0)]
    assert feature_remain_ratio(result, source) == pytest.approx((0.5 + 0.4) / 2)
    assert feature_remain_ratio(source, source) == 1


def test_crop_is_not_dissimilar_and_noise_is() -> None:
    source = levels(0)
    crop = [each[..., : each.shape[2] // 2] for each in source]
    noise = [each[..., : each.shape[2] // 2] for each in levels(1)]
    same, same_unit = matched_dissimilarity(crop, source)
    other, other_unit = matched_dissimilarity(noise, source)
    assert same < 1e-6
    assert same_unit < 1e-6
    assert other > 1e-3
    assert other_unit > 1e-3

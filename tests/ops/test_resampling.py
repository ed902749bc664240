"""Uniform re-sampling: Figure 3 of DeepIR, and the cases that Eq. 4 leaves open."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepcrop.ops import resampling

weights = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=60)


def test_figure_3_five_columns_to_two() -> None:
    """s(5) = 1.2, three columns to remove, hence tau = 0.4: samples at 0.4, 0.8 and 1.2."""
    obscurity = torch.tensor([0.0, 0.3, 0.2, 0.45, 0.25], dtype=torch.float64)
    # cumulative: 0, 0.3, 0.5, 0.95, 1.2: the bins (0.3, 0.5], (0.5, 0.95], (0.95, 1.2].
    assert obscurity.sum().item() == pytest.approx(1.2)
    assert resampling.removed(obscurity, 3).tolist() == [2, 3, 4]
    assert resampling.kept(obscurity, 2).tolist() == [0, 1]


def test_last_sample_is_removed_where_the_paper_s_strict_inequality_never_fires() -> None:
    obscurity = torch.tensor([0.5, 0.5, 0.5, 0.5])
    assert resampling.removed(obscurity, 1).tolist() == [3]
    assert resampling.removed(obscurity, 2).tolist() == [1, 3]


def test_last_sample_skips_trailing_columns_without_obscurity() -> None:
    assert resampling.removed(torch.tensor([1.0, 1.0, 0.0]), 1).tolist() == [1]


def test_collision_moves_to_the_nearest_free_column_the_more_obscure_first() -> None:
    """All three samples fall into the bin of column 2."""
    obscurity = torch.tensor([0.0, 0.01, 1.0, 0.02, 0.0])
    assert resampling.removed(obscurity, 2).tolist() == [2, 3]
    assert resampling.removed(obscurity, 3).tolist() == [1, 2, 3]


def test_zero_obscurity_everywhere_still_removes_the_count() -> None:
    assert resampling.removed(torch.zeros(5), 3).numel() == 3


@given(weights, st.data())
def test_exactly_the_requested_count(values: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(values)))
    columns = resampling.removed(torch.tensor(values), count).tolist()
    assert len(columns) == len(set(columns)) == count
    assert columns == sorted(columns)
    assert all(0 <= column < len(values) for column in columns)


@given(weights, st.integers(1, 200))
def test_any_width_is_reached_in_order(values: list[float], target: int) -> None:
    tensor = torch.tensor(values)
    for choose in (resampling.kept, resampling.least_important, resampling.best_window):
        columns = choose(tensor, target).tolist()
        assert len(columns) == target
        assert columns == sorted(columns)
        assert 0 <= columns[0] <= columns[-1] < len(values)


@given(weights, st.integers(0, 60))
def test_wider_keeps_every_column(values: list[float], more: int) -> None:
    columns = resampling.kept(torch.tensor(values), len(values) + more).tolist()
    assert set(columns) == set(range(len(values)))


def test_doubling_a_constant_map_repeats_evenly() -> None:
    counts = torch.bincount(resampling.kept(torch.ones(64), 128))
    assert counts.min() == 1
    assert counts.max() <= 3


@pytest.mark.parametrize("target", [1, 20, 50, 99, 100])
def test_constant_map_is_sampled_uniformly(target: int) -> None:
    flat = resampling.obscurity(torch.full((7, 100), 3.0))
    gaps = resampling.removed(flat, target).diff()
    assert gaps.numel() == target - 1
    if gaps.numel():
        assert gaps.max() - gaps.min() <= 1


def test_important_columns_stay() -> None:
    importance = torch.zeros(10, 40)
    importance[:, 10:20] = 5.0
    columns = resampling.kept(resampling.obscurity(importance), 25).tolist()
    assert set(range(10, 20)) <= set(columns)


def test_obscurity_runs_from_zero_at_the_most_important_to_one() -> None:
    importance = torch.tensor([[1.0, 5.0, 3.0]])
    assert resampling.obscurity(importance).tolist() == [1.0, 0.0, 0.5]


def test_importance_map_sums_the_channels() -> None:
    features = torch.arange(24.0).view(2, 3, 4)
    assert torch.equal(resampling.importance_map(features), features.double().sum(0))


def test_column_removal_takes_the_most_obscure_wherever_they_are() -> None:
    obscurity = torch.tensor([0.1, 0.9, 0.8, 0.2])
    assert resampling.least_important(obscurity, 2).tolist() == [0, 3]
    assert resampling.least_important(obscurity, 5).tolist() == [0, 1, 1, 2, 3]


def test_crop_is_the_window_of_least_obscurity() -> None:
    assert resampling.best_window(torch.tensor([1.0, 1, 0, 0, 1, 1]), 2).tolist() == [2, 3]
    assert resampling.best_window(torch.ones(7), 3).tolist() == [2, 3, 4]
    assert resampling.best_window(torch.ones(2), 5).tolist() == [0, 0, 1, 1, 1]


def test_scaling_is_symmetric_and_inside() -> None:
    columns = resampling.scaled(8, 4)
    assert columns.tolist() == [0.5, 2.5, 4.5, 6.5]
    assert resampling.scaled(4, 8).min() == 0


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be removed"):
        resampling.removed(torch.ones(3), 4)

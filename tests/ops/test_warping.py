"""Exact totals, kept shapes, and mappings that sample what they say."""

import pytest
import torch

from deepcrop.ops.warping import (
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


@pytest.mark.parametrize("target", [3.0, 40.0, 77.5, 100.0, 131.0, 400.0])
def test_columns_sum_to_the_target_and_none_moves_the_wrong_way(target):
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        importance = torch.rand(7, generator=generator) ** 4
        sizes = torch.tensor([16.0] * 6 + [4.0])
        widths = column_widths(importance, sizes, target)
        assert widths.sum().item() == pytest.approx(target, abs=1e-9)
        change = widths - sizes
        assert (change <= 1e-9).all() if target <= 100 else (change >= -1e-9).all()


def test_columns_are_proportional_to_importance_where_none_is_full():
    widths = column_widths(torch.tensor([1.0, 2.0, 3.0]), torch.full((3,), 10.0), 12.0)
    assert widths.tolist() == pytest.approx([2, 4, 6])


def test_what_a_full_column_cannot_take_goes_to_the_others():
    # Eq. 3 would give 2.5, 2.5 and 20: the third stays at 10 and the others share 15.
    widths = column_widths(torch.tensor([1.0, 1.0, 8.0]), torch.full((3,), 10.0), 25.0)
    assert widths.tolist() == pytest.approx([7.5, 7.5, 10])


def energy(importance, widths, heights, columns, rows, smoothness):
    area = heights[:, None] * widths
    weights = importance * area / (importance * area).sum() + 1e-3 * area / area.sum()
    x, y = columns / widths, rows / heights
    shape = (weights * (x - y[:, None]).square()).sum()
    bends = sum((s.diff() ** 2).sum() / len(s) for s in (x, y))
    return (shape + smoothness * bends).item()


@pytest.mark.parametrize("target", [(60.0, 80.0), (150.0, 80.0), (50.0, 40.0)])
def test_axis_aligned_sizes_are_a_minimum(target):
    generator = torch.Generator().manual_seed(2)
    importance = torch.rand(5, 7, generator=generator, dtype=torch.float64) ** 3
    widths, heights = (torch.full((n,), 16.0, dtype=torch.float64) for n in (7, 5))
    given = {"smoothness": 0.05, "min_scale": 0.3}
    columns, rows = axis_aligned_sizes(importance, widths, heights, target, **given)
    assert (columns.sum().item(), rows.sum().item()) == pytest.approx(target)
    bounds = (0.3 * target[0] / 112, 0.3 * target[1] / 80)
    assert (columns / widths >= bounds[0] - 1e-9).all()
    assert (rows / heights >= bounds[1] - 1e-9).all()
    best = energy(importance, widths, heights, columns, rows, 0.05)
    for _ in range(200):
        near = []
        for sizes, bound in ((columns, bounds[0] * 16), (rows, bounds[1] * 16)):
            step = torch.randn(len(sizes), generator=generator, dtype=torch.float64)
            moved = (sizes + 0.3 * (step - step.mean())).clamp_min(bound)
            near.append(moved * sizes.sum() / moved.sum())
        if all((n / 16 >= b - 1e-12).all() for n, b in zip(near, bounds, strict=True)):
            assert energy(importance, widths, heights, *near, 0.05) >= best - 1e-12


def test_the_important_part_keeps_its_shape():
    importance = torch.zeros(6, 8)
    importance[2:4, 3:5] = 1
    across, down = cells(128, 16), cells(96, 16)
    columns, rows = axis_aligned_sizes(
        importance, across, down, (64, 96), smoothness=0.01, min_scale=0.1
    )
    aspect = (columns[3:5].sum() / rows[2:4].sum()).item()
    assert aspect == pytest.approx(1.0, abs=0.1)


def test_cells_cover_the_side():
    assert cells(50, 16).tolist() == [16, 16, 18]
    assert cells(5, 16).tolist() == [5]


def test_positions_of_an_unchanged_axis_are_whole_numbers():
    sizes = cells(37, 16)
    assert torch.allclose(positions(sizes, sizes, 37), torch.arange(37.0).double())
    half = positions(torch.tensor([4.0, 4.0]), torch.tensor([2.0, 4.0]), 6)
    assert half.tolist() == pytest.approx([0.5, 2.5, 4, 5, 6, 7])


def test_the_identity_renders_the_image_itself():
    image = torch.rand(3, 20, 31, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(render(image, identity(20, 31), rows=7), image, atol=1e-5, rtol=0)
    moved = identity(20, 31)
    moved[0] += 2
    torch.testing.assert_close(
        sample(image[None], moved[None])[0, :, :, :-2], image[:, :, 2:], atol=1e-5, rtol=0
    )


def test_a_squeeze_is_averaged_not_aliased():
    stripes = (torch.arange(64) % 2).float().expand(3, 16, -1)
    mapping = identity(16, 16)
    mapping[0] = mapping[0] * 4 + 1.5
    assert (render(stripes, mapping)[:, :, 2:-2] - 0.5).abs().max() < 0.1


def test_a_mapping_carried_to_full_resolution_still_changes_nothing():
    full = resize_mapping(identity(30, 40), (30, 40), (307, 401), (307, 401))
    torch.testing.assert_close(full, identity(307, 401), atol=1e-3, rtol=0)


def test_a_shift_grows_with_the_resolution():
    shifted = identity(30, 40)
    shifted[0] += 3
    full = resize_mapping(shifted, (30, 40), (300, 400), (300, 400))
    torch.testing.assert_close(full[0] - identity(300, 400)[0], torch.full((300, 400), 30.0))


def test_smoothing_squeezes_instead_of_tearing_and_keeps_crops():
    mapping = identity(20, 40)[None]
    assert torch.allclose(smooth_mapping(mapping + 3, 4.0, 8.0), mapping + 3, atol=1e-4)
    mapping[:, 0, :, 20:] += 10  # ten columns are gone in the middle
    smooth = smooth_mapping(mapping, 4.0, 8.0)
    assert smooth[0, 0].diff(dim=1).min() > 0.9
    assert smooth[0, 0].diff(dim=1).max() < 3
    assert smooth[0, 0, 0, -1].item() == pytest.approx(49, abs=0.1)
    assert smooth_mapping(mapping, 0.0, 0.0) is mapping

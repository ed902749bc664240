"""Seam carving, against a search over every seam."""

import itertools

import pytest
import torch

from deepcrop.ops.seams import (
    affordable,
    carve,
    doubled_columns,
    footprint,
    hierarchical_carve,
    kept_columns,
    minimal_seam,
    sample_columns,
    seams_at,
)


def every_seam(height, width):
    for start in range(width):
        for steps in itertools.product((-1, 0, 1), repeat=height - 1):
            seam = [start]
            for step in steps:
                seam.append(seam[-1] + step)
            if all(0 <= at < width for at in seam):
                yield seam


def oracle(importance):
    """The least sum; of equal ones the leftmost at the bottom, then in the row above, ..."""
    rows = importance.tolist()
    return min(
        every_seam(*importance.shape),
        key=lambda seam: (sum(rows[y][x] for y, x in enumerate(seam)), seam[::-1]),
    )


@pytest.mark.parametrize("seed", range(20))
def test_minimal_seam_is_the_oracles(seed):
    generator = torch.Generator().manual_seed(seed)
    # Small whole numbers: many ties, exact sums.
    maps = torch.randint(0, 4, (3, 5, 6), generator=generator).float()
    assert minimal_seam(maps.numpy()).tolist() == [oracle(each) for each in maps]


@pytest.mark.parametrize("seed", range(5))
def test_carving_is_the_oracles_seam_after_seam(seed):
    generator = torch.Generator().manual_seed(seed)
    importance = torch.randint(0, 5, (4, 7), generator=generator).float()
    order = carve(importance[None], 4)[0]
    rest = [[(value, column) for column, value in enumerate(row)] for row in importance.tolist()]
    for step in range(4):
        seam = oracle(torch.tensor([[value for value, _ in row] for row in rest]))
        for y, x in enumerate(seam):
            assert order[y, rest[y].pop(x)[1]] == step


def test_one_carve_serves_all_widths():
    importance = torch.rand(2, 6, 12, generator=torch.Generator().manual_seed(0))
    longest = carve(importance, 8)
    for count in (0, 1, 5, 8):
        shorter = carve(importance, count)
        torch.testing.assert_close(kept_columns(longest, count), kept_columns(shorter, count))


def test_images_of_a_batch_do_not_meet():
    importance = torch.rand(3, 6, 9, generator=torch.Generator().manual_seed(1))
    together = carve(importance, 4)
    alone = torch.cat([carve(each[None], 4) for each in importance])
    assert torch.equal(together, alone)


def test_a_constant_map_loses_its_left_columns():
    order = carve(torch.ones(1, 4, 6), 2)
    assert kept_columns(order, 2)[0].tolist() == [[2, 3, 4, 5]] * 4


def test_removal_and_insertion_sample_what_they_say():
    importance = torch.tensor([[[5.0, 1.0, 5.0, 2.0]]])
    image = torch.tensor([[[[10.0, 20.0, 40.0, 80.0]]]])
    order = carve(importance, 2)
    assert sample_columns(image, kept_columns(order, 1)).flatten().tolist() == [10, 40, 80]
    wide = doubled_columns(order, 2)
    assert wide.flatten().tolist() == [0, 1, 1.5, 2, 2.5, 3]
    assert sample_columns(image, wide).flatten().tolist() == [10, 20, 30, 40, 60, 80]


def test_seams_share_the_width_at_every_level():
    assert [seams_at(k, 14, 14) for k in range(4)] == [0, 1, 2, 3]
    assert [seams_at(k, 14, 224) for k in range(3)] == [0, 16, 32]
    assert seams_at(1, 14, 21) == 2  # 1.5 rounds up


def test_footprint_is_the_strides_square_and_the_reach():
    seen = footprint(torch.tensor([[[1], [2]]]), (2, 3), (4, 6), 0)[0].int().tolist()
    assert seen == [[0, 0, 1, 1, 0, 0]] * 2 + [[0, 0, 0, 0, 1, 1]] * 2
    wider = footprint(torch.tensor([[[1], [1]]]), (2, 3), (4, 6), 1)[0].int().tolist()
    assert wider == [[0, 1, 1, 1, 1, 0]] * 4
    two = footprint(torch.tensor([[[1, 0], [2, 0]]]), (2, 3), (4, 6), 0)[0].int().tolist()
    assert two == [[1, 1, 1, 1, 0, 0]] * 2 + [[1, 1, 0, 0, 1, 1]] * 2


def test_fine_seams_follow_the_deep_one():
    deep = torch.ones(1, 3, 4)
    deep[:, :, 2] = 0.1
    fine = torch.full((1, 6, 8), 1.0)
    fine[:, :, 0] = 0.7  # the least by itself, but the deep seam looks at columns 4 and 5
    followed = hierarchical_carve([deep, fine], 1, alpha=0.5, reaches=[0])
    assert followed[1].steps == 2
    assert kept_columns(followed[1].order, 2)[0, 0].tolist() == [0, 1, 2, 3, 6, 7]
    ignored = hierarchical_carve([deep, fine], 1, alpha=0.9, reaches=[0])
    assert 0 not in kept_columns(ignored[1].order, 2)[0, 0].tolist()


def test_hierarchical_carve_is_nested():
    generator = torch.Generator().manual_seed(3)
    levels = [torch.rand(2, h, w, generator=generator) for h, w in ((3, 5), (6, 10), (12, 21))]
    longest = hierarchical_carve(levels, 3, alpha=0.5, reaches=[1, 1])
    for count in (1, 2):
        shorter = hierarchical_carve(levels, count, alpha=0.5, reaches=[1, 1])
        for one, other in zip(longest, shorter, strict=True):
            seams = seams_at(count, 5, one.importance.shape[2])
            assert other.steps == seams
            assert torch.equal(kept_columns(one.order, seams), kept_columns(other.order, seams))


def test_threshold_stops_before_the_first_seam_above_it():
    importance = torch.tensor([[1.0, 1.0, 4.0, 9.0, 9.0]]).expand(2, 3, 5).contiguous()
    importance[1] = torch.tensor([9.0, 9.0, 9.0, 9.0, 1.0])
    (deepest,) = hierarchical_carve([importance], 4, alpha=0.5, reaches=[])
    assert affordable(deepest, 20).tolist() == [2, 1]
    assert affordable(deepest, 50).tolist() == [3, 4]

"""Algorithm 1 on losses whose minima are known."""

import pytest
import torch

from deepcrop.ops.annealing import Bounds, Schedule, anneal

QUICK = Schedule(shrink=0.9, restarts=4, steps=6)


def towards(*targets):
    """A loss whose minimum is a given window (cx, cy, hw), one an image."""
    goals = torch.tensor(targets, dtype=torch.float64)

    def loss(windows, images):
        return (windows[..., :3] - goals[images]).square().sum(-1)

    return loss


def images(rows, x=1.0, y=1.0, held=None, centre=None):
    """Bounds of images that are all alike."""
    bounds = Bounds.free(torch.tensor([[x, y]] * rows, dtype=torch.float64))
    return Bounds(
        bounds.extents,
        bounds.held if held is None else torch.tensor([held] * rows, dtype=torch.float64),
        bounds.centre if centre is None else torch.tensor([centre] * rows, dtype=torch.float64),
    )


def test_scales_fall_by_a_fiftieth_to_the_smallest():
    scales = Schedule().scales
    assert len(scales) == 60
    assert scales[0] == 1
    assert scales[1] == 0.98
    assert 0.3 <= scales[-1] < 0.3 / 0.98


@pytest.mark.parametrize("annealing", [True, False])
def test_it_finds_the_window_of_the_lowest_loss(annealing):
    schedule = Schedule(shrink=0.95, restarts=4, steps=8, annealing=annealing)
    best = anneal(towards((0.3, -0.2, 0.5)), images(1), schedule)
    assert best.windows[0, :3].tolist() == pytest.approx([0.3, -0.2, 0.5], abs=0.03)
    assert best.values[0].item() < 2e-3


def test_windows_keep_the_ratio_and_stay_inside():
    seen = []

    def loss(windows, images):
        seen.append(windows.detach())
        return -windows[..., 0] - windows[..., 1]

    best = anneal(loss, images(1, 0.5, 1.0), QUICK)
    windows = torch.cat(seen)
    assert (windows[:, :2].abs() + windows[:, 2:] <= 1 + 1e-9).all()
    assert torch.allclose(windows[:, 2] * 2, windows[:, 3])
    assert best.windows[0, 0] + best.windows[0, 2] == pytest.approx(1)


def test_it_returns_the_lowest_loss_that_it_saw():
    lowest = []

    def loss(windows, images):
        values = torch.sin(9 * windows[..., 0]) + torch.cos(7 * windows[..., 1] + windows[..., 2])
        lowest.append(values.detach().min().item())
        return values

    best = anneal(loss, images(1), QUICK)
    # A trial point that the line search refused may lie lower, but only by what Armijo asks for.
    assert best.values.item() == pytest.approx(min(lowest), abs=1e-3)
    assert loss(best.windows, None).item() == pytest.approx(best.values.item())


def test_restarts_find_a_minimum_that_a_single_start_misses():
    def loss(windows, images):
        near = (windows[..., :2] - 0.05).square().sum(-1) / 0.002
        far = (windows[..., :2] + 0.5).square().sum(-1) / 0.02
        return -0.5 * torch.exp(-near) - torch.exp(-far)

    alone = anneal(loss, images(1), Schedule(shrink=0.9, restarts=1))
    several = anneal(loss, images(1), Schedule(shrink=0.9, restarts=10))
    assert several.values.item() < -0.95 < alone.values.item()


def test_an_images_window_is_the_same_alone_and_in_a_batch():
    goals = [(0.3, -0.2, 0.5), (-0.6, 0.1, 0.35), (0.0, 0.0, 1.0)]
    together = anneal(towards(*goals), images(3), QUICK)
    for row, goal in enumerate(goals):
        alone = anneal(towards(goal), images(1), QUICK)
        assert torch.equal(alone.windows[0], together.windows[row])


def test_patience_ends_the_search_once_the_loss_only_rises():
    patient = Schedule(shrink=0.9, restarts=2, patience=2)
    ended = anneal(towards((0.0, 0.0, 0.8)), images(1), patient)
    full = anneal(towards((0.0, 0.0, 0.8)), images(1), Schedule(shrink=0.9, restarts=2))
    assert ended.levels < full.levels
    assert torch.equal(ended.windows, full.windows)


def test_the_seed_moves_the_restarts():
    def loss(windows, images):
        return torch.sin(20 * windows[..., 0]) * torch.sin(17 * windows[..., 1]) * windows[..., 2]

    first, again, other = (
        anneal(loss, images(1), Schedule(shrink=0.8, restarts=2, steps=1, seed=seed))
        for seed in (0, 0, 1)
    )
    assert torch.equal(first.windows, again.windows)
    assert not torch.equal(first.windows, other.windows)


def test_place_shifts_windows_into_the_image():
    bounds = images(1, 1.0, 0.5)
    window = bounds.place(torch.tensor([[0.9, -0.9]]), torch.tensor([0.5]))
    assert window[0].tolist() == pytest.approx([0.5, -0.75, 0.5, 0.25])


@pytest.mark.parametrize("annealing", [True, False])
def test_every_window_holds_the_box_to_hold(annealing):
    seen = []

    def loss(windows, images):
        seen.append(windows.detach())
        return (windows[..., :3] - torch.tensor([0.6, 0.6, 0.3])).square().sum(-1)

    schedule = Schedule(shrink=0.9, restarts=4, annealing=annealing)
    held = (-0.5, -0.2, 0.1, 0.2)
    best = anneal(loss, images(2, 1.0, 0.8, held=held), schedule)
    allowed = torch.cat(seen)
    for windows in (allowed, best.windows):
        assert (
            windows[:, :2] - windows[:, 2:] <= torch.tensor(held[:2], dtype=torch.float64) + 1e-9
        ).all()
        assert (
            windows[:, :2] + windows[:, 2:] >= torch.tensor(held[2:], dtype=torch.float64) - 1e-9
        ).all()
    assert best.windows[0, 0] > 0.1  # as far to the right as the box lets it


@pytest.mark.parametrize("annealing", [True, False])
def test_windows_are_centred_where_they_are_wanted_or_as_near_as_may_be(annealing):
    schedule = Schedule(shrink=0.95, restarts=2, annealing=annealing)
    best = anneal(towards((0.0, 0.0, 0.5)), images(1, centre=(0.4, -0.8)), schedule)
    x, y, half = best.windows[0, :3].tolist()
    assert (x, y) == pytest.approx((min(0.4, 1 - half), half - 1))
    assert half < 0.9


def test_a_box_as_large_as_the_window_leaves_one_place():
    best = anneal(towards((0.0, 0.0, 0.3)), images(1, 0.5, held=(-0.3, -1.0, 0.7, 1.0)), QUICK)
    assert best.windows[0].tolist() == pytest.approx([0.2, 0.0, 0.5, 1.0])
    assert best.levels == 1

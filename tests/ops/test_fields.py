"""Fields: sampling, carrying to other resolutions, and the vote."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from deepcrop.ops import fields
from deepcrop.ops.warping import identity, sample


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(0))


def test_identity_samples_what_is_there(picture: Tensor) -> None:
    field = identity(9, 12)[None].expand(2, -1, -1, -1)
    torch.testing.assert_close(fields.sample_bicubic(picture, field), picture)


def test_vote_is_exact_on_the_identity_and_on_shifts(picture: Tensor) -> None:
    shift = identity(9, 8)[None].expand(2, -1, -1, -1) + torch.tensor([3.0, 0]).view(1, 2, 1, 1)
    torch.testing.assert_close(fields.vote(picture, shift, 5), picture[..., 3:11])


def test_vote_is_the_mean_of_what_neighbours_expect() -> None:
    values = torch.tensor([0.0, 10, 20, 30, 40, 50]).view(1, 1, 1, 6)
    field = torch.tensor([0.0, 1, 4, 5]).view(1, 1, 1, 4)
    field = torch.cat([field, torch.zeros(1, 1, 1, 4)], 1)
    # Position 1 is expected at 0 + 1, at 1, and at 4 - 1.
    voted = fields.vote(values, field, 3)
    assert voted[0, 0, 0, 1].item() == pytest.approx((10 + 10 + 30) / 3)


def test_smoothed_field_agrees_with_the_vote_on_a_ramp() -> None:
    """Where pixels depend linearly on their position, averaging either is the same."""
    ramp = torch.arange(20.0).view(1, 1, 1, 20).expand(1, 1, 8, 20)
    generator = torch.Generator().manual_seed(1)
    moved = torch.rand(1, 2, 8, 12, generator=generator) * torch.tensor([4.0, 0]).view(1, 2, 1, 1)
    field = identity(8, 12) + moved + torch.tensor([2.0, 0]).view(1, 2, 1, 1)
    both = fields.vote(ramp, field, 5), sample(ramp, fields.smoothed(field, 5))
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(both[0][inner], both[1][inner])


def test_doubling_keeps_the_identity_and_shifts() -> None:
    for height, width in ((8, 12), (9, 13)):
        field = fields.doubled(identity(4, 6)[None], height, width)
        torch.testing.assert_close(field, identity(height, width)[None])
    shift = identity(4, 6)[None] + torch.tensor([3.0, -1]).view(1, 2, 1, 1)
    finer = fields.doubled(shift, 8, 12) - identity(8, 12)
    assert (finer[:, 0] == 6).all()
    assert (finer[:, 1] == -2).all()


def test_steadying_keeps_the_identity_and_shifts() -> None:
    weight = torch.rand(1, 1, 20, 30, generator=torch.Generator().manual_seed(2)) + 0.01
    for shift in (0.0, 3.0):
        field = identity(20, 30)[None] + shift
        torch.testing.assert_close(fields.weighted_smoothing(field, weight, 2, 8), field)


def test_structured_positions_decide_over_flat_ones() -> None:
    field = identity(9, 9)[None].clone()
    field[:, 0, :, 4] += 5
    weight = torch.full((1, 1, 9, 9), 1e-6)
    weight[..., 4] = 1
    steady = fields.offsets(fields.weighted_smoothing(field, weight, 2, 2))
    torch.testing.assert_close(steady[:, 0], torch.full((1, 9, 9), 5.0), atol=1e-3, rtol=0)


def test_structure_is_none_on_a_flat_map_and_high_at_an_edge() -> None:
    features = torch.ones(1, 2, 6, 8)
    features[:, 0, :, 4:] = 9
    strength = fields.structure(features)
    assert strength[..., :3].max() == 0
    assert (strength[..., 3] > 0.1).all()


def test_ordered_fields_run_forwards_and_stay_if_they_did() -> None:
    field = identity(5, 6)[None].clone()
    torch.testing.assert_close(fields.ordered(field), field)
    field[0, 0, 2] = torch.tensor([0.0, 4, 1, 3, 2, 5])
    assert (fields.ordered(field)[:, 0].diff(dim=2) >= 0).all()

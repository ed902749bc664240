"""Fields: sampling, carrying to other resolutions, and the vote."""

from __future__ import annotations

import pytest
import torch
from deepcrop.ops import fields
from torch import Tensor


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(0))


def test_identity_samples_what_is_there(picture: Tensor) -> None:
    field = fields.identity(9, 12).expand(2, -1, -1, -1)
    for mode in ("nearest", "bilinear", "bicubic"):
        torch.testing.assert_close(fields.sample(picture, field, mode), picture)


def test_sampling_between_two_columns_is_their_mean(picture: Tensor) -> None:
    field = fields.identity(9, 11).expand(2, -1, -1, -1) + torch.tensor([0.5, 0]).view(1, 2, 1, 1)
    mean = (picture[..., :-1] + picture[..., 1:]) / 2
    torch.testing.assert_close(fields.sample(picture, field), mean)


def test_outside_lies_the_border(picture: Tensor) -> None:
    field = fields.identity(9, 12).expand(2, -1, -1, -1) - torch.tensor([50.0, 0]).view(1, 2, 1, 1)
    expected = picture[..., :1].expand(-1, -1, -1, 12)
    torch.testing.assert_close(fields.sample(picture, field), expected)


def test_vote_is_exact_on_the_identity_and_on_shifts(picture: Tensor) -> None:
    shift = fields.identity(9, 8).expand(2, -1, -1, -1) + torch.tensor([3.0, 0]).view(1, 2, 1, 1)
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
    field = fields.identity(8, 12) + moved + torch.tensor([2.0, 0]).view(1, 2, 1, 1)
    both = fields.vote(ramp, field, 5), fields.sample(ramp, fields.smoothed(field, 5))
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(both[0][inner], both[1][inner])


def test_doubling_keeps_the_identity_and_shifts() -> None:
    for height, width in ((8, 12), (9, 13)):
        field = fields.doubled(fields.identity(4, 6), height, width)
        torch.testing.assert_close(field, fields.identity(height, width))
    shift = fields.identity(4, 6) + torch.tensor([3.0, -1]).view(1, 2, 1, 1)
    finer = fields.doubled(shift, 8, 12) - fields.identity(8, 12)
    assert (finer[:, 0] == 6).all()
    assert (finer[:, 1] == -2).all()


def test_carrying_keeps_the_identity_and_scales_shifts() -> None:
    same = fields.carried(fields.identity(6, 8), (6, 8), (30, 40), (30, 40))
    torch.testing.assert_close(same, fields.identity(30, 40), atol=1e-4, rtol=0)
    shift = fields.identity(6, 5) + torch.tensor([3.0, 0]).view(1, 2, 1, 1)
    fine = fields.carried(shift, (6, 8), (30, 25), (30, 40)) - fields.identity(30, 25)
    torch.testing.assert_close(fine[:, 0], torch.full((1, 30, 25), 15.0), atol=1e-4, rtol=0)


def test_carrying_a_scale_is_that_scale() -> None:
    """Half as wide: the working field points at 2i + 0.5, the fine one too."""
    field = fields.identity(4, 6) * torch.tensor([2.0, 1]).view(1, 2, 1, 1)
    field = field + torch.tensor([0.5, 0]).view(1, 2, 1, 1)
    fine = fields.carried(field, (4, 12), (12, 18), (12, 36))
    expected = torch.arange(18) * 2 + 0.5
    torch.testing.assert_close(fine[0, 0, 0, 2:-2], expected[2:-2], atol=1e-4, rtol=0)

"""Registration finds a known change again."""

import pytest
import torch
from torch.nn import functional

from deepcrop.ops.registration import register
from deepcrop.ops.warping import cells, identity, positions, render


@pytest.fixture(scope="module")
def picture():
    """Smooth noise of several scales: structure everywhere, nothing repeated."""
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(3, 96, 128)
    for side in (6, 12, 24):
        noise = torch.rand(1, 3, side, side * 4 // 3, generator=generator)
        image += functional.interpolate(noise, (96, 128), mode="bicubic", align_corners=False)[0]
    return (image / 3).clamp(0, 1)


def test_an_image_registers_to_itself(picture):
    columns, rows = register(picture, picture)
    still = identity(96, 128).long()
    assert torch.equal(columns, still[0])
    assert torch.equal(rows, still[1])


def test_a_crop_is_found(picture):
    columns, rows = register(picture[:, :, 40:104], picture)
    assert (columns - torch.arange(40, 104)).abs().float().mean() < 0.1
    assert (rows - torch.arange(96)[:, None]).abs().float().mean() < 0.1


def test_content_removed_in_the_middle_is_a_jump(picture):
    columns, _ = register(torch.cat([picture[:, :, :50], picture[:, :, 82:]], 2), picture)
    expected = torch.cat([torch.arange(50), torch.arange(82, 128)])
    assert (columns - expected).abs().float().median() == 0
    assert (columns - expected).abs().float().mean() < 2


def test_a_warp_in_both_axes_is_found(picture):
    across, down = cells(128, 16), cells(96, 16)
    widths = across * torch.tensor([0.4, 0.5, 0.7, 0.9, 0.9, 0.7, 0.5, 0.4])
    heights = down * torch.tensor([1.2, 1.1, 0.8, 0.8, 1.0, 1.1])
    size = (round(widths.sum().item()), 96)
    widths *= size[0] / widths.sum()
    columns, rows = positions(across, widths, size[0]), positions(down, heights, size[1])
    both = torch.stack([columns.expand(96, -1), rows[:, None].expand(-1, size[0])]).float()
    found = register(render(picture, both), picture)
    error = torch.stack([found[0] - both[0], found[1] - both[1]]).norm(dim=0)
    assert error.median() < 0.8
    assert error.mean() < 1.5

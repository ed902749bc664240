"""Windows of images, sampled."""

import pytest
import torch
import torch.nn.functional as F

from deepcrop.ops.window_sampling import (
    blur,
    mean_weights,
    merge,
    positions,
    pyramid,
    sample,
    sample_levels,
    sample_rows,
)


@pytest.fixture
def image():
    return torch.rand(3, 48, 60, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def windows(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_the_whole_image_at_its_own_size_is_itself(image):
    assert torch.allclose(sample(image, windows((0, 0, 1, 1)), (48, 60))[0], image)


def test_a_window_on_the_pixel_grid_is_a_slice(image):
    # Columns 15..45 and rows 12..36 of 60 x 48.
    window = windows((0.0, 0.0, 0.5, 0.5))
    assert torch.allclose(sample(image, window, (24, 30))[0], image[:, 12:36, 15:45])


def test_windows_of_a_batch_are_those_of_each_alone(image):
    several = windows((0.1, 0.2, 0.4, 0.3), (-0.3, 0.0, 0.6, 0.6))
    both = sample(image, several, (7, 7))
    assert torch.equal(both[1:], sample(image, several[1:], (7, 7)))


def test_beyond_the_image_the_edge_repeats(image):
    assert positions(windows((1, 0, 1, 1)), (2, 2))[0, 0, :, 0].tolist() == [0.5, 1.5]
    outside = sample(image, windows((3, 0, 0.1, 0.001)), (1, 1))[0, :, 0, 0]
    assert torch.allclose(outside, image[:, 23:25, -1].mean(1))


def test_sampling_rows_of_places_is_sampling_the_map(image):
    some = windows((0.1, 0.2, 0.4, 0.3), (-0.3, 0.0, 0.6, 0.6), (0.7, -0.7, 0.4, 0.4))
    results = []
    for sampler in (
        lambda w: sample(image, w, (7, 5)),
        lambda w: sample_rows(image.flatten(1).T, (48, 60), w, (7, 5)),
    ):
        moved = some.clone().requires_grad_()
        sampled = sampler(moved)
        (gradient,) = torch.autograd.grad(sampled.sin().sum(), moved)
        results.append((sampled, gradient))
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs)


def test_gradients_are_those_of_finite_differences(image):
    smooth = blur(image, 3.0)
    weight = torch.rand(3, 5, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def value(window):
        return (sample(smooth, window, (5, 6)) * weight).sum()

    window = windows((0.137, -0.211, 0.42, 0.33)).requires_grad_()
    assert torch.autograd.gradcheck(value, (window,), eps=1e-7, atol=1e-4)


def test_blur_keeps_constants_and_widens_an_impulse_by_sigma():
    assert torch.allclose(blur(torch.ones(1, 9, 9), 1.5), torch.ones(1, 9, 9))
    impulse = torch.zeros(1, 41, 41, dtype=torch.float64)
    impulse[0, 20, 20] = 1
    spread = blur(impulse, 2.0)[0]
    x = torch.arange(41) - 20.0
    assert (spread.sum(0) * x**2).sum().item() == pytest.approx(4.0, rel=0.03)
    assert spread.sum().item() == pytest.approx(1)


def test_pyramid_has_the_papers_four_scales_and_the_image_itself_last(image):
    levels = pyramid(image)
    assert [tuple(level.shape[1:]) for level in levels] == [(12, 15), (16, 20), (24, 30), (48, 60)]
    assert levels[-1] is image


def test_merging_the_levels_first_changes_windows_little():
    photo = blur(torch.rand(3, 192, 240, generator=torch.Generator().manual_seed(0)), 1.0)
    levels = pyramid(photo)
    window = torch.tensor([[0.1, 0.05, 0.5, 0.5]])
    exact = sample_levels(levels, window, (56, 56))
    once = sample(merge(levels), window, (56, 56))
    assert (exact - once).abs().max() < 0.02
    assert (exact - exact.mean()).norm() > 20 * (exact - once).norm()


def test_mean_weights_give_the_mean_of_the_sampled_window(image):
    several = windows((0.1, 0.2, 0.4, 0.3), (-0.8, 0.9, 0.6, 0.6))
    expected = sample(image, several, (14, 14)).mean((2, 3))
    weights = mean_weights(several, (48, 60), 14)
    assert torch.allclose(weights @ image.flatten(1).T, expected)
    assert torch.allclose(weights.sum(1), torch.ones(2, dtype=torch.float64))


def test_merge_of_one_level_is_that_level(image):
    assert torch.allclose(merge([image]), image)
    assert F.mse_loss(merge(pyramid(image)), image) > 0

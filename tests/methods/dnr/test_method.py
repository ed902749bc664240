"""DNR as a retarget method: sizes, identity, determinism, batches, full resolution."""

import pytest
import torch
from torch.nn import functional

from deepcrop import weights
from deepcrop.errors import RequestError
from deepcrop.geometry import Box, Size
from deepcrop.methods.base import RetargetMethod
from deepcrop.methods.dnr.carving import deep_seams, reaches
from deepcrop.methods.dnr.method import DNR, PaperDNR
from deepcrop.methods.dnr.options import DNROptions, PaperOptions
from deepcrop.methods.dnr.reconstruction import distance, reconstruct, refine
from deepcrop.methods.registry import validate_options


def photo(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, 3, height // 12, width // 12, generator=generator)
    image = functional.interpolate(noise, (height, width), mode="bicubic", align_corners=False)[0]
    image[:, height // 3 : height // 2, width // 2 : width * 2 // 3] = torch.rand(
        3, height // 2 - height // 3, width * 2 // 3 - width // 2, generator=generator
    )
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)


@pytest.fixture(scope="module")
def state():
    return weights.load("vgg19-slim")


@pytest.fixture(scope="module")
def method(state):
    return DNR.from_weights(
        *state, DNROptions(working=128, smoothing=0.0, iterations=3, refinement=2)
    )


def test_it_is_a_retarget_method_with_options_from_text(method):
    assert isinstance(method, RetargetMethod)
    assert validate_options("dnr", {"percentile": "35"}).percentile == 35
    with pytest.raises(RequestError, match="working"):
        validate_options("dnr", {"worknig": 3})


@pytest.mark.parametrize(
    "size", [(100, 96), (128, 60), (200, 96), (128, 150), (90, 140), (17, 96), (400, 30), (1, 1)]
)
def test_any_size_comes_out_exactly(method, size):
    [[result]] = method.retarget([photo(96, 128)], [[Size(*size)]])
    assert result.dtype == torch.uint8
    assert tuple(result.shape) == (3, size[1], size[0])


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (40, 7), (17, 900)])
def test_odd_sources_work(method, shape):
    image = torch.full((3, *shape), 77, dtype=torch.uint8)
    [[result]] = method.retarget([image], [[Size(20, 30)]])
    assert tuple(result.shape) == (3, 30, 20)
    # A few steps of Adam leave noise of about their length, 1e-2 of 255, each.
    assert (result.int() - 77).abs().max() <= 12


def test_the_sources_own_size_is_the_source(method):
    image = photo(96, 128)
    [[same, other]] = method.retarget([image], [[Size(128, 96), Size(96, 96)]])
    assert torch.equal(same, image)
    assert not torch.equal(other, image[:, :, :96])


def test_results_do_not_depend_on_the_batch_or_the_other_sizes(method):
    images = [photo(96, 128), photo(96, 128, seed=1), photo(120, 90, seed=2)]
    sizes = [[Size(64, 96), Size(180, 96), Size(80, 120)], [Size(64, 96)], [Size(60, 120)]]
    together = method.retarget(images, sizes)
    for image, wanted, results in zip(images, sizes, together, strict=True):
        for size, result in zip(wanted, results, strict=True):
            assert torch.equal(method.retarget([image], [[size]])[0][0], result)


def test_optimising_images_at_once_gives_what_optimising_one_does(method):
    images = torch.stack([photo(48, 64, seed) for seed in range(3)]) / 255
    network, tap = method.network, "block1_conv2"
    targets = network(images.flip(3), (tap,))[tap]
    together = reconstruct(network, images, {tap: (1.0, targets)}, 5, 1e-2)
    moved = refine(network, images, {tap: (1.0, targets)}, 16, 5, 1e-3)
    for index in range(3):
        own = slice(index, index + 1)
        wanted = {tap: (1.0, targets[own])}
        alone = reconstruct(network, images[own], wanted, 5, 1e-2)
        torch.testing.assert_close(together[own], alone, atol=1e-4, rtol=0)
        alone = refine(network, images[own], wanted, 16, 5, 1e-3)
        torch.testing.assert_close(moved[own], alone, atol=1e-2, rtol=0)


BOX = Box(70, 20, 118, 80)


def extent(mapping):
    """Return how many columns and rows of a result show a part of the box."""
    inside = (mapping[0] >= BOX.x0) & (mapping[0] < BOX.x1)
    inside &= (mapping[1] >= BOX.y0) & (mapping[1] < BOX.y1)
    return inside.any(0).sum().item(), inside.any(1).sum().item()


class Onlooker:
    """Stands for the saliency network: people look at the box alone."""

    def maps(self, images):
        found = torch.zeros(96, 128)
        found[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] = 1.0
        return [found] * len(images)


def test_what_people_look_at_is_squeezed_less(state):
    options = DNROptions(working=128, smoothing=6.0, straightening=64.0)
    method = DNR.from_weights(*state, options)
    widths = []
    for method.saliency in (None, Onlooker()):
        [[(found, _)]] = method.solve([photo(96, 128)], [[Size(64, 96)]])
        widths.append(extent(found)[0])
    assert widths[1] > widths[0] + 4


@pytest.mark.parametrize(
    ("size", "axis"),
    [((3000, 3000), 1), pytest.param((4000, 2250), 2, marks=pytest.mark.slow)],
)
def test_twelve_megapixels_come_out_at_full_size_as_sharp_as_the_source(state, size, axis):
    generator = torch.Generator().manual_seed(0)
    coarse = functional.interpolate(
        torch.rand(1, 3, 12, 16, generator=generator), (1500, 2000), mode="bicubic"
    )
    fine = coarse + 0.3 * (torch.rand(coarse.shape, generator=generator) - 0.5)
    image = functional.interpolate(fine, (3000, 4000), mode="bicubic")[0].clamp(0, 1)
    image = (image * 255).round().to(torch.uint8)
    [[result]] = DNR.from_weights(*state).retarget([image], [[Size(*size)]])
    assert tuple(result.shape) == (3, size[1], size[0])

    def energy(pixels):
        # Along the axis whose length stays: there no squeeze makes gradients steeper.
        return pixels.float().diff(dim=axis).square().mean().item()

    assert 0.95 < energy(result) / energy(image) < 1.05
    small = functional.interpolate(image[None].float(), (192, 256), mode="bilinear", antialias=True)
    enlarged = functional.interpolate(small, (3000, 4000), mode="bicubic")[0]
    assert energy(enlarged) / energy(image) < 0.05  # what a result of the working size would have


def test_the_papers_values_are_a_preset(state):
    paper = PaperDNR.from_weights(*state, PaperOptions(working=64, iterations=2, refinement=2))
    assert (paper.options.percentile, paper.options.alpha, paper.options.cell) == (20, 0.5, 16)
    assert PaperOptions().iterations == 300
    assert PaperOptions().warp == "columns"
    [[result]] = paper.retarget([photo(96, 128)], [[Size(64, 96)]])
    assert tuple(result.shape) == (3, 96, 64)


def test_deep_seams_leave_the_rest_to_the_warp():
    assert deep_seams(15, 256, 16, 1.0) == 0
    assert deep_seams(16, 256, 16, 1.0) == 1
    assert deep_seams(128, 256, 16, 0.5) == 4
    assert deep_seams(-300, 256, 16, 1.0) == 8


def test_reach_counts_the_convolutions_between_levels():
    taps = ("block5_pool", "block4_conv4", "block3_conv4", "block2_conv2", "block1_conv2")
    assert reaches(taps, "vgg19", True) == [8, 8, 8, 4]
    assert reaches(taps, "vgg19-slim", True) == [2, 8, 8, 4]
    assert reaches(taps, "vgg19", False) == [0, 0, 0, 0]


def test_reconstruction_nears_its_target(method):
    image = photo(48, 64)[None] / 255
    network = method.network
    wanted = {"block1_conv2": (1.0, network(image, ("block1_conv2",))["block1_conv2"])}
    start = image.mean((2, 3), keepdim=True).expand_as(image)
    found = reconstruct(network, start, wanted, 60, 1e-2)
    assert distance(network, found, wanted) < 0.1 * distance(network, start, wanted)
    assert (found - image).abs().mean() < 0.5 * (start - image).abs().mean()


def test_refinement_moves_pixels_to_where_they_fit(method):
    image = photo(48, 64)[None] / 255
    network = method.network
    wanted = {"block1_conv2": (1.0, network(image, ("block1_conv2",))["block1_conv2"])}
    shifted = torch.cat([image[..., 1:], image[..., -1:]], 3)
    mapping = refine(network, shifted, wanted, 16, 60, 2e-3)
    still = torch.arange(64.0)
    assert (mapping[0, 0] - still).mean().item() == pytest.approx(-1, abs=0.4)

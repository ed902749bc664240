"""The saliency network: its savings are exact, its shapes and its independence of the batch."""

import pytest
import torch

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions, blur


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    options = SaliencyOptions(pixels=64 * 64, width=16, priors=4)
    return SaliencyNetwork(options).eval().requires_grad_(False)


def photo(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)


def test_blur_keeps_sums_and_constants():
    maps = torch.rand(2, 9, 12)
    torch.testing.assert_close(blur(maps, 1.5).sum((1, 2)), maps.sum((1, 2)))
    torch.testing.assert_close(blur(torch.ones(1, 6, 6), 2.0), torch.ones(1, 6, 6))
    assert blur(maps, 0) is maps


def test_softmax_readout_is_a_density(network):
    density = network(torch.randn(2, 3, 64, 80))
    assert density.shape == (2, 16, 20)
    assert (density >= 0).all()
    torch.testing.assert_close(density.sum((1, 2)), torch.ones(2))


def test_later_start_continues_the_same_computation(network):
    x = torch.randn(1, 3, 64, 80)
    seen = network.trunk.blocks[:7](x)
    torch.testing.assert_close(network(seen, 7), network(x))


def test_sams_own_size_can_be_built():
    with torch.device("meta"):
        sam = SaliencyNetwork(SaliencyOptions.sam())
        out = sam(torch.empty(1, 3, 240, 320))
        features = sam.trunk(torch.empty(1, 3, 240, 320))
    assert sam.recurrent.gates_input.weight.shape == (2048, 512, 3, 3)
    assert features.shape == (1, 320, 30, 40)
    assert out.shape == (1, 60, 80)


def test_relu_readout_is_not_negative():
    options = SaliencyOptions(width=8, readout="relu", isotropic=True, detail=None)
    assert (SaliencyNetwork(options)(torch.randn(1, 3, 64, 64)) >= 0).all()


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (50, 50), (1, 1), (9, 900)])
def test_input_keeps_the_shape_and_the_area(network, height, width):
    rows, columns = network.input_size(height, width)
    assert rows % 16 == columns % 16 == 0
    assert min(rows, columns) >= 16
    assert 0.5 < rows * columns / network.options.pixels < 1.6
    if 0.5 <= width / height <= 2:
        assert abs(columns / rows / (width / height) - 1) < 0.3


def test_maps_do_not_depend_on_the_batch(network):
    photos = [photo(48, 64, 1), photo(64, 48, 2), photo(48, 64, 3), photo(1, 1), photo(5, 300)]
    together = network.maps(photos)
    for image, expected in zip(photos, together, strict=True):
        assert torch.equal(network.maps([image])[0], expected)
    assert together[0].shape == (together[1].shape[1], together[1].shape[0])


def test_batched_forward_agrees_with_single(network):
    x = torch.randn(3, 3, 64, 64)
    torch.testing.assert_close(network(x)[1], network(x[1:2])[0], rtol=1e-4, atol=1e-7)


def test_state_and_options_make_the_round_trip(network):
    state = {key: value.half() for key, value in network.state_dict().items()}
    metadata = {"options": network.options.to_json()}
    again = SaliencyNetwork.from_state(state, metadata)
    assert again.options == network.options
    assert not again.training
    image = photo(40, 60)
    torch.testing.assert_close(
        again.maps([image])[0], network.maps([image])[0], rtol=0.02, atol=1e-5
    )


def test_unknown_options_are_named():
    with pytest.raises(ValueError, match="depth"):
        SaliencyOptions.from_json('{"depth": 3, "taps": [17]}')

"""The saliency network: its savings are exact, its shapes and its independence of the batch."""

import pytest
import torch
import torch.nn.functional as F

from deepcrop.networks.saliency import (
    AttentiveConvLSTM,
    GaussianPriors,
    SaliencyNetwork,
    SaliencyOptions,
    blur,
)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    options = SaliencyOptions(pixels=64 * 64, width=16, priors=4)
    return SaliencyNetwork(options).eval().requires_grad_(False)


def photo(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)


def naive(lstm, x):
    """SAM's equations (1) to (8) as printed: four convolutions a gate pair, zero states."""
    channels = x.shape[1]
    h, c = torch.zeros_like(x), torch.zeros_like(x)
    w, b, u = lstm.gates_input.weight, lstm.gates_input.bias, lstm.gates_state.weight
    for _ in range(lstm.steps):
        z = torch.tanh(
            F.conv2d(x, lstm.attend_input.weight, lstm.attend_input.bias, padding=1)
            + F.conv2d(h, lstm.attend_state.weight, padding=1)
        )
        energy = F.conv2d(z, lstm.attend.weight, padding=1)
        weights = torch.exp(energy) / torch.exp(energy).sum((2, 3), keepdim=True)
        seen = weights * energy[0].numel() * x
        i, f, o, g = (
            F.conv2d(seen, w[part], b[part], padding=1) + F.conv2d(h, u[part], padding=1)
            for part in (slice(k * channels, (k + 1) * channels) for k in range(4))
        )
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return h


@pytest.mark.parametrize("steps", [1, 4])
def test_savings_leave_the_recurrence_as_it_is(steps):
    torch.manual_seed(1)
    lstm = AttentiveConvLSTM(8, steps).double()
    x = torch.randn(2, 8, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(lstm(x), naive(lstm, x))


def test_attention_has_no_bias_and_mean_one():
    lstm = AttentiveConvLSTM(4, 2)
    assert lstm.attend.bias is None
    attention = lstm.attention(torch.randn(3, 1, 6, 5))
    torch.testing.assert_close(attention.mean((1, 2, 3)), torch.ones(3))


@pytest.mark.parametrize("isotropic", [True, False])
def test_priors_are_gaussians_at_cell_centres(isotropic):
    priors = GaussianPriors(16, isotropic=isotropic)
    with torch.no_grad():
        priors.centre[0] = torch.tensor([0.5, 0.25])
        priors.log_sigma[0] = torch.tensor([0.2] if isotropic else [0.2, 0.1]).log()
        drawn = priors(8, 10)
    assert drawn.shape == (16, 8, 10)
    sigma = (0.2, 0.2 if isotropic else 0.1)
    x, y = 0.75, 0.4375  # centre of the cell in row 3, column 7
    expected = torch.tensor(-0.5 * ((x - 0.5) / sigma[0]) ** 2 - 0.5 * ((y - 0.25) / sigma[1]) ** 2)
    torch.testing.assert_close(drawn[0, 3, 7], expected.exp(), rtol=1e-4, atol=1e-6)


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

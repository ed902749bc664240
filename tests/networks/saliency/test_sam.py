"""SAM's parts: what is saved changes nothing, and priors are the Gaussians that they say."""

import pytest
import torch
import torch.nn.functional as F

from deepcrop.networks.saliency.sam import AttentiveConvLSTM, GaussianPriors


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

"""The out-of-fold readout learns, repeats itself, and is asked about photos of other folds."""

import numpy as np
import pytest
import torch

from jobs.training import readout
from jobs.training.datasets import density
from jobs.training.views import kl_divergence


@pytest.mark.smoke
def test_readout_learns_where_a_component_points(monkeypatch):
    monkeypatch.setattr(readout, "COMPONENTS", 24)
    random = np.random.default_rng(0)
    points = random.uniform(0.1, 0.9, (48, 1, 2))
    targets = torch.stack([density(at, *readout.CELLS) for at in points])
    inputs = torch.randn(48, 2, readout.COMPONENTS, *readout.GRID, dtype=torch.float16) * 0.1
    for x, at in zip(inputs, points, strict=True):
        x[0, 0] += 50 * density(at, *readout.GRID)
        x[1, 0] += 50 * density(at, *readout.GRID).flip(-1)

    def run():
        torch.manual_seed(0)
        return readout.train_readout(inputs, targets, width=8, epochs=12, batch=8, rate=1e-2)

    trained, again = run(), run()
    even = torch.full_like(targets, 1 / targets[0].numel())
    prediction = torch.stack([readout.predict(trained, x) for x in inputs])
    assert kl_divergence(prediction, targets).mean() < 0.7 * kl_divergence(even, targets).mean()
    for a, b in zip(trained.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_components_keep_what_varies(monkeypatch):
    monkeypatch.setattr(readout, "COMPONENTS", 32)
    torch.manual_seed(0)
    cells = readout.GRID[0] * readout.GRID[1]
    hidden = torch.randn(16, 30 * cells)
    mixed = (torch.randn(64, 16) @ hidden).view(64, 30, *readout.GRID)
    features = [mixed[:, k] for k in range(30)]
    components = readout.Components(features)
    projected = components(features[3])
    assert projected.shape == (32, *readout.GRID)
    back = components.basis @ projected.flatten(1)
    wanted = features[3].flatten(1) / components.scale - components.mean
    torch.testing.assert_close(back, wanted, rtol=1e-2, atol=1e-2)

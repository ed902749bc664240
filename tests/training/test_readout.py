"""The light teacher learns, repeats itself, and covers the photo."""

import numpy as np
import torch
from torchvision.models import mobilenet_v2

from deepcrop.training import readout
from deepcrop.training.datasets import density
from deepcrop.training.views import divergence


def test_readout_learns_where_a_component_points():
    random = np.random.default_rng(0)
    points = random.uniform(0.1, 0.9, (48, 1, 2))
    targets = torch.stack([density(at, *readout.CELLS) for at in points])
    inputs = torch.randn(48, readout.COMPONENTS, *readout.GRID, dtype=torch.float16) * 0.1
    for x, at in zip(inputs, points, strict=True):
        x[0] += 50 * density(at, *readout.GRID)

    def run():
        torch.manual_seed(0)
        return readout.train_readout(inputs, targets, width=8, epochs=12, batch=8, rate=1e-2)

    trained, again = run(), run()
    even = torch.full_like(targets, 1 / targets[0].numel())
    with torch.no_grad():
        prediction = trained(inputs.float())
    assert divergence(prediction, targets).mean() < 0.7 * divergence(even, targets).mean()
    for a, b in zip(trained.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_components_keep_what_varies():
    torch.manual_seed(0)
    hidden = torch.randn(readout.COMPONENTS // 2, 30 * 300)
    mixed = (torch.randn(512, hidden.shape[0]) @ hidden).view(512, 30, *readout.GRID)
    features = [mixed[:, k] for k in range(30)]
    components = readout.Components(features)
    projected = components(features[3])
    assert projected.shape == (readout.COMPONENTS, *readout.GRID)
    back = components.basis @ projected.flatten(1)
    wanted = features[3].flatten(1) / components.scale - components.mean
    torch.testing.assert_close(back, wanted, rtol=1e-2, atol=1e-2)


def test_features_cover_photos_of_any_shape():
    features = readout.FrozenFeatures(mobilenet_v2(weights=None).state_dict())
    for height, width in ((48, 64), (64, 40)):
        image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8)
        assert features(image).shape == (3488, *readout.GRID)

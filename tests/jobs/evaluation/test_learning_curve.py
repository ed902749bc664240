"""Readouts of more photos gain more, on photos that none of them saw."""

from functools import partial

import numpy as np
import torch
from torchvision.models import mobilenet_v2

from deepcrop.geometry import Size
from jobs.evaluation import learning_curve as module
from jobs.training import readout
from jobs.training.datasets import GazePhoto, density, gaze


def photo(random):
    """A photo whose viewers all look at one spot, and what its trunk says of it."""
    at = random.uniform((0.15, 0.15), (0.85, 0.85))
    points = np.clip(random.normal(at, 0.03, (40, 2)), 0, 0.999)
    features = np.zeros((2, 24, *readout.GRID), np.float16)
    features[0, 0] = 50 * density(at[None], *readout.GRID)
    features[1, 0] = features[0, 0, :, ::-1]
    features += random.normal(0, 0.3, features.shape).astype(np.float16)
    image = torch.zeros(3, 6, 8, dtype=torch.uint8)
    return GazePhoto("set/a.png", image, Size(80, 60), points, np.arange(40) % 4), features


def test_the_curve_rises_with_the_photos(monkeypatch):
    monkeypatch.setattr(readout, "COMPONENTS", 24)
    monkeypatch.setattr(module, "SHARES", (0.125, 1.0))
    monkeypatch.setattr(module, "EPOCHS", 3)
    small = partial(readout.train_readout, width=8, layers=1, batch=8, rate=1e-2)
    monkeypatch.setattr(module, "train_readout", small)
    random = np.random.default_rng(0)
    photos, features = zip(*(photo(random) for _ in range(80)), strict=True)
    inputs = torch.from_numpy(np.stack(features))
    few, all_ = module.learning_curve(inputs, photos[:64], photos[64:], draws=2)
    assert (few.photos, all_.photos) == (8, 64)
    assert all_.gain.kept.shape == (16,)
    assert all_.gain.gain > max(few.gain.gain, 0) + 0.05


def test_the_table_has_a_row_a_share(shared, monkeypatch):
    parts = {"gaze_osie": (0, 2), "gaze_nus_scene": (0, 1), "gaze_pascals": (4, 0)}
    monkeypatch.setattr(readout, "COMPONENTS", 32)  # few photos have few positions
    monkeypatch.setattr(module, "SHARES", (1.0,))
    monkeypatch.setattr(module, "gaze", lambda folder, longest: gaze(folder, longest, parts))
    monkeypatch.setattr(module, "EPOCHS", 1)
    small = partial(readout.train_readout, width=8, layers=1, batch=2)
    monkeypatch.setattr(module, "train_readout", small)
    table = module.curve_table(shared, mobilenet_v2(weights=None).state_dict(), "test")
    cells = {column.header: list(column.cells) for column in table.columns}
    assert list(cells) == ["trained on", "gaze_nus_scene", "gaze_osie", "all"]
    assert cells["trained on"] == ["5 photos"]
    assert all("±" in cell for cell in (*cells["gaze_osie"], *cells["all"]))

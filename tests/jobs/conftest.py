"""A tiny stand-in for the shared folder: photos with one spot that everybody looks at."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    random = np.random.default_rng(0)
    for dataset in ("gaze_osie", "gaze_nus_scene", "gaze_pascals"):
        images = folder / "data" / dataset / "images"
        images.mkdir(parents=True)
        rows = {name: [] for name in ("image", "viewer", "order", "x", "y")}
        for k in range(4):
            pixels = np.full((60, 80, 3), 40, np.uint8)
            x, y = random.integers(10, 70), random.integers(10, 50)
            pixels[y - 6 : y + 6, x - 6 : x + 6] = 250
            Image.fromarray(pixels).save(images / f"{k}.png")
            for viewer in range(4):
                for order in range(3):
                    values = (f"{k}.png", viewer, order, *(random.normal((x, y), 2)))
                    for name, value in zip(rows, values, strict=True):
                        rows[name].append(value)
        pq.write_table(pa.table(rows), images.parent / "fixations.parquet")
    return folder


@pytest.fixture(scope="session")
def vgg_student():
    """Random parameters in the layout of VGG-19's published 16x student."""
    generator = torch.Generator().manual_seed(1)
    widths = (("11", 3, 16), ("12", 16, 16), ("21", 16, 32), ("22", 32, 32), ("31", 32, 64))
    widths += (("32", 64, 64), ("33", 64, 64), ("34", 64, 64), ("41", 64, 128), ("42", 128, 128))
    widths += (("43", 128, 128), ("44", 128, 128), ("51", 128, 128))
    state = {"conv0.weight": torch.randn(3, 3, 1, 1, generator=generator)}
    state["conv0.bias"] = torch.randn(3, generator=generator)
    for name, inputs, outputs in widths:
        shape = (outputs, inputs, 3, 3)
        state[f"conv{name}.weight"] = torch.randn(shape, generator=generator) / (3 * inputs**0.5)
        state[f"conv{name}.bias"] = torch.randn(outputs, generator=generator) / 10
    for name in ("41", "51"):
        state[f"conv{name}_aux.weight"] = torch.randn(512, 128, 1, 1, generator=generator) / 11
        state[f"conv{name}_aux.bias"] = torch.randn(512, generator=generator) / 10
    return state

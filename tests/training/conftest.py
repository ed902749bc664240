"""A tiny stand-in for the shared folder: photos with one spot that everybody looks at."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    random = np.random.default_rng(0)
    for dataset in ("gaze_osie", "gaze_nus_scene"):
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

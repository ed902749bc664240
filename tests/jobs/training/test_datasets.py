"""The gaze readers: fixations, densities, and a split that never moves."""

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from deepcrop.geometry import Size
from jobs.training.datasets import GazePhoto, counts, density, gaze, read_gaze, split

SHARED = Path(os.environ.get("DEEPCROP_SHARED", Path(__file__).parents[3] / "shared"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for name, size in (("a.jpg", (80, 60)), ("b.png", (30, 90))):
        Image.new("RGB", size, (200, 100, 50)).save(tmp_path / "images" / name)
    rows = [
        ("a.jpg", 0, 0, 40.0, 30.0),
        ("a.jpg", 0, 1, 20.0, 15.0),
        ("a.jpg", 1, 1, 60.0, 45.0),
        ("a.jpg", 1, 2, 81.0, 10.0),
        ("b.png", 0, 1, 15.0, 45.0),
    ]
    names = ("image", "viewer", "order", "x", "y")
    columns = zip(*rows, strict=True)
    table = pa.table(dict(zip(names, map(list, columns), strict=True)))
    pq.write_table(table, tmp_path / "fixations.parquet")
    return tmp_path


def test_first_and_outside_fixations_are_dropped(folder):
    first, second = read_gaze(folder, longest=40)
    assert first.name == f"{folder.name}/a.jpg"
    assert first.size == Size(80, 60)
    assert first.image.shape == (3, 30, 40)
    assert first.image.dtype == torch.uint8
    np.testing.assert_allclose(first.points, [[0.25, 0.25], [0.75, 0.75]])
    np.testing.assert_array_equal(first.viewers, [0, 1])
    assert second.image.shape == (3, 40, 13)


def named(count):
    blank = torch.zeros(3, 1, 1, dtype=torch.uint8)
    empty = np.zeros((0, 2))
    return [
        GazePhoto(f"set/{k}.jpg", blank, Size(1, 1), empty, np.zeros(0, np.int64))
        for k in range(count)
    ]


def test_split_is_complete_disjoint_and_independent_of_the_order():
    photos = named(40)
    parts = split(photos, validation=5, test=10)
    again = split(photos[::-1], validation=5, test=10)
    names = [[photo.name for photo in part] for part in (parts.train, parts.validation, parts.test)]
    assert [len(part) for part in names] == [25, 5, 10]
    assert len({name for part in names for name in part}) == 40
    assert names[2] == [photo.name for photo in again.test]
    # Written down, so that a change of the hash can't move test photos into training unseen.
    assert names[2][:3] == ["set/2.jpg", "set/20.jpg", "set/22.jpg"]


def test_density_sums_to_one_and_peaks_at_the_fixation():
    grid = density(np.array([[0.3, 0.7]]), 20, 30)
    assert grid.sum() == pytest.approx(1, abs=1e-5)
    row, column = np.unravel_index(int(grid.argmax()), grid.shape)
    assert abs((row + 0.5) / 20 - 0.7) < 0.05
    assert abs((column + 0.5) / 30 - 0.3) < 0.05
    assert (density(np.zeros((0, 2)), 4, 5) == 1 / 20).all()


def test_counts_are_whole_and_complete():
    grid = counts(np.array([[0.0, 0.0], [0.999, 0.999], [0.999, 0.999]]), 3, 4)
    assert grid[0, 0] == 1
    assert grid[2, 3] == 2
    assert grid.sum() == 3


@pytest.mark.smoke
def test_a_gaze_folder_of_ones_own_is_for_training(shared, tmp_path):
    shutil.copytree(shared / "data", tmp_path / "data")
    (tmp_path / "data" / "gaze_notes").mkdir()  # no fixations.parquet: no dataset
    shutil.copytree(tmp_path / "data" / "gaze_osie", tmp_path / "data" / "gaze_mine")
    known = {"gaze_osie": (1, 2), "gaze_nus_scene": (1, 1), "gaze_pascals": (1, 1)}
    parts, before = (gaze(root, longest=64, parts_of=known) for root in (tmp_path, shared))
    assert [photo.name for photo in parts.test] == [photo.name for photo in before.test]
    assert [photo.name for photo in parts.validation] == [p.name for p in before.validation]
    own = parts.train[len(before.train) :]
    assert [photo.name for photo in parts.train[: len(before.train)]] == [
        photo.name for photo in before.train
    ]
    assert sorted(photo.name for photo in own) == [f"gaze_mine/{k}.png" for k in range(4)]


@pytest.mark.slow
def test_shared_gaze_data():
    if not (SHARED / "data" / "gaze_osie").exists():
        pytest.skip(f"no gaze data under {SHARED}")
    parts = gaze(SHARED, longest=64)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (750, 80, 170)

"""Other people's croppers, and photos that nothing learns from."""

import hashlib

import numpy as np
import pytest
import torch

from deepcrop.geometry import AspectRatio, Box, Size
from jobs.evaluation import peers, photo_sets
from jobs.evaluation.croppers import EvaluationPhoto
from jobs.training.datasets import gaze

ASPECTS = (AspectRatio(1, 1), AspectRatio(9, 16), AspectRatio(3, 1))


@pytest.fixture
def photo():
    image = torch.full((3, 100, 200), 90, dtype=torch.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (3, 60, 50))
    image[:, 20:80, 140:190] = torch.from_numpy(noise).to(torch.uint8)
    return EvaluationPhoto("a.jpg", image, Size(400, 200))


@pytest.mark.parametrize("name", ["libvips entropy", "libvips attention", "smartcrop"])
def test_peers_answer_with_largest_windows_of_the_file(photo, tmp_path, name):
    found, _ = peers.peers(tmp_path)
    if name not in found:
        pytest.skip(f"{name} is not installed")
    boxes = found[name](photo, ASPECTS)
    assert [box.size for box in boxes] == [each.largest_window(photo.size) for each in ASPECTS]
    assert all(box.inside(photo.size) for box in boxes)
    assert boxes[0].x1 > 260  # the square shows where something is


class Session:
    """In place of FastGaze: the map's maximum is its third column, second row."""

    def run(self, outputs, inputs):
        [pixels] = inputs.values()
        assert pixels.shape == (1, 3, 100, 200)
        blue, _, red = pixels[0, :, 0, 0]
        assert (blue, red) == pytest.approx((90 - 103.53, 90 - 123.675), abs=1e-3)
        result = np.zeros((1, 1, 2, 4), np.float32)
        result[0, 0, 1, 2] = 3
        return [result]


def test_fastgaze_is_cropped_around_the_maximum(photo):
    cropper = peers.FastGaze.__new__(peers.FastGaze)
    cropper._session = Session()
    assert cropper.map(photo.image).max() == 1
    square, *_ = cropper(photo, ASPECTS)
    assert square == Box(150, 0, 350, 200)


def test_a_missing_network_is_named(tmp_path):
    pytest.importorskip("onnxruntime")
    _, absent = peers.peers(tmp_path)
    assert any(line.startswith("FastGaze is left out") for line in absent)


def test_held_out_gaze_photos_are_those_of_the_split(shared, monkeypatch):
    parts = {"gaze_osie": (1, 2), "gaze_nus_scene": (1, 1)}
    monkeypatch.setattr(photo_sets, "PARTS", parts)
    split = gaze(shared, longest=16, parts_of=parts)
    found = photo_sets.held_out_gaze(shared, "gaze_osie", ("test", "validation"))
    names = [f"gaze_osie/{path.name}" for path in found]
    expected = [photo.name for photo in [*split.test, *split.validation]]
    assert names == [name for name in expected if name.startswith("gaze_osie/")]
    assert all(path.exists() for path in found)
    assert photo_sets.coco128(shared) == photo_sets.kodak(shared) == []


def test_animals_are_held_out_by_their_names(tmp_path):
    folder = tmp_path / "data/heads_animals/images"
    folder.mkdir(parents=True)
    for number in range(20):
        (folder / f"{number}.jpg").touch()
    (folder / "note.txt").touch()
    out = [
        f"{number}.jpg"
        for number in range(20)
        if int(hashlib.sha256(f"{number}.jpg".encode()).hexdigest(), 16) % 5 == 0
    ]
    assert sorted(out) == [path.name for path in photo_sets.held_out_animals(tmp_path)]

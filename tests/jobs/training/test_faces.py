"""The face head learns what a detector finds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from deepcrop.networks.saliency.faces import read_faces
from deepcrop.networks.saliency.model import SaliencyNetwork
from jobs.training import faces as training
from jobs.training.faces import FacePhoto, Recipe


def network() -> SaliencyNetwork:
    bare = training.without_face_head("saliency")
    bare.options = replace(bare.options, pixels=96 * 128)
    return bare


def squares(count: int) -> list[FacePhoto]:
    """Grey photos, each with a white square, which stands for a face."""
    random = np.random.default_rng(0)
    photos = []
    for index in range(count):
        image = torch.full((3, 96, 128), 90, dtype=torch.uint8)
        x, y, side = random.integers(8, 80), random.integers(8, 60), random.integers(20, 30)
        image[:, y : y + side, x : x + side] = 255
        box = [x / 128, y / 96, (x + side) / 128, (y + side) / 96, 0.99]
        photos.append(FacePhoto(str(index), image, np.array([box])))
    return photos


@pytest.mark.smoke
def test_targets_read_back_are_the_faces():
    faces = np.array([[0.1, 0.2, 0.3, 0.5, 0.99], [0.6, 0.55, 0.75, 0.8, 0.95]])
    heat, shape, _ = training.targets(faces, (54, 72))
    found = torch.cat([torch.logit(heat.clamp(1e-6, 1 - 1e-6))[None], shape])
    read = read_faces(found, 0.99)
    order = read[:, 0].argsort()
    assert read[order, :4].numpy() == pytest.approx(faces[:, :4], abs=1e-5)


def test_unsure_small_and_cut_faces_are_neither_faces_nor_background():
    faces = np.array(
        [
            [0.1, 0.1, 0.2, 0.2, 0.7],  # unsure
            [0.5, 0.5, 0.51, 0.51, 0.99],  # small
            [-0.1, 0.7, 0.1, 0.95, 0.99],  # half outside
        ]
    )
    heat, _, weight = training.targets(faces, (40, 40))
    assert heat.max() == 0
    assert weight[5, 5] == weight[20, 20] == weight[32, 1] == 0
    assert weight[5, 30] == 1


def test_a_head_learns_and_the_saliency_stays():
    before = network()
    lines: list[str] = []
    recipe = Recipe(width=16, views=1, epochs=25, batch=8, rate=1e-2)
    head = training.train(before, squares(24), recipe, lines.append)
    assert len(lines) == 25
    joined = training.with_faces(before, head)
    taught = squares(24)
    found = [training.find(before, head, photo.image, 0.35) for photo in taught]
    agreed = training.agreement(found, taught, smallest=0.05)
    assert agreed.faces == 24
    assert agreed.found >= 20
    [seen] = joined.predict([taught[0].image])
    assert torch.equal(seen.saliency, before.maps([taught[0].image])[0])
    assert torch.equal(seen.faces, found[0])


def test_agreement_counts_found_missed_and_false_faces():
    photo = FacePhoto(
        "a",
        torch.zeros(3, 100, 200, dtype=torch.uint8),
        np.array(
            [[0.1, 0.1, 0.3, 0.5, 0.99], [0.6, 0.1, 0.8, 0.5, 0.99], [0.4, 0.4, 0.41, 0.41, 0.99]]
        ),
    )
    ours = torch.tensor([[0.11, 0.1, 0.31, 0.5, 0.9], [0.4, 0.6, 0.6, 0.9, 0.8]])
    agreed = training.agreement([ours], [photo], smallest=0.05)
    assert (agreed.faces, agreed.found, agreed.false) == (2, 1, 1)


def test_labels_are_read_back(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    Image.new("RGB", (40, 30)).save(tmp_path / "b.png")
    rows = [
        {"photo": "a.png", "faces": [[0.1, 0.2, 0.3, 0.4, 0.9]]},
        {"photo": "b.png", "faces": []},
    ]
    training.write_faces(rows, tmp_path / "faces.parquet")
    first, second = training.read_face_photos(tmp_path / "faces.parquet", tmp_path)
    assert first.faces.tolist() == [[0.1, 0.2, 0.3, 0.4, 0.9]]
    assert second.faces.shape == (0, 5)
    assert first.image.shape == (3, 30, 40)

"""The whole recipe of the saliency network, on a few tiny photos."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torchvision.models import mobilenet_v2

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.training import datasets, saliency_job
from jobs.training.animals import POINTS, read_animals, split_animals
from jobs.training.saliency import Recipe
from jobs.training.scene_head import HeadRecipe, train_head
from jobs.training.scene_photos import labelled_paths, scene_photos
from jobs.training.scenes import SceneRecipe
from jobs.training.teachers import LABEL_SIDE, Labels, read_labels, write_labels


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    for name in ("gaze_osie", "gaze_nus_scene", "gaze_pascals"):
        monkeypatch.setitem(datasets.PARTS, name, (1, 1))


@pytest.fixture(scope="module")
def folder(shared, tmp_path_factory):
    """The shared stand-in with photos of animals beside those with gaze."""
    root = tmp_path_factory.mktemp("scenes") / "shared"
    (root / "data").mkdir(parents=True)
    for each in (shared / "data").iterdir():
        (root / "data" / each.name).symlink_to(each)
    images = root / "data" / "heads_animals" / "images"
    images.mkdir(parents=True)
    rows = []
    for k in range(8):
        Image.new("RGB", (80, 60), (90, 10 * k, 40)).save(images / f"{k}.jpg")
        points = {
            f"{name}_{axis}": float(20 + 3 * i) for i, name in enumerate(POINTS) for axis in "xy"
        }
        if k == 0:
            points = dict.fromkeys(points)
        box = {"x0": 10.0, "y0": 10.0, "x1": 60.0, "y1": 50.0, "width": 80, "height": 60}
        rows.append({"image": f"{k}.jpg", "animal": 0, "category": "dog", **box, **points})
    pq.write_table(pa.Table.from_pylist(rows[::-1]), images.parent / "animals.parquet")
    return root


def labels_of(paths, root):
    mask = np.zeros((LABEL_SIDE, LABEL_SIDE), np.uint8)
    mask[40:100, 30:90] = 255
    face = np.array([[0.3, 0.3, 0.5, 0.6, 0.8], [0.8, 0.8, 0.95, 0.95, 0.4]], np.float32)
    for path in paths:
        yield Labels(str(path.relative_to(root / "data")), mask, mask // 2, face)


def test_labels_are_read_as_written(folder, tmp_path):
    paths = labelled_paths(folder)
    write_labels(labels_of(paths, folder), tmp_path / "labels.parquet")
    read = read_labels(tmp_path / "labels.parquet")
    assert len(read) == len(paths) > 2
    for wanted in labels_of(paths, folder):
        found = read[wanted.photo]
        for name in ("subject", "text", "faces"):
            assert np.array_equal(getattr(found, name), getattr(wanted, name))


def test_photos_take_their_labels_along(folder, tmp_path):
    labels = {each.photo: each for each in labels_of(labelled_paths(folder), folder)}
    photos = {photo.name: photo for photo in scene_photos(folder, labels)}
    animals, held_out = split_animals(read_animals(folder), folder)
    assert not {f"heads_animals/{photo.name}" for photo in held_out} & set(photos)
    for animal in animals:
        photo = photos[f"heads_animals/{animal.name}"]
        known = animal.animals[0].head is not None
        assert photo.animals[0, 4] == (1.0 if known else 0.0)
        # The face that the detector found inside the animal is none.
        assert len(photo.faces) == 1
    watched = [photo for name, photo in photos.items() if "gaze_" in name and "pascals" not in name]
    assert all(len(photo.points) and photo.faces[0, 4] == 1 for photo in watched)
    assert all(photo.faces[1, 4] < 0.5 for photo in watched)
    bare = scene_photos(folder, {})
    assert all(photo.subject is None and not len(photo.faces) for photo in bare)


def test_the_recipe_runs_from_gaze_to_scenes(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(saliency_job, "FIRST", 64 * 96)
    torch.manual_seed(0)
    lines = []
    network = saliency_job.learn_gaze(
        SaliencyOptions(width=8),
        Recipe(epochs=1, views=1),
        shared=folder,
        imagenet=mobilenet_v2(weights=None).state_dict(),
        output=tmp_path,
        note=lines.append,
    )
    assert network.options.pixels == 64 * 96 and network.scene is None
    labels = {each.photo: each for each in labels_of(labelled_paths(folder), folder)}
    photos = scene_photos(folder, labels)
    monkeypatch.setattr(saliency_job, "SECOND", 64 * 96)
    monkeypatch.setattr(saliency_job, "THIRD", 96 * 96)
    taught = saliency_job.learn_scenes(
        network,
        photos,
        SceneRecipe(epochs=2, views=1, batch=2),
        head=HeadRecipe(epochs=2, views=2, batch=4),
        note=lines.append,
    )
    assert taught.options.scene == saliency_job.HEAD
    assert taught.options.pixels == saliency_job.WHOLE
    assert len(lines) == 1 + 2 + 1 + 2

    kept = []
    again = saliency_job.learn_scenes(
        taught,
        photos,
        SceneRecipe(epochs=1, views=1, batch=2, rate=0, gaze_rate=0, trunk_rate=0),
        head=HeadRecipe(epochs=1, views=1, batch=4, rate=0),
        keep=lambda passed: kept.append(passed.options.pixels),
    )
    assert kept == [64 * 96, 96 * 96]
    for name, value in taught.state_dict().items():  # at a rate of 0 the same head learns on
        assert torch.allclose(again.state_dict()[name], value, atol=1e-6), name


def test_the_head_learns_and_gaze_stays(folder):
    torch.manual_seed(0)
    network = SaliencyNetwork(SaliencyOptions(pixels=64 * 96, width=8, scene=8)).eval()
    labels = {each.photo: each for each in labels_of(labelled_paths(folder), folder)}
    photos = scene_photos(folder, labels)
    before = network.maps([photos[0].image])[0]
    lines = []
    trained = train_head(network, photos, HeadRecipe(epochs=6, rate=1e-2, batch=4), lines.append)
    assert torch.equal(trained.maps([photos[0].image])[0], before)
    first, last = (float(line.split(": ")[1].split(",")[0]) for line in (lines[0], lines[-1]))
    assert last < first

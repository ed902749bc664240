"""Named objects, and the croppers that are held against them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deepcrop.geometry import Box, Size
from jobs.evaluation.steering import (
    bounding_box,
    cases_of,
    centre_of,
    class_table,
    most_salient,
    read_objects,
    steering_tables,
)

SIZE = Size(80, 60)


def entry(*objects):
    named = [{"category": c, "box_xywh": box, "crowd": crowd} for c, box, crowd in objects]
    return {"width": 80, "height": 60, "objects": named}


@pytest.fixture
def folder(tmp_path):
    """Two photos that count, and one whose objects don't."""
    root = tmp_path / "data" / "objects_coco128"
    (root / "images").mkdir(parents=True)
    dog, cat = ("dog", [50, 10, 20, 30], False), ("cat", [0, 20, 20, 20], False)
    table = {
        "b.jpg": entry(dog, ("dog", [0, 0, 15, 15], False), cat),
        "a.jpg": entry(("elephant", [10, 10, 30.4, 30], False), ("cat", [0, 0, 30, 30], True)),
        "c.jpg": entry(("dog", [0, 0, 5, 5], False), ("cat", [0, 0, 79, 59], False)),
    }
    random = np.random.default_rng(0)
    for name in table:
        pixels = random.integers(0, 255, (60, 80, 3), np.uint8)
        Image.fromarray(pixels).save(root / "images" / name)
    (root / "objects.json").write_text(json.dumps(table))
    return root


def test_the_largest_object_of_each_category_counts_if_it_is_neither_small_nor_all(folder):
    photos = read_objects(folder)
    assert [path.name for path in photos] == ["a.jpg", "b.jpg"]
    [elephant], [dog, cat] = photos.values()
    assert (elephant.caption, elephant.box) == ("an elephant", Box(10, 10, 40, 40))
    assert (dog.caption, dog.box) == ("a dog", Box(50, 10, 70, 40))
    assert cat.category == "cat"


def test_each_crops_rivals_are_the_others_of_its_photo(folder):
    photos = read_objects(folder)
    first, second = photos
    boxes = {first: [Box(0, 0, 9, 9)], second: [Box(0, 0, 8, 8), Box(1, 1, 7, 7)]}
    cases = cases_of(photos, boxes, dict.fromkeys(photos, SIZE))
    assert [case.rivals for case in cases] == [(), (Box(1, 1, 7, 7),), (Box(0, 0, 8, 8),)]


def test_baselines_have_the_sizes_of_the_crops_they_stand_beside():
    crops = [Box(0, 0, 20, 15), Box(60, 45, 80, 60)]
    assert centre_of(SIZE, crops[:1]) == [Box(30, 22, 50, 37)]
    saliency = torch.zeros(15, 20)
    saliency[12, 16] = 1  # pixels 64..68, 48..52
    for box in most_salient(saliency, SIZE, crops):
        assert box.size == Size(20, 15)
        assert box.intersection(Box(64, 48, 68, 52)) == 16


def test_grad_cam_boxes_what_lies_above_the_threshold():
    grad_cam = torch.zeros(6, 8)
    assert bounding_box(grad_cam, SIZE) == Box(0, 0, 80, 60)
    grad_cam[2:4, 1:3] = 1.0
    box = bounding_box(grad_cam, SIZE)
    assert box.intersection(Box(10, 20, 30, 40)) == 400
    assert box.area < 1000


@pytest.mark.smoke
def test_the_table_has_the_baselines_once_a_score(folder, monkeypatch):
    monkeypatch.setattr("deepcrop.networks.cagic.model.SIDES", (224,))
    quick = "shrink=0.6,restarts=1,steps=1"
    rows = [f"one:score=words,{quick}", f"two:score=words,ablation=CN,{quick}"]
    lines = []
    [table] = steering_tables(folder.parents[1], "cagic", rows, 2, lines.append)
    titles = ["one", "  centre, same sizes", "  saliency, same sizes", "  Grad-CAM, same score"]
    assert [*table.columns[0].cells] == [*titles, "two"]
    assert all("3 crops" in line for line in lines)


def test_a_category_has_a_row_from_ten_crops_on(folder):
    dog, cat = read_objects(folder)[folder / "images" / "b.jpg"]
    photos = {Path(f"{number}.jpg"): [dog, cat] if number else [dog] for number in range(10)}
    crops = {path: [Box(60, 0, 80, 60), cat.box][: len(each)] for path, each in photos.items()}
    table = class_table("map", photos, crops, dict.fromkeys(photos, SIZE))
    [row] = zip(*(column.cells for column in table.columns), strict=True)
    assert row == ("dog", "10", "0.500", "0.250", "0.200")

"""Heads in windows, counted on photos whose heads are known."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from rich.console import Console

from deepcrop.geometry import AspectRatio, Box, Size
from jobs.evaluation import heads
from jobs.evaluation.croppers import EvaluationPhoto, centre
from jobs.evaluation.heads import (
    HeadPhoto,
    animal_photos,
    best_possible,
    fitting,
    head_cuts,
    head_table,
    heads_of,
    large,
    people_photos,
    share_inside,
)
from jobs.training.animals import POINTS, held_out
from jobs.training.fcdb import Edges

SQUARE = AspectRatio(1, 1)


def photo(*boxes):
    image = torch.zeros(3, 10, 20, dtype=torch.uint8)
    return HeadPhoto(EvaluationPhoto("a", image, Size(200, 100)), boxes)


LEFT = Edges(5, 20, 45, 60)
MIDDLE = Edges(90, 20, 130, 60)
HALF = Edges(40, 10, 60, 30)  # the centre square begins at 50
WIDE = Edges(0, 0, 120, 50)


def test_the_outcomes_are_whole_cut_and_left_out():
    cuts, count = head_cuts([photo(LEFT, MIDDLE, HALF, WIDE)], {"centre": centre}, [SQUARE])
    found = cuts["centre"]
    assert count == 1
    assert (found.whole, found.cut, found.outside) == (1, 1, 1)  # the wide one doesn't fit
    assert found.lost == pytest.approx(2 / 3)
    assert found.share == 0.5
    assert found.photos == [True]


def test_the_best_possible_window_shows_the_most_heads():
    [box] = best_possible(photo(LEFT, MIDDLE, HALF), [SQUARE])
    assert share_inside(LEFT, box) == share_inside(HALF, box) == 1
    cuts, _ = head_cuts([photo(LEFT, MIDDLE, HALF)], {"centre": centre}, [SQUARE])
    assert cuts["best possible"].whole == 2
    assert cuts["best possible"].lost < cuts["centre"].lost
    console = Console(record=True, width=120)
    console.print(head_table("t", cuts))
    text = console.export_text()
    assert text.index("centre") < text.index("best possible")


def test_small_heads_do_not_count_and_wide_ones_do_not_fit():
    size = Size(200, 100)
    assert large([LEFT, Edges(0, 0, 5, 50)], size) == (LEFT,)
    assert fitting([LEFT, WIDE], SQUARE, size) == [LEFT]
    assert fitting([WIDE], AspectRatio(2, 1), size) == [WIDE]


def test_heads_are_faces_with_hair_inside_the_photo():
    faces = np.array([[0.1, 0.5, 0.3, 0.75], [0.9, 0.1, 1.2, 0.6]], np.float32)
    first, second = heads_of(faces, Size(100, 200))
    assert first == pytest.approx((10, 80, 30, 150), abs=1e-4)
    assert second == pytest.approx((90, 0, 100, 120), abs=1e-4)


def test_animals_are_the_held_out_ones(tmp_path):
    folder = tmp_path / "data" / "heads_animals"
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(20):
        name = f"{number}.jpg"
        Image.new("RGB", (100, 80)).save(folder / "images" / name)
        row = {"image": name, "animal": 0, "category": "dog", "width": 100, "height": 80}
        row |= {"x0": 5.0, "y0": 6.0, "x1": 70.0, "y1": 75.0}
        for index, point in enumerate(POINTS):
            row[f"{point}_x"], row[f"{point}_y"] = 40.0 + 4 * index, 30.0 + index % 2
        rows.append(row)
    pq.write_table(pa.Table.from_pylist(rows), folder / "animals.parquet")
    unseen, every = list(animal_photos(tmp_path)), list(animal_photos(tmp_path, every=True))
    assert len(every) == 20
    assert [each.photo.name for each in unseen] == [
        each.photo.name for each in every if held_out(each.photo.name.rpartition("/")[2])
    ]
    assert unseen[0].heads == (Edges(35, 25, 65, 36),)
    assert unseen[0].photo.name.startswith("heads_animals/images/")


def test_people_have_sure_faces(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "captions_flickr8k" / "images"
    folder.mkdir(parents=True)
    for number in range(20):
        Image.new("RGB", (100, 50)).save(folder / f"{number:02}.jpg")
    asked = []

    def faces_of(paths, shared, labels, report):
        asked.extend(path.name for path in paths)
        sure, unsure = [0.1, 0.4, 0.3, 0.8, 0.95], [0.5, 0.4, 0.8, 0.8, 0.4]
        rows = {"00.jpg": [sure, unsure], "10.jpg": [unsure]}
        return {
            f"captions_flickr8k/images/{name}": np.array(row, np.float32)
            for name, row in rows.items()
        }

    monkeypatch.setattr(heads, "faces_of", faces_of)
    [found] = people_photos(tmp_path, tmp_path / "labels")
    assert asked == ["00.jpg", "10.jpg"]
    assert len(found.heads) == 1
    assert found.heads[0] == pytest.approx((10, 12, 30, 40), abs=1e-4)


def test_a_window_beside_a_head_holds_none_of_it():
    assert share_inside(LEFT, Box(45, 0, 100, 100)) == 0
    assert share_inside(LEFT, Box(25, 0, 100, 100)) == 0.5

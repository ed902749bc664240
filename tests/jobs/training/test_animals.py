"""Animals with the points of their heads, read and split."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepcrop.geometry import Size
from jobs.training.animals import POINTS, head_box, held_out, read_animals, split_animals

NAMES = [f"{number}.jpg" for number in range(30)]


@pytest.fixture
def shared(tmp_path):
    rows = []
    for name in NAMES:
        row = {"image": name, "animal": 0, "category": "dog", "width": 100, "height": 80}
        row |= {"x0": 5.0, "y0": 6.0, "x1": 70.0, "y1": 75.0}
        seen = {"left_eye": (40, 30), "right_eye": (60, 30), "nose": (50, 40)}
        for point in POINTS:
            row[f"{point}_x"], row[f"{point}_y"] = seen.get(point, (None, float("nan")))
        rows.append(row)
    rows.append(rows[0] | {"animal": 1, "category": "cat", "nose_x": None, "nose_y": None})
    folder = tmp_path / "data" / "heads_animals"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "animals.parquet")
    return tmp_path


def test_animals_are_read_with_their_heads(shared):
    photos = read_animals(shared)
    assert [photo.name for photo in photos] == sorted(NAMES)
    dog, cat = photos[0].animals
    assert photos[0].size == Size(100, 80)
    assert photos[0].path == shared / "data/heads_animals/images/0.jpg"
    assert (dog.kind, cat.kind) == ("dog", "cat")
    assert dog.box == (5, 6, 70, 75)
    assert dog.head == (35, 25, 65, 45)
    assert cat.head is None
    assert np.isnan(dog.points).all(1).tolist() == [False, False, False, True, True, True]


def test_a_head_stays_inside_the_photo():
    points = np.array([[2.0, 3.0], [22.0, 3.0], [12.0, 43.0]])
    assert head_box(points, Size(30, 45)) == (0, 0, 30, 45)
    assert head_box(points + 500, Size(30, 45)) is None
    assert head_box(points[:2], Size(30, 45)) is None


def test_a_fifth_of_the_names_is_held_out():
    names = [f"2008_{number:06}.jpg" for number in range(2000)]
    out = [name for name in names if held_out(name)]
    assert 340 < len(out) < 460
    assert all(int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 == 0 for name in out)


def test_photos_where_gaze_is_evaluated_are_not_for_training(shared):
    photos = read_animals(shared)
    training, unseen = split_animals(photos, shared)
    assert len(training) + len(unseen) == len(photos)
    assert unseen
    watched = shared / "data/gaze_pascals/images"
    watched.mkdir(parents=True)
    for photo in (training[0], unseen[0]):
        (watched / photo.name).touch()
    fewer, same = split_animals(photos, shared)
    assert fewer == training[1:]
    assert same == unseen

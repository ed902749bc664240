"""Subjects in windows, gaze on any data set, and the teachers' labels that are kept."""

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from deepcrop.errors import RequestError
from deepcrop.geometry import AspectRatio, Box, Size
from jobs.evaluation import subjects, teacher_labels
from jobs.evaluation.croppers import centre
from jobs.evaluation.gaze_gain import gains, gaze_photos, read_part
from jobs.evaluation.subjects import clear, read_list, subject, subject_shares, subject_table
from jobs.evaluation.teacher_labels import faces_of, subjects_of
from jobs.training.teachers import LABEL_SIDE, Labels, write_labels

SQUARE = [AspectRatio(1, 1)]


def mask(x0, x1, y0=40, y1=120, value=255):
    found = np.zeros((LABEL_SIDE, LABEL_SIDE), np.uint8)
    found[y0:y1, x0:x1] = value
    return found


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "data" / "photos_kodak"
    folder.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (200, 100), "grey").save(folder / name)
    return tmp_path


class Teachers:
    """In place of the networks: a subject in the left quarter, and one face."""

    looked = 0

    def __init__(self, folder):
        assert folder.name == "teachers"

    def subject(self, photo):
        Teachers.looked += 1
        found = np.zeros((320, 320), np.float32)
        found[:, :80] = 1
        return found

    def faces(self, photo):
        Teachers.looked += 1
        return np.array([[0.1, 0.2, 0.3, 0.4, 0.9]], np.float32)


@pytest.fixture
def teachers(monkeypatch):
    monkeypatch.setattr(teacher_labels, "Teachers", Teachers)
    monkeypatch.setattr(Teachers, "looked", 0)
    return Teachers


def test_what_no_file_has_is_labelled_once(photos, tmp_path, teachers):
    labels = tmp_path / "labels"
    labels.mkdir()
    done = Labels("photos_kodak/a.png", mask(0, 160), mask(0, 0), np.ones((2, 5), np.float32))
    write_labels(iter([done]), labels / "kodak.parquet")
    paths = sorted((photos / "data/photos_kodak").glob("*"))
    said = []
    first = subjects_of(paths, photos, labels, said.append)
    assert teachers.looked == 1
    assert said == ["1 photos have no labels yet: running the teacher"]
    assert first["photos_kodak/a.png"].mean() == 127.5
    assert first["photos_kodak/b.png"][:, :35].min() == 255
    assert first["photos_kodak/b.png"][:, 45:].max() == 0
    again = subjects_of(paths, photos, labels, said.append)
    assert teachers.looked == 1
    assert all((again[name] == first[name]).all() for name in first)
    faces = faces_of(paths, photos, labels)
    assert [len(each) for each in faces.values()] == [2, 1]
    assert faces_of(paths, photos, labels)["photos_kodak/b.png"].shape == (1, 5)
    assert teachers.looked == 2


def test_shares_of_the_subject_and_whole_ones(photos, tmp_path, teachers):
    names = ["photos_kodak/a.png", "photos_kodak/b.png"]

    def left(photo, aspects):
        return [Box(0, 0, 100, 100)]

    ways = {"left": left, "centre": centre}
    found = subject_shares(photos, tmp_path / "labels", ways, names=names, aspects=SQUARE)
    assert found["left"].shares.shape == (2, 1)
    assert (found["left"].share, found["left"].whole) == (1, 1)
    assert found["centre"].share == pytest.approx(0, abs=0.02)
    assert found["centre"].whole == 0
    assert found["best possible"].whole == 1
    console = Console(record=True, width=100)
    console.print(subject_table("t", found))
    assert "best possible" in console.export_text()


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (mask(40, 120), True),
        (mask(40, 50), False),
        (mask(0, 160), True),
        (mask(40, 120, value=120), False),
        (mask(0, 160, 0, 90), False),
    ],
    ids=["clear", "small", "two edges", "unsure", "three edges"],
)
def test_clear_subjects(found, expected):
    assert clear(found) is expected


def test_the_list_names_photos_once():
    names = read_list()
    assert len(names) == len(set(names)) >= 150
    folders = {name.partition("/")[0] for name in names}
    assert folders <= {
        "gaze_osie",
        "heads_animals",
        "objects_coco128",
        "photos_kodak",
    }


def test_the_photos_of_the_list_are_not_for_training(photos):
    from jobs.training.animals import held_out

    for name in read_list():
        if name.startswith("heads_animals/"):
            assert held_out(name.rpartition("/")[2])


def test_a_mask_without_subject_is_an_error():
    with pytest.raises(ValueError, match="no subject"):
        subject(mask(0, 0), Size(2, 2))
    assert subjects.WHOLE == 0.99


def test_gaze_of_any_folder_is_measured(shared):
    every = gaze_photos(shared, "gaze_osie", "all")
    assert len(every) == 4
    assert len(gaze_photos(shared, "gaze_osie", "test")) == 4  # of four, all are in the test part
    found = gains(every, {"centre": centre, "ours": centre})
    assert found["ours"].gain == found["centre"].gain == 0
    assert found["best possible"].kept.mean() >= found["human (half of the viewers)"].kept.mean()


def test_other_folders_have_no_parts(shared, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gaze_other").symlink_to(shared / "data" / "gaze_osie")
    assert len(gaze_photos(tmp_path, "gaze_other", "all")) == 4
    with pytest.raises(RequestError, match="no parts"):
        gaze_photos(tmp_path, "gaze_other", "test")
    assert read_part("test") == "test"
    with pytest.raises(RequestError, match="unknown"):
        read_part("train")

"""Photos that are named on the command line."""

import os

import pytest

from deepcrop.cli.crop.photos import find_photos
from deepcrop.errors import RequestError
from deepcrop.storage import Storage


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "photos" / "nested").mkdir(parents=True)
    for name in ("a.jpg", "nested/b.jpg"):
        (tmp_path / "photos" / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def test_a_glob_finds_a_photo_once_though_a_link_leads_back(folder):
    (folder / "nested" / "loop").symlink_to("..")
    (folder / "itself").symlink_to(".")
    assert find_photos(["photos/**/*.jpg"], Storage()) == ["photos/a.jpg", "photos/nested/b.jpg"]


def test_a_link_to_another_folder_is_followed(folder):
    os.symlink(folder / "nested", folder.parent / "elsewhere")
    assert find_photos(["else*/*.jpg"], Storage()) == ["elsewhere/b.jpg"]


def test_a_glob_that_matches_nothing_is_a_wrong_request(folder):
    with pytest.raises(RequestError, match="no photo matches"):
        find_photos(["photos/*.png"], Storage())

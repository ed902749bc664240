"""A folder with photos, as the pages' examples expect it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from skimage import data

PHOTOS = ("astronaut", "cat", "coffee")


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``photo.jpg`` and ``photos/``; all pages share it and its job."""
    folder = tmp_path_factory.mktemp("examples")
    write_photos(folder)
    return folder


def write_photos(folder: Path) -> None:
    """Write ``photo.jpg`` and ``photos/``: small, so that the examples are quick."""
    (folder / "photos").mkdir()
    for name in PHOTOS:
        picture = Image.fromarray(getattr(data, name)())
        picture.save(folder / "photos" / f"{name}.jpg", quality=90)
    Image.fromarray(data.astronaut()).save(folder / "photo.jpg", quality=90)

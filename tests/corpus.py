"""Corpora of real and hostile files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def photos():
    """Real photos, as PIL images, by name."""
    from skimage import data

    names = ("astronaut", "chelsea", "coffee", "rocket")
    return {name: Image.fromarray(getattr(data, name)()) for name in names}


def jpeg(photo: Image.Image, size: tuple[int, int], quality: int = 85) -> bytes:
    """A photo as a JPEG of some size."""
    out = io.BytesIO()
    photo.resize(size).save(out, "jpeg", quality=quality)
    return out.getvalue()


@pytest.fixture
def corpus(tmp_path: Path, photos) -> Path:
    """A folder of 24 sources: good ones in odd places, and six that can't be read."""
    root = tmp_path / "in"
    good = jpeg(photos["chelsea"], (120, 80))
    for name in ("a.jpg", "b b.jpg", "ü/ß.JPG", "deep/er/c.jpeg", "d%2Fe.jpg", "noextension"):
        _write(root / name, good)
    for index in range(9):
        _write(root / "many" / f"{index}.jpg", jpeg(photos["coffee"], (90 + index, 70)))
    photos["rocket"].resize((64, 48)).save(root / "many" / "0.png")
    photos["rocket"].resize((1, 1)).save(root / "one.webp")
    photos["astronaut"].resize((50, 200)).save(root / "tall.tif")
    _write(root / "bad/empty.jpg", b"")
    _write(root / "bad/page.jpg", b"<!doctype html><html>Not found</html>")
    _write(root / "bad/half.jpg", good[: len(good) // 2])
    _write(root / "bad/noise.png", bytes(range(256)) * 4)
    _write(root / "bad/text.gif", b"hello, world")
    _write(root / "bad/bomb.png", bomb())
    _write(root / "notes.txt", b"no image, and no source")
    return root


def bomb() -> bytes:
    """A PNG whose header says 60,000 x 60,000 pixels."""
    out = io.BytesIO()
    Image.new("1", (8, 8)).save(out, "png")
    data = bytearray(out.getvalue())
    data[16:24] = (60000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

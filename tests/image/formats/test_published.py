"""Files that other projects publish for their tests, fetched for the run and never stored here.

Each is read as the project's own reader shows it, or refused with a reason. They lie in the source
distributions of pillow-heif and Pillow; ``DEEPCROP_PUBLISHED`` names a folder where these are
unpacked already.
"""

import io
import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepcrop.errors import DecodeError
from deepcrop.image import decode, probe
from deepcrop.image.colour.conversion import to_rgb

pytestmark = pytest.mark.slow

LARGEST = 13_000_000
"""Pixels of the largest file that is decoded here; of larger ones only the header is read."""


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Return a function that returns the folder of a package's source distribution."""
    place = os.environ.get("DEEPCROP_PUBLISHED")
    folder = Path(place) if place else tmp_path_factory.mktemp("published")

    def unpacked(package):
        name = f"{package.replace('-', '_')}-{version(package)}"
        if (folder / name).is_dir():
            return folder / name
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary"]
        command += [package, f"{package}=={version(package)}", "--dest", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        archive = folder / f"{name}.tar.gz"
        if not archive.exists():
            pytest.skip(f"{package} can't be fetched: {done.stderr[-200:]}")
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        return folder / name

    return unpacked


def difference(pixels, wanted):
    return np.abs(pixels.astype(int) - wanted).max()


@pytest.mark.skipif(find_spec("pillow_heif") is None, reason="pillow-heif is not installed")
def test_files_of_pillow_heif(published):
    import pillow_heif

    paths = sorted((published("pillow-heif") / "tests" / "images").rglob("*.h*i*f*"))
    paths += sorted((published("pillow-heif") / "tests" / "images").rglob("*.heic"))
    read, refused = [], []
    for path in dict.fromkeys(paths):
        data = path.read_bytes()
        try:
            header = probe(data, max_pixels=2**28)
            if header.size.width * header.size.height > LARGEST:
                continue
            picture = decode(data)
        except DecodeError as error:
            refused.append((path.name, type(error).__name__))
            continue
        file = pillow_heif.open_heif(data)
        image = file[file.primary_index].to_pillow()
        assert image.size == (header.size.width, header.size.height), path.name
        wanted = np.asarray(to_rgb(image, "srgb")[0])
        if wanted.shape == picture.pixels.shape:
            # Samples of more than 8 bits are rounded before or after the change to RGB.
            assert difference(picture.pixels, wanted) <= 3, path.name
        read.append(path.name)
    assert len(read) >= 38
    broken = {"corrupted.heic", "corrupted.hif", "empty.heic"}
    assert {name for name, _ in refused} <= broken


def test_files_of_pillow(published):
    folder = published("pillow") / "Tests" / "images"
    read = 0
    for path in sorted(folder.glob("*.psd")):
        data = path.read_bytes()
        try:
            picture = decode(data)
        except DecodeError:
            continue
        try:
            with Image.open(io.BytesIO(data)) as image:
                wanted = np.asarray(to_rgb(image, "srgb")[0])
        except OSError:  # its damage lies in layers, which aren't read here
            continue
        if picture.pixels.shape[2] == 3:  # Pillow doesn't take transparency off its white
            assert difference(picture.pixels, wanted) <= 1, path.name
        read += 1
    assert read >= 6

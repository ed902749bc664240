"""What a person hands us, and what a person gets."""

import io
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from deepcrop.errors import AccessDenied, Corrupt, FetchError, NotFound, RequestError
from deepcrop.image import as_array, as_pil
from deepcrop.image import open as open_photo
from tests.image.samples import DISPLAY_P3, in_srgb, matrix_profile, photo, saved, shown


def test_open_is_oriented_and_srgb(tmp_path):
    exif = Image.Exif()
    exif[274] = 5
    profile = matrix_profile(DISPLAY_P3, 2.2)
    stored = photo()[:40, :70]
    data = saved(stored, "png", exif=exif, icc_profile=profile)
    path = tmp_path / "photo of caf\u00e9.png"
    path.write_bytes(data)
    for source in (path, str(path), io.BytesIO(data)):
        image = open_photo(source)
        assert (image.mode, image.size) == ("RGB", (40, 70))
        wanted = in_srgb(shown(stored, 5), DISPLAY_P3, 2.2)
        assert np.abs(np.asarray(image) - wanted).max() <= 2


def test_open_says_what_is_wrong_with_the_file(tmp_path, monkeypatch):
    with pytest.raises(NotFound, match=r"nowhere\.jpg: no such file"):
        open_photo(tmp_path / "nowhere.jpg")
    with pytest.raises(FetchError, match="directory"):
        open_photo(tmp_path)
    (tmp_path / "cut.jpg").write_bytes(saved(photo(), "jpeg")[:9000])
    with pytest.raises(Corrupt):
        open_photo(tmp_path / "cut.jpg")

    def denied(path):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.read_bytes", denied)
    with pytest.raises(AccessDenied):
        open_photo(tmp_path / "cut.jpg")


def test_images_arrays_and_tensors_are_the_same():
    pixels = photo()[:30, :50]
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    for image in (pixels, Image.fromarray(pixels), tensor, tensor / 255, pixels / 255.0):
        assert np.array_equal(as_array(image), pixels)
        assert np.array_equal(np.asarray(as_pil(image)), pixels)
    grey = pixels[..., 0]
    for image in (grey, Image.fromarray(grey), torch.from_numpy(grey.copy())[None]):
        assert np.array_equal(as_array(image), np.dstack([grey] * 3))


def test_alpha_goes_over_white():
    clear = np.zeros((2, 2, 4), np.uint8)
    assert as_array(clear).tolist() == [[[255] * 3] * 2] * 2
    assert as_array(Image.fromarray(clear)).tolist() == [[[255] * 3] * 2] * 2


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((3, 20, 30), np.uint8), r"shape \(3, 20, 30\).*expected a PIL image"),
        (np.zeros((0, 4, 3), np.uint8), "expected a PIL image"),
        (np.zeros((4, 4, 3), np.int64), "image of int64: expected uint8"),
        ("photo.jpg", "type str"),
        (torch.zeros(20, 30, 3, dtype=torch.uint8), "expected a PIL image"),
    ],
)
def test_anything_else_is_refused(image, words):
    with pytest.raises(RequestError, match=words):
        as_array(image)


def test_importing_is_light():
    """`deepcrop crop` must start fast: no torch, no Ray for reading photos."""
    code = "import sys, deepcrop.image; print(sorted({'torch', 'ray', 'boto3'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

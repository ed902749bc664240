"""The public names, and photos one at a time."""

import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

import deepcrop


def test_every_public_name_is_there_and_described():
    page = (Path(__file__).parents[1] / "docs" / "python.md").read_text()
    for name in deepcrop.__all__:
        assert getattr(deepcrop, name) is not None
        assert f"deepcrop.{name}" in page, name
    with pytest.raises(AttributeError):
        deepcrop.nothing  # noqa: B018


def test_a_renamed_name_is_still_there_for_one_release():
    with pytest.deprecated_call(match="JobIncomplete"):
        assert deepcrop.Interrupted is deepcrop.JobIncomplete


def test_importing_waits_for_no_network_and_no_engine():
    code = "import deepcrop, sys; print([m for m in ('torch', 'ray', 'boto3') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_wrong_with_a_request_is_found_without_ray_data():
    code = "import deepcrop.engine.driver, sys; print('ray.data' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("method", ["center", "saliency", "mars"])
def test_a_job_is_checked_without_torch(method):
    job = f"deepcrop.Job(input='in', output='out', method='{method}', aspects=['1:1'])"
    code = f"import deepcrop, sys; {job}.fingerprint; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_photo_comes_as_an_image_an_array_a_tensor_or_a_path(tmp_path):
    array = numpy.zeros((40, 90, 3), numpy.uint8)
    array[:, 45:] = 255
    Image.fromarray(array).save(tmp_path / "a.png")
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    for photo in (
        Image.fromarray(array),
        array,
        tensor,
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
    ):
        square = deepcrop.crop(photo, "1:1", method="center")
        assert square.size == (40, 40) and square.getpixel((0, 0)) == (0, 0, 0)
    assert deepcrop.crop(array, "2:1", method="center", size=(20, 10)).size == (20, 10)
    assert deepcrop.crop(array, 1.5, method="center").size == (60, 40)
    assert deepcrop.crop(array, (3, 2), method="center").size == (60, 40)
    with pytest.raises(deepcrop.RequestError, match="aspect ratio None: expected W:H"):
        deepcrop.crop(array, None, method="center")


def test_crop_methods_do_not_retarget():
    with pytest.raises(deepcrop.RequestError, match=r"use deepcrop\.crop"):
        deepcrop.retarget(numpy.zeros((9, 9, 3), numpy.uint8), (5, 5), method="center")


def test_the_method_answers_one_list_an_image_one_crop_a_ratio():
    method = deepcrop.load("center")
    images = [numpy.zeros((40, 90, 3), numpy.uint8), numpy.zeros((90, 40, 3), numpy.uint8)]
    answers = method.boxes(images, ["1:1", "16:9"])
    assert [[crop.box.corners for crop in each] for each in answers] == [
        [(25, 0, 65, 40), (10, 0, 81, 40)],
        [(0, 25, 40, 65), (0, 34, 40, 56)],
    ]

"""Methods against drawn crops: boxes in the image's own pixels, whatever the method looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepcrop.geometry import Box
from deepcrop.methods.center import Center
from jobs.evaluation.crop_agreement import agreement
from jobs.training.croppings import Cropping


def test_boxes_are_compared_in_the_pixels_of_the_image(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((300, 600, 3), np.uint8)).save(tmp_path / "a.png")
    rows = [
        Cropping("a.png", 1.0, Box(150, 0, 450, 300)),  # the centre window itself
        Cropping("a.png", 1.0, Box(300, 0, 600, 300)),
    ]
    result = agreement(Center(), rows, tmp_path)
    assert result.annotations == 2
    assert result.best_iou == 1
    assert result.iou == pytest.approx((1 + 1 / 3) / 2)
    assert result.offset == pytest.approx(75)

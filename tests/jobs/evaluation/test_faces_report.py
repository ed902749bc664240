"""What becomes of faces in windows, counted."""

import numpy as np
import pytest
import torch
from jobs.training.faces import FacePhoto

from deepcrop.geometry import Box, Size
from jobs.evaluation.faces_report import Cuts, shown


def test_each_face_is_whole_cut_or_outside():
    faces = [
        [0.1, 0.1, 0.2, 0.3, 0.99],  # whole
        [0.4, 0.1, 0.6, 0.3, 0.99],  # half inside
        [0.8, 0.1, 0.9, 0.3, 0.99],  # outside
        [0.1, 0.5, 0.2, 0.7, 0.5],  # unsure: not counted
        [0.1, 0.5, 0.11, 0.7, 0.99],  # small: not counted
    ]
    photo = FacePhoto("a", torch.zeros(3, 50, 100, dtype=torch.uint8), np.array(faces))
    shares = shown(photo, Box(0, 0, 500, 500), Size(1000, 500))
    assert shares == pytest.approx([1, 0.5, 0])
    high = shown(photo, Box(0, 50, 500, 500), Size(1000, 500), hair=0.5)
    assert high == pytest.approx([100 / 150, 100 / 300, 0])
    cuts = Cuts()
    for share in shares:
        cuts.add(share)
    assert cuts == Cuts(whole=1, cut=1, outside=1)
    assert cuts.share == 0.5


def test_a_photo_without_faces_has_none():
    photo = FacePhoto("a", torch.zeros(3, 50, 100, dtype=torch.uint8), np.zeros((0, 5)))
    assert shown(photo, Box(0, 0, 50, 50), Size(100, 50)) == []

"""Faces read off the features of the saliency network's trunk."""

import math

import pytest
import torch
from torchvision import ops

from deepcrop.networks.saliency.faces import FaceHead, nms, read_faces


def blank(height: int, width: int) -> torch.Tensor:
    found = torch.zeros(5, height, width)
    found[0] = -9
    return found


def test_a_cell_becomes_the_box_that_it_describes():
    found = blank(54, 72)
    found[:, 20, 30] = torch.tensor([3.0, 0.25, -0.5, math.log(6), math.log(9)])
    [face] = read_faces(found, 0.4)
    box = [(30.75 - 3) / 72, (20 - 4.5) / 54, (30.75 + 3) / 72, (20 + 4.5) / 54]
    assert face.tolist() == pytest.approx([*box, torch.tensor(3.0).sigmoid().item()], abs=1e-6)


def test_one_face_is_listed_once_and_the_surest_first():
    found = blank(54, 72)
    for row, column, logit in ((10, 10, 1.0), (10, 12, 2.0), (40, 60, 3.0)):
        found[:, row, column] = torch.tensor([logit, 0, 0, math.log(8), math.log(8)])
    faces = read_faces(found, 0.4)
    assert len(faces) == 2  # the first two overlap
    assert faces[:, 4].tolist() == torch.tensor([3.0, 2.0]).sigmoid().tolist()


@pytest.mark.parametrize("overlap", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_boxes_that_stay_are_those_of_torchvision(count, overlap):
    random = torch.Generator().manual_seed(count)
    corners = torch.rand(count, 2, 2, generator=random)
    boxes = torch.cat([corners.amin(1), corners.amax(1)], 1)
    scores = torch.rand(count, generator=random)
    assert nms(boxes, scores, overlap) == ops.nms(boxes, scores, overlap).tolist()


def test_what_reaches_outside_is_clipped_and_what_is_unsure_left_out():
    found = blank(8, 8)
    found[:, 0, 0] = torch.tensor([2.0, 0, 0, math.log(4), math.log(4)])
    found[:, 5, 5] = torch.tensor([-0.5, 0, 0, 0, 0])
    [face] = read_faces(found, 0.4)
    assert face[:2].tolist() == [0, 0]
    assert read_faces(found, 0.9).shape == (0, 5)


def test_the_head_answers_at_stride_8():
    head = FaceHead(8)
    features = [torch.randn(2, c, h, w) for c, h, w in ((32, 12, 16), (96, 6, 8), (320, 6, 8))]
    assert head(features).shape == (2, 5, 12, 16)

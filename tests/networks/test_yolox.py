"""YOLOX-Nano."""

import torch

from deepcrop.networks.yolox import COCO, YoloxNano, _decoded


def test_it_has_the_published_number_of_parameters_and_a_row_for_each_cell():
    network = YoloxNano().eval()
    assert sum(each.numel() for each in network.parameters()) == 904_463
    with torch.inference_mode():
        found = network(torch.rand(2, 3, 64, 96) * 255)
    assert found.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, 4 + len(COCO))
    assert found[..., 4:].min() >= 0 and found[..., 4:].max() <= 1


def test_a_batch_gives_each_image_its_own_answer():
    torch.manual_seed(0)
    network = YoloxNano().eval()
    images = torch.rand(3, 3, 64, 64) * 255
    with torch.inference_mode():
        assert torch.allclose(network(images)[1], network(images[1:2])[0], atol=1e-4)


def test_boxes_are_in_pixels_around_their_cells():
    logits = torch.full((1, 7, 2, 3), -50.0)
    logits[0, :4] = 0
    logits[0, 2, 1, 2], logits[0, 3, 1, 2] = torch.log(torch.tensor([2.0, 4.0]))
    logits[0, 4, 1, 2], logits[0, 6, 1, 2] = 50.0, 0.0
    found = _decoded(logits, 8)
    assert found.shape == (1, 6, 6)
    row = found[0, 1 * 3 + 2]  # column 2, row 1: centre at (16, 8)
    assert torch.allclose(row, torch.tensor([8.0, -8.0, 24.0, 24.0, 0.0, 0.5]), atol=1e-5)

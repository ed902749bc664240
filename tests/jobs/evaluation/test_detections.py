"""Which heads a finder finds."""

import torch

from deepcrop.geometry import Size
from jobs.evaluation.croppers import EvaluationPhoto
from jobs.evaluation.detections import Detections, detection_table, detections, find_animals
from jobs.evaluation.heads import HeadPhoto
from jobs.training.fcdb import Edges

SIZE = Size(200, 100)


def photo(*heads):
    image = torch.zeros(3, 50, 100, dtype=torch.uint8)
    return HeadPhoto(EvaluationPhoto("a.jpg", image, SIZE), tuple(Edges(*head) for head in heads))


def test_found_missed_and_other_heads_are_counted():
    photos = [
        photo((0, 0, 20, 20), (100, 50, 140, 90)),
        photo((50, 50, 80, 80)),
    ]
    answers = iter([(Edges(0, 0, 20, 24), Edges(160, 10, 190, 40)), ()])
    found = detections(photos, lambda each: next(answers))
    assert found == Detections(heads=3, found=1, others=1)
    assert detection_table({"animals": found}).row_count == 1


def test_boxes_of_the_network_become_pixels_and_specks_do_not_count():
    class Network:
        def predict(self, images):
            boxes = torch.tensor([[0.1, 0.2, 0.3, 0.6, 0.9], [0.5, 0.5, 0.51, 0.51, 0.9]])
            return [type("Seen", (), {"animals": boxes})]

    [head] = find_animals(Network())(photo().photo)
    assert [round(edge) for edge in head] == [20, 20, 60, 60]

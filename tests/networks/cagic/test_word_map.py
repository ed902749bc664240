"""Where an image shows what a caption names."""

import pytest
import torch

from deepcrop.networks.cagic.objects import Objects, find_objects
from deepcrop.networks.cagic.phrases import Thing
from deepcrop.networks.cagic.word_map import CELLS, WordMaps, colour_map
from deepcrop.networks.yolox import COCO, YoloxNano

DOG, CAT = COCO.index("dog"), COCO.index("cat")
GREY = torch.full((3, 60, 80), 128, dtype=torch.uint8)


def objects(*found):
    boxes = torch.tensor([each[2:] for each in found]).reshape(-1, 4)
    scores, classes = torch.tensor([each[1] for each in found]), [each[0] for each in found]
    return Objects(boxes, scores, torch.tensor(classes, dtype=torch.long))


def maps(*found, pixels=GREY, words=None):
    return WordMaps(lambda: objects(*found), words or (lambda word: torch.zeros(4, 4)), pixels)


def side_of(values):
    """The share of a map in the image's left half."""
    return float(values[:, : CELLS // 2].sum() / values.sum())


def test_a_thing_lies_where_its_objects_are():
    seen = maps((DOG, 0.8, 0.0, 0.25, 0.5, 0.75), (CAT, 0.9, 0.5, 0.0, 1.0, 1.0))
    found = seen.of(Thing("dog", "dog"))
    assert found.chance == pytest.approx(0.8)
    assert side_of(found.values) == 1
    assert found.values[:16].sum() == 0 and float(found.values.max()) == 1
    assert seen.of(Thing("animal", "animal")).chance == pytest.approx(0.9)
    assert seen.of(Thing("bus", "bus")).chance == 0


def test_a_singular_prefers_the_largest_and_a_plural_all():
    two = ((DOG, 0.8, 0.0, 0.2, 0.4, 0.9), (DOG, 0.8, 0.7, 0.6, 0.9, 0.8))
    one = maps(*two).of(Thing("dog", "dog")).values
    all_ = maps(*two).of(Thing("dog", "dogs", plural=True)).values
    assert one[45, 50] < 0.3 * one[45, 10]
    assert all_[45, 50] == pytest.approx(float(all_[45, 10]))


@pytest.mark.parametrize(("place", "left"), [("left", True), ("right", False)])
def test_a_place_chooses_among_objects_and_bends_other_words(place, left):
    two = ((DOG, 0.8, 0.1, 0.2, 0.4, 0.9), (DOG, 0.8, 0.6, 0.2, 0.9, 0.9))
    values = maps(*two).of(Thing("dog", "dog", place=place)).values
    assert (side_of(values) > 0.7) is left
    grass = maps(words=lambda word: torch.ones(4, 4)).of(Thing("grass", "grass", place=place))
    assert (side_of(grass.values) > 0.5) is left


def test_a_colour_chooses_among_objects():
    pixels = GREY.clone()
    pixels[:, :, :40] = torch.tensor([200, 20, 20], dtype=torch.uint8)[:, None, None]
    pixels[:, :, 40:] = torch.tensor([20, 40, 200], dtype=torch.uint8)[:, None, None]
    two = ((DOG, 0.8, 0.1, 0.2, 0.4, 0.9), (DOG, 0.8, 0.6, 0.2, 0.9, 0.9))
    red = maps(*two, pixels=pixels).of(Thing("dog", "dog", colour="red")).values
    blue = maps(*two, pixels=pixels).of(Thing("dog", "dog", colour="blue")).values
    assert side_of(red) > 0.95 and side_of(blue) < 0.05


@pytest.mark.parametrize(
    ("colour", "rgb"),
    {
        "red": (220, 30, 30), "orange": (250, 140, 20), "yellow": (250, 230, 40),
        "green": (40, 170, 60), "blue": (30, 80, 220), "purple": (140, 40, 190),
        "pink": (250, 120, 180), "brown": (110, 70, 40), "black": (12, 12, 12),
        "white": (250, 250, 250), "grey": (128, 128, 128),
    }.items(),
)  # fmt: skip
def test_a_colour_is_most_like_itself(colour, rgb):
    swatch = (torch.tensor(rgb) / 255).view(3, 1, 1)
    mine = float(colour_map(swatch, colour))
    assert mine > 0.3
    for other in ("red", "yellow", "green", "blue", "black", "white"):
        if other != colour:
            assert float(colour_map(swatch, other)) < mine, other


def test_a_sighting_scores_windows():
    seen = maps((DOG, 0.8, 0.0, 0.25, 0.5, 0.75))
    sighting = seen.sighting((Thing("dog", "dog"), Thing("bus", "bus")))
    assert sighting.unseen == ("bus",) and len(sighting.found) == 1
    whole = torch.tensor([0.0, 0.0, 1.0, 1.0])
    tight = torch.tensor([-0.5, 0.0, 0.5, 0.5])
    half = torch.tensor([-0.25, 0.0, 0.25, 0.5])
    away = torch.tensor([0.5, 0.0, 0.5, 0.5])
    losses = sighting.loss(torch.stack([whole, tight, half, away]), 1.0)
    assert losses[1] < losses[0] < losses[3] and losses[1] < losses[2]
    assert sighting.fit(tight) == pytest.approx(0.8, abs=1e-4)
    assert sighting.fit(half) == pytest.approx(0.4, abs=1e-4)
    assert sighting.fit(away) < 1e-3
    assert seen.sighting((Thing("bus", "bus"),)).fit(whole) == 0


def test_the_detector_runs_once_and_only_for_objects():
    calls = []

    def find():
        calls.append(1)
        return objects((DOG, 0.8, 0.0, 0.0, 0.5, 0.5))

    seen = WordMaps(find, lambda word: torch.ones(2, 2), GREY)
    seen.of(Thing("grass", "grass"))
    assert not calls
    seen.of(Thing("dog", "dog"))
    seen.of(Thing("cat", "cat"))
    assert len(calls) == 1


def test_objects_are_in_the_images_own_sides():
    torch.manual_seed(0)
    detector = YoloxNano().eval()
    with torch.no_grad():
        for head in detector.heads:
            head.object.bias.fill_(-2.0)
            head.kinds.bias.fill_(-2.0)
            head.kinds.bias[DOG] = 4.0
    image = torch.randint(0, 256, (3, 90, 300), dtype=torch.uint8)
    found = find_objects(detector, image)
    assert set(found.classes.tolist()) <= {DOG}
    assert found.boxes.min() >= 0 and found.boxes.max() <= 1

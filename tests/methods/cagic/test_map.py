"""CAGIC by the map of the things that a caption names, on a small network."""

import pytest
import torch

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods import base
from deepcrop.methods.cagic.method import Cagic
from deepcrop.networks.cagic.aesthetics import ViewRanker, ViewRankerOptions
from deepcrop.networks.cagic.captioner import Captioner, CaptionerOptions
from deepcrop.networks.cagic.model import CagicNetwork
from deepcrop.networks.cagic.objects import Objects
from deepcrop.networks.cagic.vocabulary import SPECIAL
from deepcrop.networks.cagic.word_detectors import WordScores
from deepcrop.networks.mars.window_model import WindowNetwork
from deepcrop.networks.mars.window_options import WindowOptions
from deepcrop.networks.saliency.options import SaliencyOptions
from deepcrop.networks.yolox import COCO, YoloxNano

SIZE = Size(90, 60)
DOG, BALL = COCO.index("dog"), COCO.index("sports_ball")
PLACES = {"dog": Box(5, 30, 25, 50), "ball": Box(70, 10, 80, 20)}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    detector = YoloxNano()
    for level in detector.heads:  # nothing is seen
        torch.nn.init.constant_(level.object.bias, -9.0)
    made = CagicNetwork(
        Captioner(
            [*SPECIAL, "dog"],
            CaptionerOptions(channels=320, cells=7, embedding=4, hidden=6, attention=5),
        ),
        WordScores({"dog": [3], "beach": [978]}, ["dog"]),
        ViewRanker(ViewRankerOptions(embedding=4)),
        detector,
    )
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def people():
    torch.manual_seed(1)
    sight = SaliencyOptions(pixels=64 * 96, width=8, priors=4, scene=4)
    head = WindowOptions(width=4, dimension=4, neurons=4, hidden=4)
    return WindowNetwork(sight, head).eval().requires_grad_(False)


@pytest.fixture
def method(network, people, monkeypatch):
    sides = torch.tensor([SIZE.width, SIZE.height] * 2)
    boxes = torch.tensor([box.corners for box in PLACES.values()]) / sides
    found = Objects(boxes, torch.tensor([0.9, 0.6]), torch.tensor([DOG, BALL]))
    monkeypatch.setattr(network, "objects", lambda image: found)
    return Cagic(network, Cagic.Options(aesthetics=0), people)


def photo():
    return torch.randint(0, 256, (3, 60, 90), dtype=torch.uint8)


@pytest.mark.parametrize("search", ["exact", "annealed"])
def test_the_crop_shows_what_the_caption_names(network, people, method, search):
    options = {"aesthetics": 0, "tightness": 0.8, "restarts": 4, "shrink": 0.9}
    method = Cagic(network, Cagic.Options(search=search, **options), people)
    captions = {"dog": "a dog", "ball": "the soccer ball"}
    for name, caption in captions.items():
        [[square, wide]] = method.boxes([photo()], ["1:1", "16:9"], captions=[caption])
        place = PLACES[name]
        for crop, ratio in ((square, "1:1"), (wide, "16:9")):
            assert crop.box.inside(SIZE)
            assert crop.box.size == AspectRatio.parse(ratio).largest_window(crop.box.size)
            assert crop.box.intersection(place) >= 0.8 * place.area
            assert crop.box.area < 0.5 * SIZE.pixels
        assert square.focal == wide.focal
        x, y = square.focal[0] * SIZE.width, square.focal[1] * SIZE.height
        assert place.x0 < x < place.x1 and place.y0 < y < place.y1
    assert square.score == pytest.approx(0.6, abs=0.08)  # the chance that there is a ball


def test_two_things_are_both_shown(method):
    [[crop]] = method.boxes([photo()], ["3:2"], captions=["a dog with its ball"])
    assert all(crop.box.intersection(box) > 0.8 * box.area for box in PLACES.values())


def test_notes_say_what_was_not_followed(method):
    def note(caption):
        return method.boxes([photo()], ["1:1"], captions=[caption])[0][0].note

    assert note("a dog") is None and note("the dogs") is None
    assert note("a puppy") == "taken for puppy: dog"
    assert note("a dog without people") == "not followed: without people"
    assert note("a bus") == "not seen: bus; aesthetics only"
    assert note("a dog and a bus") == "not seen: bus"
    assert (
        note("quokkas") == "unknown words: quokkas; no known word in the caption: aesthetics only"
    )
    assert note(None) == "no caption: aesthetics only"


def test_without_a_thing_people_s_scores_decide(network, method):
    image = photo()
    absent, none = (
        method.boxes([image], ["1:1"], captions=[caption])[0][0] for caption in ("a bus", None)
    )
    assert absent.box == none.box
    assert 0 <= none.score <= 1


def test_boxes_to_keep_and_focal_points_bound_the_search(method):
    keep = Box(60, 30, 75, 50)
    hints = [
        base.Hints(caption="a dog", keep=(keep,)),
        base.Hints(caption="a dog", focal=(0.8, 0.5)),
    ]
    [held], [pinned] = method.boxes([photo(), photo()], ["3:2"], hints=hints)
    assert held.box.intersection(keep) == keep.area
    assert held.box.intersection(PLACES["dog"]) > 0.8 * PLACES["dog"].area
    assert pinned.focal == (0.8, 0.5)
    assert pinned.box.x1 >= 0.8 * SIZE.width


def test_weights_go_round_with_the_detector(network, people):
    metadata = network.metadata()
    again = CagicNetwork.from_state(network.state_dict(), metadata)
    assert again.metadata() == metadata
    image = photo()
    crops = [
        Cagic(each, people=people).boxes([image], ["1:1"], captions=["a dog on a beach"])
        for each in (network, again)
    ]
    assert crops[0] == crops[1]


def test_mars_weights_are_used_where_people_decide():
    assert Cagic.further_weights(Cagic.Options()) == ["mars"]
    assert Cagic.further_weights(Cagic.Options(score="words")) == []
    assert Cagic.further_weights(Cagic.Options(search="annealed")) == []

"""CAGIC as a crop method, on a tiny random network."""

import json

import pytest
import torch

from deepcrop.errors import RequestError
from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods import base, registry
from deepcrop.methods.cagic.method import Cagic, focal_point
from deepcrop.networks.cagic.aesthetics import ViewRanker, ViewRankerOptions
from deepcrop.networks.cagic.captioner import Captioner, CaptionerOptions
from deepcrop.networks.cagic.model import CagicNetwork
from deepcrop.networks.cagic.vocabulary import SPECIAL
from deepcrop.networks.cagic.word_detectors import WordScores
from jobs.evaluation.cagic_ablation import AblationOptions

QUICK = {"score": "words", "shrink": 0.7, "restarts": 2, "steps": 1}


@pytest.fixture(autouse=True)
def _one_size(monkeypatch):
    """Encode photos at the smallest size alone: the others take a second an image."""
    monkeypatch.setattr("deepcrop.networks.cagic.model.SIDES", (224,))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = CagicNetwork(
        Captioner(
            [*SPECIAL, "dog", "grass"],
            CaptionerOptions(channels=320, cells=7, embedding=4, hidden=6, attention=5),
        ),
        WordScores({"dog": [3], "cat": [4]}, ["man", "dog"]),
        ViewRanker(ViewRankerOptions(embedding=4)),
    )
    return made.eval().requires_grad_(False)


def photos(*shapes):
    """Smooth random photos of given (height, width)."""
    random = torch.Generator().manual_seed(7)
    coarse = [torch.rand(1, 3, 6, 8, generator=random) for _ in shapes]
    return [
        (255 * torch.nn.functional.interpolate(c, shape, mode="bicubic").clamp(0, 1))[0].byte()
        for c, shape in zip(coarse, shapes, strict=True)
    ]


def test_the_word_map_needs_weights_that_have_a_detector(network):
    with pytest.raises(RequestError, match="use 'words'"):
        Cagic(network)


def test_it_is_a_crop_method_of_the_registry():
    assert registry.find("cagic") is Cagic
    assert registry.validate_options("cagic", {"score": "both", "restarts": "3"}).restarts == 3


@pytest.mark.parametrize("wrong", [{"shrink": 1}, {"smallest": 0}, {"restarts": 0}, {"steps": 0}])
def test_options_without_an_end_or_a_beginning_are_refused(wrong):
    with pytest.raises(RequestError, match=f"option {next(iter(wrong))!r}"):
        registry.validate_options("cagic", wrong)


@pytest.mark.parametrize("score", ["words", "captioner", "both"])
def test_boxes_have_the_ratio_lie_inside_and_repeat(network, score):
    method = Cagic(network, Cagic.Options(**(QUICK | {"score": score})))
    assert isinstance(method, base.CropMethod)
    images = photos((60, 90))
    [crops] = method.boxes(images, ["1:1", "16:9"], captions=["a dog"])
    for crop, ratio in zip(crops, ("1:1", "16:9"), strict=True):
        assert crop.box.inside(Size(90, 60))
        assert crop.box.size == AspectRatio.parse(ratio).largest_window(crop.box.size)
        assert 0 <= crop.score <= 1
    assert crops[0].focal == crops[1].focal
    assert method.boxes(images, ["1:1", "16:9"], captions=["a dog"]) == [crops]


def test_boxes_are_in_the_sources_pixels(network):
    method = Cagic(network, Cagic.Options(**QUICK))
    [[small]] = method.boxes(photos((60, 90)), ["3:2"], captions=["a dog"])
    [[large]] = method.boxes(photos((60, 90)), ["3:2"], captions=["a dog"], sizes=[Size(900, 600)])
    assert [10 * c for c in small.box.corners] == pytest.approx(large.box.corners, abs=11)


def test_an_images_crop_is_the_same_alone_in_a_batch_and_in_one_search(network):
    method = Cagic(network, Cagic.Options(**(QUICK | {"score": "both"})))
    images, captions = photos((60, 90), (80, 60), (50, 50)), ["a dog", None, "grass and a man"]
    together = method.boxes(images, ["1:1"], captions=captions)
    alone = [
        method.boxes([image], ["1:1"], captions=[caption])[0]
        for image, caption in zip(images, captions, strict=True)
    ]
    assert together == alone
    at_once = method.search(
        [method.scene(image) for image in images],
        [method.request(caption) for caption in captions],
        [base.size_of(image) for image in images],
        [AspectRatio(1, 1)],
    )
    for ours, theirs in zip(at_once, alone, strict=True):
        assert ours[0].box == theirs[0].box
        assert ours[0].score == pytest.approx(theirs[0].score, abs=1e-5)


def test_captions_come_by_hints_and_unknown_ones_fall_back_to_aesthetics(network):
    method = Cagic(network, Cagic.Options(**QUICK))
    images = photos((48, 64)) * 3
    hints = [base.Hints(caption=text) for text in ("a dog and a quokka", "quokkas", None)]
    partly, nothing, none = (crops[0] for crops in method.boxes(images, ["1:1"], hints=hints))
    assert partly.note == "unknown words: quokka"
    assert nothing.note == "unknown words: quokkas; no known word in the caption: aesthetics only"
    assert none.note == "no caption: aesthetics only"
    assert nothing.box == none.box
    assert method.boxes(images[:1], ["1:1"], captions=["a dog"])[0][0].note is None


def test_table_4s_rows_add_one_part_each():
    rows = ["CN", "CN+SA", "CN+SA+MR", "CN+SA+MR+MS", "full"]
    options = [AblationOptions(ablation=row) for row in rows]
    parts = [(o.schedule.annealing, o.schedule.restarts, o.multi_scale) for o in options]
    assert parts == [
        (False, 1, False),
        (True, 1, False),
        (True, 10, False),
        (True, 10, True),
        (True, 10, True),
    ]


def test_aesthetics_count_in_the_full_method_alone(network):
    image = photos((48, 64))[0]
    windows = torch.tensor([[0.1, 0.0, 0.6, 0.6], [0.0, 0.0, 1.0, 1.0]])
    first = torch.zeros(2, dtype=torch.long)
    losses = {}
    for row in ("CN+SA+MR+MS", "full"):
        method = Cagic(network, AblationOptions(ablation=row, score="words"))
        scene = method.scene(image)
        losses[row] = method.loss([scene], windows, first, [method.request("a dog")])
    beauty = network.ranker(scene.features(windows))
    assert torch.allclose(losses["full"], losses["CN+SA+MR+MS"] - 0.01 * beauty, atol=1e-6)
    assert beauty.abs().max() > 0


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("score", ["words", "captioner"])
def test_gradients_are_those_of_finite_differences(network, once, score):
    double = CagicNetwork.from_state(network.state_dict(), network.metadata()).double()
    method = Cagic(double, Cagic.Options(score=score))
    image = photos((96, 128))[0]
    scene = double.scene(image.double(), once=once)
    requests = [method.request("a dog")]
    windows = torch.tensor([[0.0537, -0.0411, 0.613, 0.588]], dtype=torch.float64)
    first = torch.zeros(1, dtype=torch.long)

    def loss(centre):
        moved = torch.cat([centre, windows[..., 2:]], -1)
        return method.loss([scene], moved, first, requests)[0]

    centre = windows[..., :2].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(centre), centre)
    step = 1e-6
    for axis in range(2):
        moved = torch.zeros_like(centre)
        moved[..., axis] = step
        slope = (loss(centre + moved) - loss(centre - moved)) / (2 * step)
        assert gradient[0, axis].item() == pytest.approx(slope.item(), rel=1e-3, abs=1e-8)


def test_weights_go_round_through_their_metadata(network):
    again = CagicNetwork.from_state(network.state_dict(), network.metadata())
    image = photos((48, 64))[0]
    crops = [
        Cagic(each, Cagic.Options(**QUICK)).boxes([image], ["1:1"], captions=["a dog"])
        for each in (network, again)
    ]
    assert crops[0] == crops[1]
    assert json.loads(network.metadata()["vocabulary"])[-2:] == ["dog", "grass"]


def test_the_focal_point_is_the_evidences_centre_of_mass():
    grad_cam = torch.zeros(4, 4)
    assert focal_point(grad_cam) == (0.5, 0.5)
    grad_cam[0, 3] = 2.0
    assert focal_point(grad_cam) == pytest.approx((0.875, 0.125))


@pytest.mark.parametrize("ablation", ["CN", "full"])
def test_boxes_to_keep_are_never_cut_where_the_ratio_permits(network, ablation):
    method = Cagic(network, AblationOptions(ablation=ablation, **QUICK))
    keep = (Box(3, 20, 30, 41), Box(11, 7, 17, 33))
    hints = [base.Hints(caption="a dog", keep=keep)]
    [crops] = method.boxes(photos((60, 90)), ["1:1", "16:9", "1:9"], hints=hints)
    for crop, ratio in zip(crops, ("1:1", "16:9", "1:9"), strict=True):
        assert crop.box.inside(Size(90, 60))
        assert crop.box.size == AspectRatio.parse(ratio).largest_window(crop.box.size)
    for crop in crops[:2]:
        assert all(crop.box.intersection(box) == box.area for box in keep)
        assert crop.note is None
    assert crops[2].note == "no window of 1:9 holds all boxes to keep"


def test_a_focal_point_is_the_centre_of_the_window(network):
    method = Cagic(network, Cagic.Options(**QUICK))
    hints = [base.Hints(caption="a dog", focal=(0.6, 0.5)), base.Hints(focal=(1.0, 0.0))]
    [[inside], [corner]] = method.boxes(photos((60, 90), (60, 90)), ["1:1"], hints=hints)
    assert inside.box == Box.centred(inside.box.size, (0.6, 0.5), Size(90, 60))
    assert (corner.box.x1, corner.box.y0) == (90, 0)
    assert (inside.focal, corner.focal) == ((0.6, 0.5), (1.0, 0.0))


def test_a_box_to_keep_is_held_before_the_focal_point_is_centred(network):
    method = Cagic(network, Cagic.Options(**QUICK))
    keep = Box(0, 0, 12, 12)
    hints = [base.Hints(caption="a dog", focal=(0.9, 0.9), keep=(keep,))]
    [[crop]] = method.boxes(photos((60, 90)), ["1:1"], hints=hints)
    assert crop.box.intersection(keep) == keep.area

"""Saliency smart crop with the weights that ship."""

import copy

import numpy
import pytest
import torch

import deepcrop
from deepcrop.errors import RequestError
from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.base import Hints
from deepcrop.methods.face_protection import HAIR_RATIO, head_of
from deepcrop.methods.saliency import argmax_point
from deepcrop.networks import precision
from deepcrop.ops.windows import Integral

ASPECTS = ["1:1", "16:9", "9:16", "3:1"]


@pytest.fixture(scope="module")
def method():
    return deepcrop.load("saliency", device="cpu")


@pytest.fixture(scope="module")
def photos():
    from skimage import data

    return [data.astronaut(), data.rocket(), data.chelsea()[:, 100:300]]


def test_windows_are_the_largest_of_their_ratio_and_scores_are_shares(method, photos):
    for photo, crops in zip(photos, method.boxes(photos, ASPECTS), strict=True):
        size = Size(photo.shape[1], photo.shape[0])
        for aspect, crop in zip(ASPECTS, crops, strict=True):
            assert crop.box.size == AspectRatio.parse(aspect).largest_window(size)
            assert crop.box.inside(size) and 0 < crop.score <= 1
            assert all(0 <= each <= 1 for each in crop.focal)


@pytest.mark.parametrize(
    ("name", "weights"), [("mars", "saliency"), ("saliency", "mars"), ("cagic", "saliency")]
)
def test_weights_of_another_method_are_a_clear_error(name, weights):
    with pytest.raises(RequestError, match=f"weights '{weights}': not of the method '{name}'"):
        deepcrop.load(name, device="cpu", weights=weights)


def test_more_pixels_show_much_the_same(method, photos):
    fine = deepcrop.load("saliency", device="cpu", pixels=352 * 480)
    assert 1.5 * method.network.options.pixels < fine.network.options.pixels
    for ours, theirs in zip(method.maps(photos), fine.maps(photos), strict=True):
        resized = torch.nn.functional.interpolate(ours[None, None], theirs.shape, mode="bilinear")
        pair = torch.stack([resized.flatten(), theirs.flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.8


def test_an_image_gets_the_result_that_it_would_have_alone(method, photos):
    together = method.boxes(photos, ASPECTS)
    assert [method.boxes([photo], ASPECTS)[0] for photo in photos] == together
    assert method.boxes(photos, ASPECTS) == together


def test_boxes_are_in_the_sources_pixels_where_the_image_is_scaled_down(method, photos):
    [small] = method.boxes([photos[1]], ["1:1"])
    [large] = method.boxes([photos[1]], ["1:1"], sizes=[Size(640 * 7, 427 * 7)])
    assert large[0].box.size == Size(427 * 7, 427 * 7)
    assert abs(large[0].box.x0 - 7 * small[0].box.x0) <= 7


def test_a_white_square_on_black_is_found(method):
    image = numpy.zeros((200, 600, 3), numpy.uint8)
    image[70:130, 480:540] = 255
    [[crop]] = method.boxes([image], ["1:1"])
    assert crop.box.x0 <= 480 and crop.box.x1 >= 540


def test_a_focal_point_overrules_and_boxes_to_keep_are_kept(method, photos):
    hints = [Hints(focal=(0.9, 0.5))]
    [[crop]] = method.boxes([photos[1]], ["9:16"], hints=hints)
    assert crop.box.x1 == 640 and crop.focal == (0.9, 0.5)
    kept = Box(5, 5, 60, 60)
    [[crop]] = method.boxes([photos[1]], ["1:1"], hints=[Hints(keep=(kept,))])
    assert crop.box.intersection(kept) == kept.area


def test_enough_saliency_allows_a_smaller_window(photos):
    zooming = deepcrop.load("saliency", device="cpu", enough=0.8, minimum_zoom=0.3)
    [[small]] = zooming.boxes([photos[1]], ["1:1"])
    [[large]] = deepcrop.load("saliency", device="cpu").boxes([photos[1]], ["1:1"])
    assert small.box.area < large.box.area
    [saliency] = zooming.maps([photos[1]])
    height, width = photos[1].shape[:2]
    integral = Integral.of(saliency.numpy(), Size(width, height))
    assert integral.mass(small.box) >= 0.8 * integral.mass(large.box) - 1e-6


def test_the_peak_is_the_middle_of_the_largest_cell():
    saliency = numpy.zeros((4, 10), numpy.float32)
    saliency[1, 7] = 1
    assert argmax_point(saliency) == pytest.approx((0.75, 0.375))
    assert argmax_point(numpy.ones((4, 10))) == pytest.approx((0.5, 0.5))


def test_maps_cover_the_image_and_are_not_negative(method, photos):
    for saliency in method.maps(photos):
        assert saliency.dtype == torch.float32 and saliency.min() >= 0 and saliency.max() > 0


def test_fewer_pixels_are_looked_at_on_demand(photos):
    quick = deepcrop.load("saliency", device="cpu", pixels=19200)
    [coarse] = quick.maps(photos[:1])
    [fine] = deepcrop.load("saliency", device="cpu").maps(photos[:1])
    assert coarse.numel() * 5 < fine.numel()
    with pytest.raises(deepcrop.RequestError, match="pixels"):
        deepcrop.load("saliency", pixels=3)


def test_bfloat16_sees_what_float32_sees(photos, monkeypatch):
    monkeypatch.setenv("DEEPCROP_RUNTIME", "torch")
    maps = {}
    for kind in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(
            "deepcrop.networks.precision.inference_dtype", lambda device, kind=kind: kind
        )
        method = deepcrop.load("saliency", device="cpu")
        assert {each.dtype for each in method.network.parameters()} == {kind}
        maps[kind] = [each.flatten() for each in method.maps(photos)]
    for fine, coarse in zip(*maps.values(), strict=True):
        assert torch.corrcoef(torch.stack([fine, coarse]))[0, 1] > 0.995


def test_an_input_of_another_format_is_a_clear_error(method):
    for kind, other in (
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.bfloat16),
        (torch.float32, torch.uint8),
    ):
        network = copy.deepcopy(method.network).to(kind)
        with pytest.raises(TypeError, match=f"input of {other} for a network of {kind}"):
            network(torch.zeros(1, 3, 64, 64, dtype=other))
        assert network(torch.zeros(1, 3, 64, 64, dtype=kind)).shape == (1, 16, 16)


@pytest.mark.parametrize(
    ("capabilities", "kind"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"avx512_f": True}, torch.float32)],
)
def test_numbers_are_of_the_format_that_the_processor_multiplies(capabilities, kind, monkeypatch):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: capabilities, raising=False)
    precision._multiplies_bfloat16.cache_clear()
    try:
        assert precision.inference_dtype("cpu") == kind
        assert precision.inference_dtype("cuda") == torch.float32
    finally:
        precision._multiplies_bfloat16.cache_clear()


def test_neither_a_face_nor_its_hair_is_cut(photos):
    """In the astronaut's 16:9, badges draw the window down, across her eyes."""
    astronaut = photos[0]
    tensor = torch.from_numpy(astronaut).permute(2, 0, 1)
    alone = {"subject": 0, "whole": 0, "text": 0, "animals": 0}
    careless, careful = (
        deepcrop.load("saliency", device="cpu", faces=faces, **alone) for faces in (0, 0.4)
    )
    [seen] = careful.network.predict([tensor])
    [(x0, y0, x1, y1, score)] = seen.faces.tolist()
    assert score > 0.5
    face = Box(round(512 * x0), round(512 * y0), round(512 * x1), round(512 * y1))
    eyes_to_mouth = Box(195, 100, 245, 160)
    assert face.intersection(eyes_to_mouth) == eyes_to_mouth.area
    [[cutting]], [[whole]] = (m.boxes([astronaut], ["16:9"]) for m in (careless, careful))
    assert 0 < cutting.box.intersection(face) < face.area
    assert whole.box.intersection(face) == face.area
    hair = Box(face.x0, face.y0 - round(HAIR_RATIO * face.size.height), face.x1, face.y0)
    assert whole.box.intersection(hair) == hair.area


def test_a_head_ends_with_the_photo():
    assert head_of((0.2, 0.5, 0.3, 0.6)) == pytest.approx((0.2, 0.5 - 0.1 * HAIR_RATIO, 0.3, 0.6))
    assert head_of((0.2, 0.01, 0.3, 0.6)) == (0.2, 0, 0.3, 0.6)


@pytest.mark.parametrize("aspect", ["1:1", "16:9", "9:16", "4:5"])
def test_the_head_of_a_portrait_is_shown_whole(method, photos, aspect):
    [[crop]] = method.boxes(photos[:1], [aspect])
    head = Box(165, 10, 285, 190)  # the astronaut's, hair and chin
    assert crop.box.intersection(head) > 0.97 * head.area

"""Mars as a method: medians, exact windows inside the image, hints, sharing between ratios."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data

import deepcrop
from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.base import CropMethod, Hints, as_tensor
from deepcrop.methods.face_protection import face_box, head_of
from deepcrop.methods.mars import Area, MarsCrop, exact_window, odds, read_area, soft_iou
from deepcrop.methods.registry import find
from deepcrop.networks import precision
from deepcrop.networks.mars.model import Mars
from deepcrop.networks.mars.options import MarsOptions

ASPECTS = ["1:1", "16:9", "9:16", "4:5", "2:3", "1:10", "100:1"]


@pytest.fixture(scope="module")
def network() -> Mars:
    torch.manual_seed(3)
    return Mars(MarsOptions(layer="c4_3")).eval().requires_grad_(False)


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    small = torch.randint(0, 256, (1, 3, 6, 8), generator=generator).float()
    scaled = torch.nn.functional.interpolate(small, (height, width), mode="bilinear")
    return scaled[0].to(torch.uint8)


def test_is_a_crop_method_of_the_registry() -> None:
    assert find("mars") is MarsCrop
    method = MarsCrop(Mars(MarsOptions(layer="c3_3", longest=320)))
    assert isinstance(method, CropMethod)
    assert method.analysis == 320


def test_area_is_read_by_medians() -> None:
    probability = np.zeros((10, 20))
    probability[2:7, 4:12] = 0.9
    probability[9, 19] = 0.9  # one stray cell moves no median
    area = read_area(probability, 0.4)
    rows, columns = np.nonzero(probability)
    assert area.centre == ((np.median(columns) + 0.5) / 20, (np.median(rows) + 0.5) / 10)
    assert (area.width, area.height) == (8 / 20, 5 / 10)


def test_an_empty_area_lowers_the_threshold_to_the_maximum() -> None:
    probability = np.full((8, 8), 0.1)
    probability[2, 6] = 0.2
    assert read_area(probability, 0.4) == Area((6.5 / 8, 2.5 / 8), 1 / 8, 1 / 8)


def test_one_side_is_reduced_to_the_ratio_and_the_window_is_shifted_inside() -> None:
    area = Area((0.9, 0.5), width=0.5, height=0.5)
    box = exact_window(area, AspectRatio(1, 1), Size(400, 200))
    assert box == Box(300, 50, 400, 150)  # 200x100 reduced to 100x100; centre 360 shifted to 350
    assert exact_window(area, AspectRatio(4, 1), Size(400, 200)) == Box(200, 75, 400, 125)


@pytest.mark.parametrize("window", ["predicted", "largest"])
def test_windows_are_exact_and_inside(network: Mars, window: str) -> None:
    method = MarsCrop(network, MarsCrop.Options(window=window))  # type: ignore[arg-type]
    sizes = [Size(4000, 3000), Size(301, 517), Size(7, 3), Size(5000, 11)]
    pictures = [picture(192, 256), picture(256, 149), picture(3, 7), picture(1, 256)]
    for size, crops in zip(sizes, method.boxes(pictures, ASPECTS, sizes=sizes), strict=True):
        for aspect, crop in zip(map(AspectRatio.parse, ASPECTS), crops, strict=True):
            assert crop.box.inside(size)
            assert 0 <= crop.score <= 1
            got = crop.box.size
            # One side follows from the other to the nearest pixel, or is a single pixel.
            near_height = max(1, min(round(got.width / float(aspect)), size.height))
            near_width = max(1, min(round(got.height * float(aspect)), size.width))
            assert got.height == near_height or got.width == near_width
            if window == "largest":
                assert got == aspect.largest_window(size)


def test_an_image_has_the_same_crops_alone_and_in_company(network: Mars) -> None:
    method = MarsCrop(network)
    pictures = [picture(192, 256, 1), picture(192, 256, 2), picture(256, 100, 3)]
    together = method.boxes(pictures, ["1:1", "3:2"])
    assert together == [method.boxes([each], ["1:1", "3:2"])[0] for each in pictures]
    for (_, crop), each in zip(together, pictures, strict=True):
        [[alone]] = method.boxes([each], ["3:2"])
        # Products of few rows take other kernels on some processors: their last digits differ.
        assert (crop.box, crop.focal) == (alone.box, alone.focal)
        assert crop.score == pytest.approx(alone.score, abs=1e-6)


def test_the_meta_learners_run_once_a_ratio(network: Mars, monkeypatch: pytest.MonkeyPatch) -> None:
    method, calls = MarsCrop(network), []
    predict = network.parameters_of
    monkeypatch.setattr(network, "parameters_of", lambda r: calls.append(r) or predict(r))
    for _ in range(3):
        method.boxes([picture(64, 64)], ["1:1", "4:5"])
    assert len(calls) == 2


def test_focal_hint_is_the_centre(network: Mars) -> None:
    size = Size(256, 192)
    hints = [Hints(focal=(0.25, 0.5))]
    for window in ("predicted", "largest"):
        method = MarsCrop(network, MarsCrop.Options(window=window))  # type: ignore[arg-type]
        [[crop]] = method.boxes([picture(192, 256)], ["1:3"], hints=hints)
        assert crop.focal == (0.25, 0.5)
        expected = Box.centred(crop.box.size, (0.25, 0.5), size)
        assert crop.box == expected


@pytest.mark.parametrize("window", ["predicted", "largest"])
def test_kept_boxes_are_not_cut(network: Mars, window: str) -> None:
    method = MarsCrop(network, MarsCrop.Options(window=window))  # type: ignore[arg-type]
    keep = (Box(0, 0, 40, 30), Box(10, 20, 60, 60))
    [crops] = method.boxes([picture(192, 256)], ["1:1", "4:3", "2:3"], hints=[Hints(keep=keep)])
    for crop in crops:
        assert all(crop.box.intersection(each) == each.area for each in keep)


def test_odds_are_finite_and_rise_with_the_probability() -> None:
    found = odds(np.array([0.0, 0.2, 0.5, 0.75, 1.0]))
    assert found[:4].tolist() == pytest.approx([0, 0.25, 1, 3])
    assert found[4] == 1e6


def test_soft_iou_of_a_certain_area_is_the_iou() -> None:
    area = np.zeros((10, 10))
    area[2:6, 2:8] = 1
    assert soft_iou(Box(20, 20, 80, 60), area, Size(100, 100)) == pytest.approx(1)
    assert soft_iou(Box(20, 20, 50, 60), area, Size(100, 100)) == pytest.approx(0.5)
    assert soft_iou(Box(0, 70, 100, 100), area, Size(100, 100)) == 0
    assert soft_iou(Box(25, 20, 85, 60), area, Size(100, 100)) == pytest.approx(22 / 26)


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    return [data.astronaut(), data.coffee(), data.chelsea()[:, 100:300]]


def test_our_weights_give_a_photo_the_same_windows_alone_and_in_company(
    photos: list[np.ndarray],
) -> None:
    method = deepcrop.load("mars", device="cpu")
    together = method.boxes(photos, ASPECTS)
    assert method.boxes(photos, ASPECTS) == together
    assert [method.boxes([photo], ASPECTS)[0] for photo in photos] == together


def test_our_weights_look_where_the_saliency_network_does(photos: list[np.ndarray]) -> None:
    [areas] = deepcrop.load("mars", device="cpu").maps([as_tensor(photos[1])], [AspectRatio(1, 1)])
    [saliency] = deepcrop.load("saliency", device="cpu").maps([photos[1]])
    small = torch.nn.functional.interpolate(saliency[None, None], areas.shape[1:])[0, 0]
    assert np.corrcoef(odds(areas[0]).ravel(), small.numpy().ravel())[0, 1] > 0.8


def test_a_window_gives_up_odds_rather_than_cut_a_head(photos: list[np.ndarray]) -> None:
    """The astronaut's 16:9 cuts her head where nothing keeps it from it."""
    careless, careful = (deepcrop.load("mars", device="cpu", faces=faces) for faces in (0, 1))
    tensor = as_tensor(photos[0])
    parameters = careful.network.parameters_of(torch.ones(1))
    [seen] = careful.network.predict([tensor], parameters, faces=True)
    [found] = seen.faces.tolist()
    head = face_box(head_of(found[:4]), Size(512, 512))
    [[cutting]], [[whole]] = (m.boxes([photos[0]], ["16:9"]) for m in (careless, careful))
    assert 0 < cutting.box.intersection(head) < head.area
    assert whole.box.intersection(head) in (0, head.area)


def test_the_fast_network_is_the_papers_and_finds_no_faces(photos: list[np.ndarray]) -> None:
    fast = deepcrop.load("mars", device="cpu", weights="mars-fast")
    assert fast.network.options == MarsOptions() and fast.analysis == 256
    other = deepcrop.load("mars", device="cpu", weights="mars-fast", faces=10)
    assert fast.boxes(photos[:1], ["16:9"]) == other.boxes(photos[:1], ["16:9"])


def test_the_trunk_may_run_in_bfloat16(
    photos: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    areas = []
    for kind in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(precision, "inference_dtype", lambda device, kind=kind: kind)
        method = deepcrop.load("mars", device="cpu")
        assert {each.dtype for each in method.network.trunk.parameters()} == {kind}
        areas.append(method.maps([as_tensor(photos[1])], [AspectRatio(4, 5)])[0].ravel())
    assert np.corrcoef(*areas)[0, 1] > 0.999

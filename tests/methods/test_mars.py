"""Mars as a method: windows of all sizes, the paper's medians, hints, heads, plain ground."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

import deepcrop
from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.base import CropMethod, Hints, as_tensor
from deepcrop.methods.face_protection import face_box, head_of
from deepcrop.methods.mars.area import Area, exact_window, read_area
from deepcrop.methods.mars.choice import Rules, Scorer, ScoreWeights, choose
from deepcrop.methods.mars.method import MarsCrop
from deepcrop.methods.mars.networks import Looked, PaperLooker, WindowLooker
from deepcrop.methods.registry import find
from deepcrop.networks import precision
from deepcrop.networks.mars.model import Mars
from deepcrop.networks.mars.options import MarsOptions
from deepcrop.ops.box_search import SumTable, iou

ASPECTS = ["1:1", "16:9", "9:16", "4:5", "2:3", "1:10", "100:1"]
WINDOWS = ["predicted", "largest", "medians"]


@pytest.fixture(scope="module")
def network() -> PaperLooker:
    torch.manual_seed(3)
    paper = Mars(MarsOptions(layer="c4_3")).eval().requires_grad_(False)
    return PaperLooker(paper, ScoreWeights())


def method_of(network: PaperLooker, window: str) -> MarsCrop:
    return MarsCrop(network, MarsCrop.Options(window=window))  # type: ignore[arg-type]


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    small = torch.randint(0, 256, (1, 3, 6, 8), generator=generator).float()
    scaled = torch.nn.functional.interpolate(small, (height, width), mode="bilinear")
    return scaled[0].to(torch.uint8)


class Stub:
    """A network that has one map of logits for all images and ratios."""

    longest = 64
    weights = ScoreWeights(total=0.1, area=0.0, calibration=0.5)

    def __init__(
        self,
        logits: np.ndarray,
        faces: Tensor | None = None,
        cells: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.logits = logits
        self.faces = torch.zeros(0, 5) if faces is None else faces
        self.cells = cells

    def look(self, images: list[Tensor], ratios: list[AspectRatio]) -> list[Looked]:
        maps = np.broadcast_to(self.logits, (len(ratios), *self.logits.shape))
        return [Looked(maps, self.faces, self.faces[:0], self.cells) for _ in images]


def area_of(box: tuple[int, int, int, int], inside: float = 4.0, outside: float = -4.0):
    """Logits on 16x16 cells that are high in one box of cells."""
    logits = np.full((16, 16), outside)
    x0, y0, x1, y1 = box
    logits[y0:y1, x0:x1] = inside
    return logits


def test_is_a_crop_method_of_the_registry() -> None:
    """Its analysis size is the network's."""
    assert find("mars") is MarsCrop
    method = MarsCrop(PaperLooker(Mars(MarsOptions(layer="c3_3", longest=320)), ScoreWeights()))
    assert isinstance(method, CropMethod)
    assert method.analysis == 320


def test_area_is_read_by_medians() -> None:
    """The worked example of section 3.4: a threshold, then medians."""
    probability = np.zeros((10, 20))
    probability[2:7, 4:12] = 0.9
    probability[9, 19] = 0.9  # one stray cell moves no median
    area = read_area(probability, 0.4)
    rows, columns = np.nonzero(probability)
    assert area.centre == ((np.median(columns) + 0.5) / 20, (np.median(rows) + 0.5) / 10)
    assert (area.width, area.height) == (8 / 20, 5 / 10)


def test_an_empty_area_lowers_the_threshold_to_the_maximum() -> None:
    """So there is always a window."""
    probability = np.full((8, 8), 0.1)
    probability[2, 6] = 0.2
    assert read_area(probability, 0.4) == Area((6.5 / 8, 2.5 / 8), 1 / 8, 1 / 8)


def test_one_side_is_reduced_to_the_ratio_and_the_window_is_shifted_inside() -> None:
    """The ratio is exact after the medians."""
    area = Area((0.9, 0.5), width=0.5, height=0.5)
    box = exact_window(area, AspectRatio(1, 1), Size(400, 200))
    assert box == Box(300, 50, 400, 150)  # 200x100 reduced to 100x100; centre 360 shifted to 350
    assert exact_window(area, AspectRatio(4, 1), Size(400, 200)) == Box(200, 75, 400, 125)


def test_the_papers_inference_reads_the_area_of_the_network() -> None:
    """The window has the size of the area, without a search."""
    method = MarsCrop(Stub(area_of((4, 4, 12, 12))), MarsCrop.Options(window="medians"))
    [[crop]] = method.boxes([picture(64, 64)], ["1:1"], sizes=[Size(320, 320)])
    assert crop.box == Box(80, 80, 240, 240)
    [[wide]] = method.boxes([picture(64, 64)], ["2:1"], sizes=[Size(320, 320)])
    assert wide.box == Box(80, 120, 240, 200)


@pytest.mark.parametrize("window", WINDOWS)
def test_windows_are_exact_and_inside(network: PaperLooker, window: str) -> None:
    """For all sizes and shapes of photos, down to a few pixels."""
    sizes = [Size(4000, 3000), Size(301, 517), Size(7, 3), Size(5000, 11)]
    pictures = [picture(192, 256), picture(256, 149), picture(3, 7), picture(1, 256)]
    found = method_of(network, window).boxes(pictures, ASPECTS, sizes=sizes)
    for size, crops in zip(sizes, found, strict=True):
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


def test_the_predicted_window_is_the_best_of_all(network: PaperLooker) -> None:
    """Brute force over every window of whole cells: none has a higher score by far."""
    logits = np.random.default_rng(0).normal(size=(16, 16)).cumsum(0).cumsum(1) / 6
    logits -= np.median(logits)
    scorer = Scorer(SumTable.of(logits), ScoreWeights(total=0.5))
    size = Size(1600, 1600)
    box = choose(scorer, AspectRatio(1, 1), size, Rules(minimum_zoom=0.25))
    assert box is not None
    corners = [
        (x, y, x + side, y + side)
        for side in range(4, 17)
        for y in range(17 - side)
        for x in range(17 - side)
    ]
    windows = np.array(corners) / 16
    scores = [0.5 * logits[y0:y1, x0:x1].sum() for x0, y0, x1, y1 in corners]
    best = windows[int(np.argmax(scores))]
    assert iou(np.array(box.corners) / 1600, best) > 0.85


def test_a_mirrored_area_gives_the_mirrored_window() -> None:
    """To the nearest pixel."""
    logits = area_of((1, 3, 10, 12)) + np.linspace(0, 1, 256).reshape(16, 16)
    found = []
    for each in (logits, logits[:, ::-1]):
        method = MarsCrop(Stub(each.copy()), MarsCrop.Options(plain_ground=False))
        [crops] = method.boxes([picture(48, 64)], ["1:1", "4:3"], sizes=[Size(640, 480)])
        found.append([crop.box for crop in crops])
    for one, other in zip(*found, strict=True):
        assert other.y0 == pytest.approx(one.y0, abs=1)
        assert 640 - other.x1 == pytest.approx(one.x0, abs=1)


def test_the_smallest_window_is_an_option() -> None:
    """A small area shrinks the window no further than allowed."""
    small = Stub(area_of((7, 7, 9, 9)))
    sides = []
    for zoom in (0.2, 0.6, 1.0):
        method = MarsCrop(small, MarsCrop.Options(minimum_zoom=zoom, plain_ground=False))
        [[crop]] = method.boxes([picture(64, 64)], ["1:1"], sizes=[Size(1000, 1000)])
        sides.append(crop.box.size.width)
    assert sides == pytest.approx([200, 600, 1000], abs=30)


def test_cells_move_the_window() -> None:
    """Additional scores decide between windows of equal dense scores."""
    right = Stub(np.zeros((16, 16)), cells=lambda boxes: 5 * boxes[:, 0])
    method = MarsCrop(right, MarsCrop.Options(window="largest", plain_ground=False))
    [[crop]] = method.boxes([picture(64, 96)], ["1:1"], sizes=[Size(900, 600)])
    assert crop.box.x1 > 880


def test_the_score_is_the_preference_over_the_centre() -> None:
    """The centre itself has one half; a better window has more."""
    stub = Stub(area_of((8, 0, 16, 16)))
    method = MarsCrop(stub, MarsCrop.Options(window="largest", plain_ground=False))
    [[crop]] = method.boxes([picture(32, 64)], ["1:1"], sizes=[Size(640, 320)])
    assert crop.box.x0 > 300
    # The centre crop holds 4 columns of each kind, the crop 8 good ones: 4 x 16 cells x 8 x 0.1.
    assert crop.score == pytest.approx(1 / (1 + np.exp(-0.5 * 0.1 * 8 * 64)), abs=1e-3)
    flat = MarsCrop(Stub(np.zeros((16, 16))), MarsCrop.Options(window="largest"))
    [[centre]] = flat.boxes([picture(32, 64)], ["1:1"], sizes=[Size(640, 320)])
    assert centre.score == pytest.approx(0.5)


def test_an_image_has_the_same_crops_alone_and_in_company(network: PaperLooker) -> None:
    """Nothing leaks from one image to another."""
    method = MarsCrop(network)
    pictures = [picture(192, 256, 1), picture(192, 256, 2), picture(256, 100, 3)]
    together = method.boxes(pictures, ["1:1", "3:2"])
    assert together == [method.boxes([each], ["1:1", "3:2"])[0] for each in pictures]
    for (_, crop), each in zip(together, pictures, strict=True):
        [[alone]] = method.boxes([each], ["3:2"])
        # Products of few rows take other kernels on some processors: their last digits differ.
        assert (crop.box, crop.focal) == (alone.box, alone.focal)
        assert crop.score == pytest.approx(alone.score, abs=1e-6)


def test_the_meta_learners_run_once_a_ratio(
    network: PaperLooker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their result is cached."""
    fresh, calls = PaperLooker(network.network, ScoreWeights()), []
    predict = network.network.parameters_of
    monkeypatch.setattr(network.network, "parameters_of", lambda r: calls.append(r) or predict(r))
    for _ in range(3):
        MarsCrop(fresh).boxes([picture(64, 64)], ["1:1", "4:5"])
    assert len(calls) == 2


@pytest.mark.parametrize("window", WINDOWS)
def test_focal_hint_is_the_centre(network: PaperLooker, window: str) -> None:
    """The window is as near to it as the image allows."""
    size = Size(256, 192)
    hints = [Hints(focal=(0.25, 0.5))]
    [[crop]] = method_of(network, window).boxes([picture(192, 256)], ["1:3"], hints=hints)
    assert crop.focal == (0.25, 0.5)
    expected = Box.centred(crop.box.size, (0.25, 0.5), size)
    assert crop.box.x0 == pytest.approx(expected.x0, abs=1)
    assert crop.box.y0 == pytest.approx(expected.y0, abs=1)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("zoom", [0.3, 1.0])
def test_kept_boxes_are_not_cut(network: PaperLooker, window: str, zoom: float) -> None:
    """Wherever the network would rather crop."""
    options = MarsCrop.Options(window=window, minimum_zoom=zoom)  # type: ignore[arg-type]
    method = MarsCrop(network, options)
    keep = (Box(0, 0, 40, 30), Box(10, 20, 60, 60))
    [crops] = method.boxes([picture(192, 256)], ["1:1", "4:3", "2:3"], hints=[Hints(keep=keep)])
    for crop in crops:
        assert all(crop.box.intersection(each) == each.area for each in keep)


def test_kept_boxes_that_do_not_fit_are_shown_as_far_as_possible(network: PaperLooker) -> None:
    """The window keeps one of two that lie too far apart."""
    keep = (Box(0, 0, 30, 30), Box(226, 160, 256, 192))
    [[crop]] = MarsCrop(network).boxes([picture(192, 256)], ["9:16"], hints=[Hints(keep=keep)])
    assert sum(crop.box.intersection(each) == each.area for each in keep) == 1


def test_a_head_is_whole_or_left_out() -> None:
    """The area ends in the middle of a face; with care the window contains all of it or none."""
    face = torch.tensor([[0.55, 0.2, 0.75, 0.5, 0.9]])
    stub = Stub(area_of((0, 0, 10, 16), 0.3, -0.3), face)
    head, size = face_box(head_of(face[0, :4].tolist()), Size(800, 400)), Size(800, 400)
    inside = []
    for faces in (0.0, 10.0):
        method = MarsCrop(stub, MarsCrop.Options(faces=faces, plain_ground=False))
        [[crop]] = method.boxes([picture(40, 80)], ["5:4"], sizes=[size])
        inside.append(crop.box.intersection(head) / head.area)
    assert 0 < inside[0] < 1
    assert inside[1] in (0, 1)


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    return [data.astronaut(), data.coffee(), data.chelsea()[:, 100:300]]


def test_our_weights_give_a_photo_the_same_windows_alone_and_in_company(
    photos: list[np.ndarray],
) -> None:
    """On a CPU, to the last digit."""
    method = deepcrop.load("mars", device="cpu")
    together = method.boxes(photos, ASPECTS)
    assert method.boxes(photos, ASPECTS) == together
    assert [method.boxes([photo], ASPECTS)[0] for photo in photos] == together


def test_our_weights_choose_smaller_windows_where_they_pay(photos: list[np.ndarray]) -> None:
    """Of the coffee cup's 1:1 and 16:9, not all are the largest, and none is tiny."""
    [crops] = deepcrop.load("mars", device="cpu").boxes([photos[1]], ["1:1", "4:3", "16:9", "3:4"])
    size = Size(600, 400)
    zooms = [
        crop.box.size.longest / AspectRatio.parse(aspect).largest_window(size).longest
        for crop, aspect in zip(crops, ["1:1", "4:3", "16:9", "3:4"], strict=True)
    ]
    assert all(0.5 <= zoom <= 1 for zoom in zooms)
    assert all(0.2 < crop.score < 1 for crop in crops)


def test_our_weights_keep_the_astronauts_head(photos: list[np.ndarray]) -> None:
    """Her face is found, and no window cuts it."""
    method = deepcrop.load("mars", device="cpu")
    assert isinstance(method.looker, WindowLooker)
    [seen] = method.looker.look([as_tensor(photos[0])], [AspectRatio(1, 1)])
    [found] = seen.faces.tolist()
    head = face_box(head_of(found[:4]), Size(512, 512))
    [crops] = method.boxes([photos[0]], ["1:1", "16:9", "4:5", "9:16"])
    for crop in crops:
        assert crop.box.intersection(head) / head.area > 0.97


def test_fewer_pixels_are_an_option(photos: list[np.ndarray]) -> None:
    """They change what is seen only a little."""
    quick = deepcrop.load("mars", device="cpu", pixels=288 * 384)
    [[one]] = quick.boxes(photos[1:2], ["4:3"])
    [[other]] = deepcrop.load("mars", device="cpu").boxes(photos[1:2], ["4:3"])
    sides = np.array([600, 400, 600, 400])
    assert iou(np.array(one.box.corners) / sides, np.array(other.box.corners) / sides) > 0.6


def test_the_trunk_may_run_in_bfloat16(
    photos: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The areas stay the same but for rounding."""
    areas = []
    for kind in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(precision, "inference_dtype", lambda device, kind=kind: kind)
        method = deepcrop.load("mars", device="cpu")
        assert isinstance(method.looker, WindowLooker)
        assert {each.dtype for each in method.looker.network.sight.parameters()} == {kind}
        areas.append(method.maps([as_tensor(photos[1])], [AspectRatio(4, 5)])[0].ravel())
    assert np.corrcoef(*areas)[0, 1] > 0.995

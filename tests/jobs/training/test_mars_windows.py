"""The training of Mars' head: views of photos, random windows, losses, learning, folding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deepcrop.geometry import Size
from deepcrop.networks.mars.sight import Seen, mirror
from deepcrop.networks.mars.window_options import WindowOptions
from deepcrop.ops.box_search import iou
from jobs.evaluation.mars_folds import WINDOWS, Judged, judge
from jobs.training.fcdb import Edges, HumanCrop, VotedPair
from jobs.training.mars_views import Views, cached, make_views
from jobs.training.mars_windows import Recipe, fit, losses, ratio_of, unfolded, windows_like

SIZE = Size(400, 300)
OPTIONS = WindowOptions(
    inputs=6, guides=2, width=8, dimension=4, neurons=8, learned=2, hidden=8, input_dropout=0.0
)
RECIPE = Recipe(options=OPTIONS, epochs=12, batch=8, windows=16, pairs=2, rate=5e-3, average=0.8)


def photo(number: int) -> tuple[HumanCrop, list[VotedPair], Seen]:
    """A photo whose crop is where the first channel of its features is high."""
    random = np.random.default_rng(number)
    left, top = random.integers(0, 9), random.integers(0, 7)
    box = Edges(left * 25.0, top * 25.0, left * 25.0 + 200, top * 25.0 + 150)
    deep = torch.from_numpy(random.normal(size=(6, 12, 16))).float() * 0.1
    deep[0, top : top + 6, left : left + 8] += 2
    other = Edges(
        *(edge + (100 if left < 4 else -100) * (k % 2 == 0) for k, edge in enumerate(box))
    )
    pair = VotedPair(f"{number}.jpg", SIZE, box, 5, other, 0)
    turned = VotedPair(f"{number}.jpg", SIZE, other, 1, box, 4)
    crop = HumanCrop(f"{number}.jpg", Path(f"{number}.jpg"), SIZE, box)
    return crop, [pair, turned], Seen(deep.half(), torch.rand(2, 32, 32), *[torch.zeros(0, 5)] * 2)


@pytest.fixture(scope="module")
def photos() -> tuple[list[HumanCrop], list[list[VotedPair]], list[Seen]]:
    crops, pairs, looks = zip(*(photo(number) for number in range(40)), strict=True)
    return list(crops), list(pairs), list(looks)


@pytest.fixture(scope="module")
def views(photos: tuple[list[HumanCrop], list[list[VotedPair]], list[Seen]]) -> Views:
    crops, pairs, looks = photos
    return make_views(crops, [p for each in pairs for p in each], looks, components=6, frames=2)


def test_the_first_views_show_the_whole_photo_and_its_mirror_image(views: Views) -> None:
    """All views of a photo follow each other; every second is mirrored."""
    assert views.photo.tolist() == [number // 4 for number in range(160)]
    assert views.whole.tolist() == [True, True, False, False] * 40
    assert torch.equal(views.deep[0].flip(-1), views.deep[1])
    torch.testing.assert_close(mirror(views.crop[0]), views.crop[1])
    torch.testing.assert_close(mirror(mirror(views.pairs)), views.pairs)


def test_frames_contain_the_crop_and_know_their_shape(
    views: Views, photos: tuple[list[HumanCrop], list[list[VotedPair]], list[Seen]]
) -> None:
    """The ratio of the crop in pixels is that of the photo's, whatever the frame."""
    assert views.crop.min() >= -1e-6
    assert views.crop.max() <= 1 + 1e-6
    own = torch.tensor([float(photos[0][one].box.ratio) for one in views.photo.tolist()])
    torch.testing.assert_close(ratio_of(views.crop, views.shape), own, rtol=1e-4, atol=0)
    assert views.shape.std() > 0.05


def test_pairs_outside_a_frame_do_not_count(views: Views) -> None:
    """Their margin is 0; those inside keep it."""
    kept = {round(each, 3) for each in views.margin[views.whole].flatten().tolist()}
    assert kept == {1.0, -0.6}
    hidden = views.margin[~views.whole].flatten() == 0
    assert 0.1 < float(hidden.float().mean()) < 1


def test_the_crop_is_first_and_all_windows_have_its_ratio() -> None:
    """Windows lie inside, near the crop and far from it."""
    crops = np.array([[0.1, 0.2, 0.7, 0.9], [0.0, 0.0, 1.0, 0.4]])
    boxes = windows_like(crops, 60, np.random.default_rng(0))
    np.testing.assert_allclose(boxes[:, 0], crops)
    assert boxes.min() >= 0
    assert boxes.max() <= 1 + 1e-9
    ratio = (boxes[..., 2] - boxes[..., 0]) / (boxes[..., 3] - boxes[..., 1])
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape))
    overlap = iou(boxes[0, 1:], crops[0])
    assert (overlap > 0.7).sum() > 5
    assert (overlap < 0.6).sum() > 5


@pytest.mark.smoke
def test_a_head_learns_where_people_crop(
    views: Views, photos: tuple[list[HumanCrop], list[list[VotedPair]], list[Seen]]
) -> None:
    """On photos that it did not see it finds the crop and orders the votes."""
    seen: list[np.ndarray] = []
    head = fit(views, range(32), RECIPE, lambda epoch, found: seen.append(found))
    assert len(seen) == RECIPE.epochs
    assert seen[-1][2] < 0.8 * seen[0][2]
    judged = judge(head, views, range(32, 40), photos[0], photos[1])
    assert judged.overlap.shape == judged.displacement.shape == (8, len(WINDOWS))
    assert judged.overlap[:, 0].mean() > 0.7
    assert judged.votes[0] > 0.8
    assert Judged.joined([judged, judged]).votes == judged.votes
    assert "predicted" in judged.line()


def test_without_cells_there_is_the_dense_score_alone(views: Views) -> None:
    """The losses are finite in both cases."""
    head = fit(views, range(16), replace(RECIPE, epochs=1, options=replace(OPTIONS, hidden=0)))
    assert head.cells is None
    found = losses(head, views, [0, 5, 9], RECIPE, seed=3)
    for each in (found.listwise, found.votes, found.coverage):
        assert torch.isfinite(each)


def test_a_head_of_components_equals_one_of_features(
    views: Views, photos: tuple[list[HumanCrop], list[list[VotedPair]], list[Seen]]
) -> None:
    """The linear map of the components is part of the first layer."""
    head = fit(views, range(16), replace(RECIPE, epochs=1))
    wide = unfolded(head, views.components)
    deep = torch.nn.functional.interpolate(photos[2][0].deep.float()[None], (16, 16), mode="area")
    components = views.components.of(deep[0])[None]
    guides, shape = views.guides[:1], views.shape[:1]
    first = head.features(components, guides, shape)
    torch.testing.assert_close(wide.features(deep, guides, shape), first, rtol=1e-3, atol=1e-3)


def test_looks_are_kept_in_a_file(
    tmp_path: Path, photos: tuple[list[HumanCrop], list[list[VotedPair]], list[Seen]]
) -> None:
    """The second time nothing is computed."""
    path, calls = tmp_path / "looks.pt", []

    def make() -> list[Seen]:
        calls.append(1)
        return photos[2][:3]

    first, second = cached(path, make), cached(path, make)
    assert len(calls) == 1
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.deep, other.deep)
        assert torch.equal(one.faces, other.faces)

"""Mars' training: boxes from fixations, cropping areas, batches, and a network that learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deepcrop.geometry import Box
from deepcrop.networks.mars.model import Mars
from deepcrop.networks.mars.options import MarsOptions
from jobs.training.croppings import Cropping
from jobs.training.mars import (
    Objective,
    Recipe,
    View,
    areas,
    collate,
    density,
    fit,
    load_views,
    make_batches,
    schedule,
)


def test_areas_hold_the_covered_share_of_each_cell() -> None:
    shapes = torch.tensor([[32, 48]])
    [[area]] = areas(torch.tensor([[[0.125, 0.25, 0.5, 1.0]]]), shapes, 4, (10, 12))
    assert area[0:2].sum() == 0
    assert area[2:8, 2:6].min() == 1
    assert area[:, 1].tolist() == [0, 0, *[0.5] * 6, 0, 0]
    assert area[8:].sum() == 0
    assert float(area.sum()) == pytest.approx(32 * 48 * 0.375 * 0.75 / 16)


def test_schedule_rises_and_then_falls_as_a_cosine() -> None:
    recipe = Recipe(epochs=50, warmup=5)
    assert schedule(2.5, recipe) == pytest.approx(0.5)
    assert schedule(5, recipe) == 1
    assert schedule(27.5, recipe) == pytest.approx(0.5)
    assert schedule(50, recipe) == pytest.approx(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos with one bright square on dark ground."""
    for number in range(8):
        array = np.full((96, 128, 3), 20, np.uint8)
        array[16:80, 8 * number : 8 * number + 56] = (250, 200, 30)
        Image.fromarray(array).save(tmp_path / f"{number}.png")
    return tmp_path


def rows_of(folder: Path) -> list[Cropping]:
    return [
        Cropping(f"{number}.png", ratio, Box(8 * number, 16, 8 * number + 56, 80))
        for number in range(8)
        for ratio in (0.875, 0.9)
    ]


def small() -> Mars:
    torch.manual_seed(0)
    return Mars(MarsOptions(layer="c3_3", channels=16, ratios=5, dimension=16))


def test_mirror_images_have_mirrored_boxes(folder: Path) -> None:
    rows = rows_of(folder)[:2]
    straight, mirrored = load_views(rows, folder, small(), frozen=0)
    assert torch.equal(straight.features.flip(-1), mirrored.features)
    assert straight.shape == mirrored.shape == (192, 256)
    assert straight.ratios.tolist() == pytest.approx([0.875, 0.9])
    assert straight.boxes[0].tolist() == [pytest.approx([0, 16 / 96, 56 / 128, 80 / 96])]
    assert mirrored.boxes[0].tolist() == [pytest.approx([72 / 128, 16 / 96, 1, 80 / 96])]


def test_boxes_of_one_ratio_go_together(folder: Path) -> None:
    boxes = [Box(0, 0, 32, 32), Box(32, 32, 64, 64), Box(0, 0, 64, 32)]
    ratios = (1.0, 1.0, 2.0)
    rows = [Cropping("0.png", *each) for each in zip(ratios, boxes, strict=True)]
    [view] = load_views(rows, folder, small(), frozen=0, mirror=False)
    assert view.ratios.tolist() == [1.0, 2.0]
    assert [len(each) for each in view.boxes] == [2, 1]
    recipe = Recipe(ratios=1, boxes=2)
    _, _, chosen, drawn, _ = collate([view] * 20, recipe, np.random.default_rng(0))
    for ratio, (first, second) in zip(chosen[:, 0], drawn[:, 0], strict=True):
        assert torch.equal(first, second) == (ratio == 2)


def test_a_view_is_cut_out_and_its_boxes_are_relative_to_it(folder: Path) -> None:
    row = Cropping("0.png", 1.0, Box(16, 16, 48, 48), view=Box(0, 16, 64, 80))
    [view] = load_views([row], folder, small(), frozen=0, mirror=False)
    assert view.shape == (256, 256)
    assert view.boxes[0].tolist() == [[0.25, 0, 0.75, 0.5]]


def test_batches_deal_every_view_once(folder: Path) -> None:
    views = load_views(rows_of(folder), folder, small(), frozen=2)
    random = np.random.default_rng(0)
    dealt = make_batches(views, 5, random)
    assert sorted(index for batch in dealt for index in batch) == list(range(16))
    features, shapes, ratios, boxes, densities = collate(
        views[:2], Recipe(ratios=3, boxes=5), random
    )
    assert features.shape[0] == 2
    assert (shapes.shape, ratios.shape, boxes.shape) == ((2, 2), (2, 3), (2, 3, 5, 4))
    assert densities.sum((1, 2)).tolist() == pytest.approx([1, 1], abs=1e-2)


def test_a_small_box_weighs_more_than_a_large_one() -> None:
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.25], [0.25, 0.5, 1.0, 1.0]])
    found = density(boxes, (64, 48), 4, (16, 16))
    first, second = torch.zeros(16, 16), torch.zeros(16, 16)
    first[:4, :6], second[8:, 3:12] = 1 / 24**2, 1 / 72**2
    torch.testing.assert_close(found, (first + second) / (1 / 24 + 1 / 72))


@pytest.mark.parametrize("focus", [0.0, 0.7])
def test_the_loss_is_eq_8_and_the_divergence_of_the_boxes_from_the_odds(focus: float) -> None:
    network = small()
    random = torch.Generator().manual_seed(1)
    features = torch.randn(1, 32, 8, 8, generator=random)  # of 64x64 pixels; the view is 64x48
    ratios = torch.tensor([[0.8, 1.5]])
    pair = torch.tensor([[0.0, 0.0, 0.5, 0.25], [0.25, 0.5, 1.0, 1.0]])
    dense = density(pair, (64, 48), 4, (16, 16))
    boxes = pair.expand(1, 2, 2, 4)
    got = Objective(network, 7, focus)(
        features, torch.tensor([[64, 48]]), ratios, boxes, dense[None]
    )
    logits = network.decode(features, network.parameters_of(ratios[0]))[0, :, :, :12].double()
    area = torch.zeros(16, 12, dtype=torch.float64)
    area[:4, :6], area[8:, 3:] = 0.5, 0.5
    expected = torch.zeros((), dtype=torch.float64)
    for chance in logits.sigmoid():
        expected -= (area * chance.log() + (1 - area) * (1 - chance).log()).mean() / 2
        odds, seen = chance / (1 - chance), dense[:, :12].double()
        divergence = torch.xlogy(seen, seen) - seen * (odds / odds.sum()).log()
        expected += focus * divergence.sum() / 2
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=0)


@pytest.mark.smoke
def test_training_finds_the_area_in_the_features() -> None:
    random, views = np.random.default_rng(0), []
    for _ in range(16):
        x, y = random.uniform(0, 0.5, 2)
        box = torch.tensor([[x, y, x + 0.5, y + 0.5]], dtype=torch.float32)
        features = torch.zeros(32, 8, 8)
        features[0] = areas(box[None], torch.tensor([[64, 64]]), 8, (8, 8))[0, 0]
        views.append(View(features.half(), (64, 64), torch.ones(1), [box], torch.zeros(8, 8)))
    network, losses = small(), []
    recipe = Recipe(epochs=20, warmup=2, batch=8, rate=1e-2, average=0.5)
    fit(network, views, recipe, frozen=7, report=lambda epoch, loss: losses.append(loss))
    assert losses[-1] < 0.5 * losses[0]
    assert not network.training


def test_frozen_blocks_stay_as_they_were(folder: Path) -> None:
    network = small()
    before = {key: value.clone() for key, value in network.trunk.state_dict().items()}
    views = load_views(rows_of(folder), folder, network, frozen=5, mirror=False)
    fit(network, views, Recipe(epochs=1, warmup=0, batch=4), frozen=5)
    after = network.trunk.state_dict()
    changed = {key.split(".")[1] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"5", "6"}

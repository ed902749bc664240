"""The saliency network learns gaze and the scene together."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deepcrop import weights
from deepcrop.networks.saliency.faces import read_faces
from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.training.head_targets import heads_loss, targets
from jobs.training.scenes import (
    ScenePhoto,
    SceneRecipe,
    draw_view,
    scene_loss,
    train_scenes,
    with_scene_head,
)

NO_BOXES = np.zeros((0, 5))
SHAPE = (96, 128)


def square(index: int, *, label: bool = True, gaze: bool = True) -> ScenePhoto:
    """A grey photo with a white square, which is the subject, a head, and what is looked at."""
    random = np.random.default_rng(index)
    image = torch.full((3, *SHAPE), 90, dtype=torch.uint8)
    x, y, side = random.integers(8, 80), random.integers(8, 50), random.integers(24, 36)
    image[:, y : y + side, x : x + side] = 255
    mask = torch.zeros(SHAPE, dtype=torch.uint8)
    mask[y : y + side, x : x + side] = 255
    box = np.array([[x / 128, y / 96, (x + side) / 128, (y + side) / 96, 1.0]])
    centre = np.array([[(x + side / 2) / 128, (y + side / 2) / 96]])
    return ScenePhoto(
        name=str(index),
        image=image,
        points=np.repeat(centre, 5, 0) if gaze else np.zeros((0, 2)),
        gaze=None,
        subject=mask if label else None,
        text=torch.zeros(SHAPE, dtype=torch.uint8) if label else None,
        faces=NO_BOXES,
        animals=box,
        animals_weight=1.0,
    )


def network() -> SaliencyNetwork:
    torch.manual_seed(0)
    return with_scene_head(SaliencyNetwork(SaliencyOptions(pixels=96 * 128, width=8)), 8)


@pytest.mark.smoke
def test_targets_read_back_are_the_heads():
    heads = np.array([[0.1, 0.2, 0.3, 0.5, 0.99], [0.6, 0.55, 0.75, 0.8, 0.95]])
    heat, shape, _ = targets(heads, (54, 72))
    found = torch.cat([torch.logit(heat.clamp(1e-6, 1 - 1e-6))[None], shape])
    read = read_faces(found, 0.99)
    order = read[:, 0].argsort()
    assert read[order, :4].numpy() == pytest.approx(heads[:, :4], abs=1e-5)


def test_unsure_small_and_cut_heads_are_neither_heads_nor_background():
    heads = np.array(
        [
            [0.1, 0.1, 0.2, 0.2, 0.7],  # unsure
            [0.5, 0.5, 0.51, 0.51, 0.99],  # small
            [-0.1, 0.7, 0.1, 0.95, 0.99],  # half outside
        ]
    )
    heat, _, weight = targets(heads, (40, 40))
    assert heat.max() == 0
    assert weight[5, 5] == weight[20, 20] == weight[32, 1] == 0
    assert weight[5, 30] == 1


def test_the_loss_is_least_at_the_target():
    heat, shape, weight = (
        each[None] for each in targets(np.array([[0.2, 0.2, 0.6, 0.6, 1]]), (20, 20))
    )
    best = torch.cat([torch.where(heat == 1, 9.0, -9.0)[:, None], shape], 1)
    moved = best.roll(3, -1)
    assert heads_loss(best, heat, shape, weight) < 0.01 < heads_loss(moved, heat, shape, weight)


@pytest.mark.smoke
def test_labels_move_with_the_view():
    photo, random = square(3), np.random.default_rng(0)
    for _ in range(12):
        view = draw_view(photo, SHAPE, SceneRecipe(), random)
        rows, columns = torch.nonzero(view.subject > 127, as_tuple=True)
        [[x0, y0, x1, y1, _]] = view.animals
        for side, low, high, cells in ((16, x0, x1, columns), (12, y0, y1, rows)):
            assert max(low, 0) * side == pytest.approx(cells.min().item(), abs=1)
            assert min(high, 1) * side == pytest.approx(cells.max().item() + 1, abs=1)
        bright = (view.input.mean(0) > view.input.mean()).nonzero()
        assert bright[:, 1].float().mean() / 128 == pytest.approx(
            (max(x0, 0) + min(x1, 1)) / 2, abs=0.05
        )


def test_a_photo_teaches_only_what_it_has_labels_for():
    net = network().train()
    recipe = SceneRecipe(frozen=0)
    views = [
        draw_view(square(k, label=False, gaze=False), SHAPE, recipe, np.random.default_rng(k))
        for k in range(2)
    ]
    value, terms = scene_loss(net, views, replace(recipe, weights=(1, 1, 1, 0, 0)))
    assert terms[:3] == [0, 0, 0] and value.item() == 0
    assert terms[4] > 0


def test_the_network_learns_the_scene():
    photos = [square(k) for k in range(12)]
    recipe = SceneRecipe(epochs=8, views=2, batch=4, rate=5e-3, average=0.9)
    trunk = SaliencyNetwork.from_state(*weights.load("saliency"))
    trunk.options = replace(trunk.options, pixels=96 * 128)
    seen = []
    start = with_scene_head(trunk, 16)
    trained = train_scenes(start, photos, recipe, lambda _, terms, __: seen.append(terms))
    assert seen[-1][1] < 0.7 * seen[0][1] and seen[-1][4] < seen[0][4]
    photo = square(99)
    [output] = trained.predict([photo.image])
    mask = torch.nn.functional.interpolate(
        photo.subject[None, None].float() / 255, output.subject.shape, mode="area"
    )[0, 0]
    assert output.subject[mask > 0.9].mean() > output.subject[mask < 0.1].mean() + 0.3


def test_the_other_layers_are_copied():
    bare = SaliencyNetwork(SaliencyOptions(width=8))
    joined = with_scene_head(bare, 8)
    for key, value in bare.state_dict().items():
        assert torch.equal(joined.state_dict()[key], value)

"""The saliency recipe: losses, views, and a loop that learns, stops and repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deepcrop.geometry import Size
from deepcrop.metrics import saliency as metrics
from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.training.datasets import GazePhoto
from jobs.training.saliency import Recipe, batches, draw_views, samples_of, train
from jobs.training.views import (
    Sample,
    augment,
    correlation,
    kl_divergence,
    loss,
    nearest_shape,
    nss,
)

OPTIONS = SaliencyOptions(pixels=64 * 64, width=8, priors=4, dropout=0.0)
RECIPE = Recipe(epochs=3, views=2, batch=4, rate=5e-3, average=0.5, bfloat16=False)


def spots(count, seed=0):
    """Photos with one white spot that everybody looks at."""
    random = np.random.default_rng(seed)
    photos = []
    for k in range(count):
        at = random.uniform(0.2, 0.8, 2)
        image = torch.full((3, 64, 64), 40, dtype=torch.uint8)
        x, y = (at * 64).astype(int)
        image[:, y - 6 : y + 6, x - 6 : x + 6] = 250
        points = np.clip(at + random.normal(0, 0.03, (12, 2)), 0, 0.99)
        photos.append(GazePhoto(f"spots/{k}", image, Size(64, 64), points, np.arange(12)))
    return photos


def fresh():
    torch.manual_seed(0)
    return SaliencyNetwork(OPTIONS)


def test_losses_agree_with_the_metrics():
    random = torch.Generator().manual_seed(0)
    p = torch.rand(2, 6, 8, generator=random)
    q = torch.rand(2, 6, 8, generator=random)
    looks = torch.zeros(2, 6, 8)
    looks[:, 2, 3], looks[:, 5, 7] = 2, 1
    cells = np.array([[2, 3], [2, 3], [5, 7]])
    for k in range(2):
        a, b = p[k].numpy(), q[k].numpy()
        assert kl_divergence(p, q)[k].item() == pytest.approx(metrics.kl_divergence(a, b), abs=1e-5)
        assert correlation(p, q)[k].item() == pytest.approx(metrics.correlation(a, b), abs=1e-5)
        assert nss(p, looks)[k].item() == pytest.approx(metrics.nss(a, cells), abs=1e-5)
    kl, cc, score = kl_divergence(p, q).mean(), correlation(p, q).mean(), nss(p, looks).mean()
    torch.testing.assert_close(loss("blog", p, q, looks), kl - cc)
    torch.testing.assert_close(loss("sam", p, q, looks), 10 * kl - 2 * cc - score)
    with pytest.raises(ValueError, match="cosine"):
        loss("cosine", p, q, looks)


def test_views_move_pixels_fixations_and_teacher_together():
    teacher = torch.zeros(64, 64)
    for seed in range(20):
        photo = spots(1, seed)[0]
        x, y = (photo.points.mean(0) * 64).astype(int)
        teacher = torch.full((64, 64), 1e-6)
        teacher[y - 2 : y + 2, x - 2 : x + 2] = 1
        view = augment(
            Sample(photo.image, photo.points, teacher), (64, 64), np.random.default_rng(seed)
        )
        if not view.fixations.any():
            continue  # the crop lost the spot
        bright = view.input.mean(0) > view.input.mean(0).max() - 0.2
        where = bright.nonzero().float().mean(0) / 4
        looks = view.fixations.nonzero().float().mean(0)
        assert (where - looks).abs().max() < 3
        assert view.target.sum() == pytest.approx(1, abs=1e-4)


def test_without_crops_a_view_is_the_whole_photo():
    for seed in range(8):
        photo = spots(1, seed)[0]
        sample = Sample(photo.image, photo.points)
        view = augment(sample, (64, 64), np.random.default_rng(seed), crops=False)
        assert view.fixations.sum() == len(photo.points)


def test_sample_needs_something_to_learn_from():
    bare = Sample(torch.zeros(3, 8, 8, dtype=torch.uint8), np.zeros((0, 2)))
    with pytest.raises(ValueError, match="fixations"):
        augment(bare, (64, 64), np.random.default_rng(0))


def test_nearest_shape_goes_by_the_ratio():
    image = torch.zeros(3, 90, 60)
    assert nearest_shape([(64, 64), (96, 64), (64, 96)], image) == (96, 64)


def test_each_epoch_takes_one_view_of_each_photo():
    views = draw_views(fresh(), samples_of(spots(5)), RECIPE)
    assert [len(row) for row in views] == [2] * 5
    plan = batches(views, 0, 4, np.random.default_rng(0))
    taken = [id(view) for batch in plan for view in batch]
    assert len(taken) == len(set(taken)) == 5
    other = {id(v) for batch in batches(views, 1, 4, np.random.default_rng(0)) for v in batch}
    assert not other & set(taken)


@pytest.mark.smoke
def test_training_learns_and_repeats_itself():
    figures = []

    def run():
        return train(
            fresh(),
            samples_of(spots(16)),
            spots(4, seed=9),
            RECIPE,
            report=lambda progress, state: figures.append(progress),
        )

    first, second = run(), run()
    assert figures[2].loss < figures[0].loss
    assert figures[:3] == figures[3:]
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not first.training


def test_frozen_blocks_stay_and_the_rest_moves():
    network = fresh()
    before = [p.clone() for p in network.trunk.parameters()]
    after = train(network, samples_of(spots(8)), spots(2), replace(RECIPE, epochs=1))
    frozen = len(list(network.trunk.blocks[: RECIPE.frozen].parameters()))
    pairs = list(zip(before, after.trunk.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs[:frozen])
    assert any(not torch.equal(a, b) for a, b in pairs[frozen:])


def test_training_stops_when_validation_no_longer_improves():
    seen = []
    recipe = replace(RECIPE, epochs=30, rate=0.0, trunk_rate=0.0, decay=0.0, patience=2)
    train(fresh(), samples_of(spots(4)), spots(2), recipe, report=lambda p, state: seen.append(p))
    assert len(seen) == 3

"""The captioner's recipe learns what grids of features show."""

from dataclasses import replace

import pytest
import torch

from deepcrop.networks.cagic.captioner import CaptionerOptions
from deepcrop.networks.cagic.vocabulary import SPECIAL
from jobs.training.captioner import Captions, Recipe, caption_loss, fit, trim, validate

WORDS = [*SPECIAL, "a", "dog", "cat"]
RECIPE = Recipe(
    options=CaptionerOptions(channels=6, cells=2, embedding=8, hidden=12, attention=6, dropout=0.0),
    epochs=12,
    batch=8,
    rate=0.03,
    forget=0.0,
    feature_dropout=0.0,
    average=0.5,
    patience=12,
)


def data(count):
    """Photos of dogs and, every second one, of cats, each a caption."""
    index = {word: i for i, word in enumerate(WORDS)}
    random = torch.Generator().manual_seed(count)
    grids = torch.randn(1, count, 6, 2, 2, generator=random) * 0.1
    grids[0, ::2, 0] += 2
    ids = [
        [index[w] for w in ("<start>", "a", ("dog", "cat")[i % 2], "<end>", "<pad>")]
        for i in range(count)
    ]
    return Captions(grids.half(), torch.tensor(ids), torch.arange(count))


@pytest.mark.smoke
def test_it_learns_to_say_what_it_sees():
    log = []
    model = fit(WORDS, data(32), data(8), RECIPE, log.append)
    assert model.describe(model.grid(data(4).grids[0].float())) == ["a dog", "a cat"] * 2
    assert len(log) == RECIPE.epochs
    untrained = fit(WORDS, data(32), data(8), replace(RECIPE, rate=1e-9, epochs=1), log.append)
    assert validate(model, data(8)) < 0.5 < validate(untrained, data(8))


def test_it_stops_when_validation_no_longer_falls():
    log = []
    fit(WORDS, data(16), data(8), replace(RECIPE, rate=0.0, patience=1), log.append)
    assert len(log) < RECIPE.epochs


def test_attention_that_looks_everywhere_equally_costs_nothing():
    ids = torch.tensor([[1, 2, 3]])
    logits = torch.zeros(1, 2, 5)
    even, one = torch.full((1, 2, 4), 0.25), torch.tensor([[[1.0, 0, 0, 0]] * 2])
    losses = [
        caption_loss(logits, weights, ids, pad=0, smoothing=0.0, doubly=doubly).item()
        for weights, doubly in ((even, 0.5), (one, 0.5), (one, 0.0))
    ]
    assert losses[0] == pytest.approx(losses[2])
    assert losses[1] > losses[0] + 0.01


def test_columns_of_padding_are_cut():
    assert trim(torch.tensor([[5, 6, 0, 0], [5, 0, 0, 0]]), 0).tolist() == [[5, 6], [5, 0]]

"""The view ranker's recipe: photos above their sub-crops."""

from pathlib import Path

import pytest
import torch

from deepcrop.networks.cagic.aesthetics import ViewRanker, ViewRankerOptions
from jobs.training.aesthetics import Recipe, by_hash, evaluate, fit, sub_crops

RANKER = ViewRankerOptions(channels=2, embedding=8, finest=2, dropout=0.0)


def test_sub_crops_lie_inside_and_follow_the_name():
    for number in range(20):
        boxes = sub_crops(Path(f"set/images/{number}.jpg"), 5)
        assert boxes == sub_crops(Path(f"elsewhere/set/images/{number}.jpg"), 5)
        for x0, y0, x1, y1 in boxes:
            assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
            assert 0.45 <= x1 - x0 <= 0.9 and 0.4 <= y1 - y0 <= 0.92
    assert sub_crops(Path("set/images/0.jpg"), 5) != sub_crops(Path("set/images/1.jpg"), 5)


def test_photos_are_ordered_by_their_names_alone():
    photos = [Path(f"set/images/{number}.jpg") for number in range(9)]
    assert by_hash(photos) == by_hash(photos[::-1]) != photos


@pytest.mark.smoke
def test_the_ranker_learns_what_tells_photos_from_their_parts():
    torch.manual_seed(0)
    pooled = torch.rand(40, 4, 2 * 5)
    pooled[:, 0, 3] += 1.5
    ranker = ViewRanker(RANKER)
    log = []
    trained = fit(ranker, pooled[:30], Recipe(views=3, epochs=30, batch=8, rate=0.01), log.append)
    figures = evaluate(trained, pooled[30:])
    assert (
        figures["pairs ranked right"] > 0.95 > evaluate(ranker, pooled[30:])["pairs ranked right"]
    )
    assert figures["photos"] == 10
    assert len(log) == 6
    assert figures["photos above all their sub-crops"] <= figures["pairs ranked right"]


def test_figures_of_a_ranker_that_knows_nothing_are_zero():
    ranker = ViewRanker(RANKER).eval()
    torch.nn.init.zeros_(ranker.score.weight)
    figures = evaluate(ranker, torch.rand(3, 2, 10))
    assert figures["pairs ranked right"] == pytest.approx(0)

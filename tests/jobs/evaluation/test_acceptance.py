"""How well scores foretell judgements."""

import numpy as np
import pytest
import torch
from PIL import Image

from deepcrop.errors import RequestError
from deepcrop.methods.acceptance import Sliced
from deepcrop.methods.saliency import SaliencyCrop
from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.evaluation.acceptance import (
    JUDGEMENTS,
    acceptance_tables,
    chances_by,
    cross_validated,
    fit,
    read_judged,
    separation,
    what_is_sliced,
)
from tests.jobs.evaluation.test_human_crops import rendered

HEADER = "release,photo,x0,y0,x1,y1,verdict\n"


def test_the_judgements_that_ship_are_read():
    judged = read_judged(JUDGEMENTS)
    assert len(judged) >= 456
    assert {crop.verdict for crop in judged} == {"fit", "usable", "bad"}
    assert judged == sorted(judged, key=lambda crop: crop.photo)


@pytest.mark.parametrize("row", ["a,b,0,0,9,9,good", "a,b,0,0,x,9,bad", "a,b,0,0,9"])
def test_a_wrong_line_is_named(tmp_path, row):
    path = tmp_path / "judged.csv"
    path.write_text(HEADER + row + "\n")
    with pytest.raises(RequestError, match=r"judged\.csv:2: expected a crop box"):
        read_judged(path)


def test_the_fit_finds_the_function_that_made_the_verdicts():
    random = np.random.default_rng(1)
    sliced = [Sliced(*each) for each in random.uniform(0, 1, (4000, 3))]
    logits = np.array([3 * a + 2 * b + c - 3 for a, b, c in sliced])
    bad = random.uniform(size=len(logits)) < 1 / (1 + np.exp(-logits))
    assert fit(sliced, bad.tolist()) == pytest.approx((3, 2, 1, -3), abs=0.4)


def test_separation_counts_pairs():
    bad = np.array([True, True, False, False])
    assert separation(np.array([0.1, 0.5, 0.5, 0.9]), bad) == (1 + 1 + 0.5 + 1) / 4


def test_a_photo_is_foretold_by_others(tmp_path):
    path = tmp_path / "judged.csv"
    lines = [f"r,{n}.jpg,0,0,{10 + n % 2},9,{('fit', 'bad')[n % 2]}" for n in range(60)]
    path.write_text(HEADER + "\n".join(lines) + "\n")
    judged = read_judged(path)
    sliced = [Sliced(float(crop.bad), 0.0, 0.0) for crop in judged]
    chances = cross_validated(judged, sliced)
    bad = np.array([crop.bad for crop in judged])
    assert separation(chances, bad) == 1
    assert not np.array_equal(chances, chances_by(fit(sliced, bad.tolist()), sliced))
    text = "".join(rendered(table) for table in acceptance_tables(judged, chances))
    assert "10" in text and "Brier" in text


def test_crops_are_judged_by_what_the_network_finds(tmp_path):
    folder = tmp_path / "data" / "photos"
    folder.mkdir(parents=True)
    Image.effect_noise((120, 80), 60).convert("RGB").save(folder / "one.png")
    path = tmp_path / "judged.csv"
    path.write_text(HEADER + "r,photos/one.png,0,0,60,80,fit\nr,photos/one.png,0,0,120,80,bad\n")
    torch.manual_seed(0)
    network = SaliencyNetwork(SaliencyOptions(pixels=64 * 96, width=8, scene=8)).eval()
    cut, whole = what_is_sliced(read_judged(path), SaliencyCrop(network), tmp_path)
    assert whole == (0, 0, 0)
    assert cut.gaze > 0

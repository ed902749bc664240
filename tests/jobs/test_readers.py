"""The comparison with other projects' readers."""

import numpy as np
import pytest

from jobs.reading.comparison import difference
from jobs.reading.watcher import Answer, Outcome, outcomes
from tests.image.samples import photo, saved

RGB = photo()[:60, :80].copy()


def test_differences():
    near = RGB.copy()
    near[3, 3] ^= 1
    assert difference(RGB, near).near("levels") and difference(RGB, near).largest == 1
    far = RGB.copy()
    far[:2] = 255 - far[:2]
    assert not difference(RGB, far).near("levels")
    assert difference(RGB, far).near("look")
    turned = difference(RGB, RGB.transpose(1, 0, 2))
    assert turned.largest is None and not turned.near("look") and not turned.near("mean")


def test_transparency_counts_where_the_other_reader_has_it():
    clear = np.dstack([RGB, np.zeros_like(RGB[..., :1])])
    hidden = np.dstack([255 - RGB, np.zeros_like(RGB[..., :1])])
    assert difference(clear, hidden).largest == 0
    assert difference(RGB, clear).largest > 100


def test_verdicts():
    found = difference(RGB, RGB)
    for answers, kind in (
        ([Answer("deepcrop"), Answer("a", "no"), Answer("b", "", found, True)], "same"),
        ([Answer("deepcrop"), Answer("b", "", found, False)], "differs"),
        ([Answer("deepcrop"), Answer("a", "no")], "unchecked"),
        ([Answer("deepcrop", "no"), Answer("a")], "refused"),
        ([Answer("deepcrop", "no"), Answer("a", "no")], "refused by all"),
    ):
        outcome = Outcome(None, answers=answers)
        outcome.judge()
        assert outcome.kind == kind


@pytest.mark.slow
def test_a_folder(tmp_path):
    (tmp_path / "good.png").write_bytes(saved(RGB, "png"))
    (tmp_path / "half.jpg").write_bytes(saved(RGB, "jpeg")[:900])
    (tmp_path / "text.gif").write_text("no picture")
    kinds = {each.path.name: each for each in outcomes(sorted(tmp_path.iterdir()), 60, 10**6)}
    assert kinds["good.png"].kind == "same"
    assert kinds["half.jpg"].error.startswith("Corrupt")
    assert kinds["text.gif"].kind == "refused by all"

"""Rules for photos that don't fit: the first that holds decides, and says why."""

from __future__ import annotations

import pytest

from deepcrop.outputs.rules import Fit, Judged, decide, plain, read_rules

CROP = Judged(width=500, score=0.25, kept=0.4, flags={"head-cut"})


@pytest.mark.parametrize(
    ("rules", "fit"),
    [
        ({}, Fit("crop")),
        ({"subject-cut": "pad"}, Fit("crop")),
        ({"head-cut": "retarget", "else": "skip"}, Fit("retarget", "head-cut")),
        ({"width < 500": "skip", "score<0.3": "review"}, Fit("review", "score<0.3: 0.25")),
        ({"width<501": "skip"}, Fit("skip", "width<501: 500")),
        ({"subject-cut": "pad", "else": "blur"}, Fit("blur", "else")),
        ({"head-cut & kept<0.3": "pad", "head-cut": "blur"}, Fit("blur", "head-cut")),
        ({"head-cut & kept<0.5": "pad"}, Fit("pad", "head-cut & kept<0.5: 0.4")),
        ("pad", Fit("pad", "else")),
    ],
)
def test_the_first_rule_that_holds_decides(rules, fit):
    assert decide(read_rules(rules), CROP) == fit


def test_rules_may_be_written_in_several_ways():
    wanted = read_rules({"head-cut": "pad", "width<600": "skip"})
    assert read_rules("head-cut:pad,width<600:skip") == wanted
    assert read_rules([{"head-cut": "pad"}, {"width<600": "skip"}]) == wanted
    assert read_rules(plain(wanted)) == wanted


def test_scores_of_single_precision_decide_as_before():
    import numpy as np

    recorded = float(np.float32(0.3))  # a little above
    rules = read_rules({"score<0.3": "review"})
    for score in (recorded, 0.3):
        assert decide(rules, Judged(1, score, 1, ())) == Fit("crop")

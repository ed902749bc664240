"""What decides a crop box."""

import pytest

from deepcrop import weights
from deepcrop.job import Job
from deepcrop.recipes import Recipes


@pytest.mark.parametrize(
    ("method", "further"), [("cagic", "mars"), ("dnr", "saliency"), ("saliency", None)]
)
def test_other_further_weights_are_another_recipe(monkeypatch, method, further):
    def analysis():
        job = Job(input="/in", output="/out", method=method, aspects=["1:1"])
        return Recipes(job).plain().method

    before = analysis()
    assert analysis() == before
    actual = weights.sha256
    changed = further or "mars"
    monkeypatch.setattr(
        weights, "sha256", lambda path: "0" * 64 if path.stem == changed else actual(path)
    )
    assert (analysis() != before) is (further is not None)

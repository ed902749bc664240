"""The share of the importance of retarget methods that comes from saliency."""

import pytest
import torch

from deepcrop import weights
from deepcrop.methods.attention import attention_network, saliency_factors


def test_attention_has_a_mean_of_one_and_a_floor():
    saliency = torch.zeros(4, 8)
    saliency[:, :2] = 3.0
    attention = saliency_factors(saliency, 0.25, (8, 16))
    assert attention.shape == (1, 1, 8, 16)
    assert attention.mean().item() == pytest.approx(1)
    assert attention.min().item() == pytest.approx(0.75)
    assert torch.equal(saliency_factors(None, 0.5, (2, 3)), torch.ones(1, 1, 2, 3))


def test_without_attention_no_network_is_loaded(monkeypatch):
    def refuse(name):
        raise AssertionError(f"{name} is not to be loaded")

    monkeypatch.setattr(weights, "load", refuse)
    assert attention_network(0) is None
    with pytest.raises(AssertionError, match="saliency"):
        attention_network(0.1)

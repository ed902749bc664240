"""Words scored on windows."""

import pytest
import torch

from deepcrop.networks.cagic.word_detectors import FLOOR, WordScores


@pytest.fixture
def words():
    torch.manual_seed(0)
    scores = WordScores({"dog": [0, 1], "cat": [2]}, ["dog", "man"], channels=5, outputs=4)
    return scores.double()


def test_probabilities_are_class_sums_detectors_or_their_mean(words):
    means = torch.randn(3, 5, dtype=torch.float64)
    classes = words.classifier(means).softmax(1)
    detected = words.detector(means).sigmoid()
    found = words.probabilities(words.logits(means), ["dog", "cat", "man"])
    assert torch.allclose(found[:, 0], (classes[:, :2].sum(1) + detected[:, 0]) / 2)
    assert torch.allclose(found[:, 1], classes[:, 2])
    assert torch.allclose(found[:, 2], detected[:, 1])


def test_the_loss_is_the_shares_cross_entropy(words):
    means = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    dog, man = words.probabilities(words.logits(means), ["dog", "man"]).T
    expected = -(0.25 * torch.log(dog + FLOOR) + 0.75 * torch.log(man + FLOOR))
    assert torch.allclose(words.loss(words.logits(means), {"dog": 0.25, "man": 0.75}), expected)
    assert torch.autograd.gradcheck(lambda m: words.loss(words.logits(m), {"dog": 1.0}), (means,))


def test_its_vocabulary_is_both(words):
    assert words.vocabulary.words == ("cat", "dog", "man")

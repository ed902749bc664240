"""Word detectors, learned from what is said of whole photos."""

import pytest
import torch

from jobs.training.captions import CaptionedPhoto
from jobs.training.words import Recipe, average_precision, fit, labels_of, window_means


def said(*captions):
    return CaptionedPhoto("a", None, captions)


def test_labels_count_captions_and_what_they_imply():
    photos = [
        said("a man runs", "a man", "a runner", "somebody", "legs"),
        said("a dog", "a puppy", "the animal", "fur", "a tail"),
    ]
    words, labels = labels_of(photos, least=2)
    assert "a" not in words
    person, dog = words.index("person"), words.index("dog")
    assert labels[0, person] == 1  # three captions of five
    assert labels[1, dog] == pytest.approx(2 / 3)
    assert labels[1, person] == 0


@pytest.mark.smoke
def test_a_detector_finds_a_word_that_one_window_of_ten_shows():
    random = torch.Generator().manual_seed(0)
    means = torch.randn(60, 10, 8, generator=random) * 0.3
    labels = (torch.arange(60) % 2)[:, None].float()
    means[labels[:, 0] == 1, 4, 2] += 4
    detector = fit(means, labels, Recipe(epochs=60, batch=20, rate=0.03, decay=0.0))
    logits = detector(means)[..., 0]
    assert logits[1::2, 4].min() > logits[::2].max()
    assert logits[1::2].argmax(1).unique().tolist() == [4]


def test_window_means_begin_with_the_whole():
    maps = torch.arange(14.0).expand(1, 2, 14, 14)
    means = window_means(maps)
    assert means.shape == (1, 10, 2)
    assert means[0, 0, 0] == 6.5
    assert means[0, 1, 0] == 2.5  # the first six columns


def test_average_precision_is_one_for_a_perfect_order():
    scores = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    present = torch.tensor([[True, False], [True, True], [False, False]])
    assert average_precision(scores, present).tolist() == pytest.approx([1.0, 0.5])

"""Word detectors, which score words on windows: a differentiable text-image score.

A trunk that was trained for classification knows far more words than a captioner trained on few
captions. The score of a word on a window is the word's probability there, computed from the
window's mean feature. It is the summed softmax of the ImageNet classes that the word stands for, or
a logistic detector for the word trained on captions, or the mean of both.

```python
words = WordScores({"dog": [151, 152]}, ["man", "dog"], channels=1280)
logits = words.logits(means)                  # (M, 1280) window means
loss = words.loss(logits, {"dog": 1.0})       # (M,)
```
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .vocabulary import Vocabulary

FLOOR = 1e-4
"""Number added to a word's probability (0..1) before the logarithm in the loss."""


class WordScores(nn.Module):
    """The probabilities of words on windows.

    Args:
        classes: the indices of the classifier's classes that each word stands for.
        detectors: the words that have a detector, in the order of the detectors.
        channels: number of channels of the features.
        outputs: number of classes of the classifier.
    """

    def __init__(
        self,
        classes: Mapping[str, Sequence[int]],
        detectors: Sequence[str],
        *,
        channels: int = 1280,
        outputs: int = 1000,
    ) -> None:
        super().__init__()
        self.classes = {word: list(indices) for word, indices in classes.items()}
        self.detectors = {word: i for i, word in enumerate(detectors)}
        self.vocabulary = Vocabulary(sorted(self.classes.keys() | self.detectors.keys()))
        self.classifier = nn.Linear(channels, outputs)
        with warnings.catch_warnings():  # torch warns of initialising empty tensors
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            self.detector = nn.Linear(channels, len(detectors))

    def logits(self, features: Tensor) -> Tensor:
        """Return the logits ``(..., n)`` of all classes and detectors for features ``(..., C)``.

        Logits are linear in the features, so the mean of logits is the logits of the mean feature.
        """
        return torch.cat([self.classifier(features), self.detector(features)], -1)

    def probabilities(self, logits: Tensor, words: Sequence[str]) -> Tensor:
        """Return the words' probabilities ``(M, len(words))`` from logits of windows ``(M, n)``."""
        classes = self.classifier.out_features
        known = logits[:, :classes].softmax(1)
        columns = []
        for word in words:
            found = []
            if word in self.classes:
                found.append(known[:, self.classes[word]].sum(1))
            if word in self.detectors:
                found.append(torch.sigmoid(logits[:, classes + self.detectors[word]]))
            columns.append(torch.stack(found).mean(0))
        return torch.stack(columns, 1)

    def loss(self, logits: Tensor, bag: Mapping[str, float]) -> Tensor:
        """Return the cross-entropy ``(M,)`` of a bag of known words and their probabilities."""
        shares = torch.tensor(list(bag.values()), device=logits.device, dtype=logits.dtype)
        return -(shares * torch.log(self.probabilities(logits, list(bag)) + FLOOR)).sum(1)

"""Words scored on windows: a differentiable text-image score beside the captioner.

A trunk that was trained to classify knows far more words than a captioner trained on few
captions. The score of a word on a window is its probability there, from the window's mean
feature: the summed softmax of the ImageNet classes that the word stands for, a detector trained
on captions (logistic, one a word), or the mean of both where there are both.

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
"""Probability below which a word is as absent as it can be."""


class WordScores(nn.Module):
    """Probabilities of words on windows.

    Args:
        classes: word to the classes of ``classifier`` that it stands for.
        detectors: words that have a detector of their own, in its order.
        channels: width of the features.
        outputs: classes of the classifier.
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
        with warnings.catch_warnings():  # torch warns of initialising nothing
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            self.detector = nn.Linear(channels, len(detectors))

    def logits(self, features: Tensor) -> Tensor:
        """Return the logits of all classes and detectors: ``(..., C)`` to ``(..., n)``.

        They are linear, so a mean of features' logits is the logits of the mean.
        """
        return torch.cat([self.classifier(features), self.detector(features)], -1)

    def probabilities(self, logits: Tensor, words: Sequence[str]) -> Tensor:
        """Return each word's probability: logits of windows ``(M, n)`` to ``(M, len(words))``."""
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
        """Return the cross-entropy of a bag of known words and their probabilities: ``(M,)``."""
        shares = torch.tensor(list(bag.values()), device=logits.device, dtype=logits.dtype)
        return -(shares * torch.log(self.probabilities(logits, list(bag)) + FLOOR)).sum(1)

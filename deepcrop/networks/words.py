"""Words scored on windows: a differentiable text-image score beside the captioner.

A trunk that was trained to classify knows far more words than a captioner trained on few
captions. The score of a word on a window is its probability there, from the window's mean
feature: the summed softmax of the ImageNet classes that the word stands for, a detector trained
on captions (logistic, one a word), or the mean of both where there are both.

```python
words = WordScores({"dog": [151, 152]}, ["man", "dog"], channels=1280)
loss = words.loss(means, {"dog": 1.0})       # (M, 1280) window means to (M,)
```
"""

from __future__ import annotations

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
        self.detector = nn.Linear(channels, len(detectors))

    def probabilities(self, means: Tensor, words: Sequence[str]) -> Tensor:
        """Return each word's probability on windows: means ``(M, C)`` to ``(M, len(words))``."""
        known = self.classifier(means).softmax(1)
        detected = torch.sigmoid(self.detector(means))
        columns = []
        for word in words:
            found = []
            if word in self.classes:
                found.append(known[:, self.classes[word]].sum(1))
            if word in self.detectors:
                found.append(detected[:, self.detectors[word]])
            columns.append(torch.stack(found).mean(0))
        return torch.stack(columns, 1)

    def loss(self, means: Tensor, bag: Mapping[str, float]) -> Tensor:
        """Return the cross-entropy of a bag of known words and their probabilities: ``(M,)``."""
        shares = torch.tensor(list(bag.values()), device=means.device, dtype=means.dtype)
        return -(shares * torch.log(self.probabilities(means, list(bag)) + FLOOR)).sum(1)

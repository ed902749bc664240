"""The captioner, Show, Attend and Tell (arXiv 1502.03044), and the loss that CAGIC differentiates.

```python
captioner = Captioner(words, CaptionerOptions(channels=320))
grid = captioner.grid(features)                    # (B, C, 14, 14): any trunk's
captioner.describe(grid)                           # ["a dog runs through the grass", ...]
loss = captioner.loss(grid, bags)                  # (B,), differentiable in the features
```

Submodules have the names of the well-known PyTorch implementation of the paper, because these names
are the keys of the shipped weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .vocabulary import SPECIAL, Vocabulary

EPS = 1e-8
LONGEST = 20
"""The most steps (words) of the free-running decode."""


@dataclass(frozen=True)
class CaptionerOptions:
    """The architecture of the captioner; the default widths are the paper's, ours are smaller.

    Attributes:
        channels: number of channels of the image features.
        cells: number of places along each side of the grid.
        embedding: width of a word's vector.
        hidden: width of the LSTM.
        attention: width of the attention's hidden layer.
        dropout: dropout rate before the word layer.
    """

    channels: int = 1280
    cells: int = 14
    embedding: int = 512
    hidden: int = 512
    attention: int = 512
    dropout: float = 0.5


@dataclass(frozen=True)
class Grid:
    """Image features in the form that the decoder reads.

    Attributes:
        features: ``(B, P, C)`` features of P places.
        keys: ``(B, P, A)``, the attention's projection of the features. It is linear, so the keys
            of a resampled feature map are the resampled keys, and each image is projected once.
    """

    features: Tensor
    keys: Tensor


class Attention(nn.Module):
    """Additive attention over places."""

    def __init__(self, channels: int, hidden: int, width: int) -> None:
        super().__init__()
        self.encoder_att = nn.Linear(channels, width)
        self.decoder_att = nn.Linear(hidden, width)
        self.full_att = nn.Linear(width, 1)

    def forward(self, grid: Grid, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the attended features ``(B, C)`` and the weights of the places ``(B, P)``."""
        energy = self.full_att(F.relu(grid.keys + self.decoder_att(hidden)[:, None]))[..., 0]
        weights = energy.softmax(1)
        return torch.bmm(weights[:, None], grid.features)[:, 0], weights


class Captioner(nn.Module):
    """Soft attention with a gate, an LSTM, and a word layer.

    Args:
        words: the vocabulary in index order, with the four special words.
        options: the architecture.
    """

    def __init__(self, words: Sequence[str], options: CaptionerOptions | None = None) -> None:
        super().__init__()
        o = self.options = options or CaptionerOptions()
        self.vocabulary = Vocabulary(words)
        index = self.vocabulary.index
        missing = [word for word in SPECIAL if word not in index]
        if missing:
            raise ValueError(f"the vocabulary lacks {', '.join(missing)}")
        self.start, self.end = index["<start>"], index["<end>"]
        self.attention = Attention(o.channels, o.hidden, o.attention)
        self.embedding = nn.Embedding(len(words), o.embedding)
        self.dropout = nn.Dropout(o.dropout)
        self.decode_step = nn.LSTMCell(o.embedding + o.channels, o.hidden)
        self.init_h = nn.Linear(o.channels, o.hidden)
        self.init_c = nn.Linear(o.channels, o.hidden)
        self.f_beta = nn.Linear(o.hidden, o.channels)
        self.fc = nn.Linear(o.hidden, len(words))
        content = torch.ones(len(words))
        content[[index[word] for word in SPECIAL]] = 0
        self.content: Tensor
        self.register_buffer("content", content, persistent=False)

    def grid(self, features: Tensor) -> Grid:
        """Prepare feature maps ``(B, C, H, W)``, averaged to the grid's cells."""
        pooled = F.adaptive_avg_pool2d(features, self.options.cells)
        places = pooled.flatten(2).transpose(1, 2)
        return Grid(places, self.attention.encoder_att(places))

    def initial(self, grid: Grid) -> tuple[Tensor, Tensor]:
        """Return the LSTM's initial hidden and cell states, computed from the mean feature."""
        mean = grid.features.mean(1)
        return self.init_h(mean), self.init_c(mean)

    def step(
        self, grid: Grid, words: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
        """Run one step of the decoder.

        Args:
            grid: the image features.
            words: ``(B, E)`` vectors of the previous words.
            state: hidden and cell states ``(B, H)``.

        Returns:
            Logits of the next word ``(B, V)``, the next state, the attention's weights ``(B, P)``.
        """
        context, weights = self.attention(grid, state[0])
        context = torch.sigmoid(self.f_beta(state[0])) * context
        state = self.decode_step(torch.cat([words, context], 1), state)
        return self.fc(self.dropout(state[0])), state, weights

    def forward(self, grid: Grid, captions: Tensor) -> tuple[Tensor, Tensor]:
        """Predict each next word of given captions (teacher forcing).

        Args:
            grid: the image features.
            captions: ``(B, T)`` word indices that begin with ``<start>``.

        Returns:
            Logits ``(B, T - 1, V)`` and attention weights ``(B, T - 1, P)``.
        """
        vectors = self.embedding(captions[:, :-1])
        state = self.initial(grid)
        logits, weights = [], []
        for t in range(vectors.shape[1]):
            step, state, attended = self.step(grid, vectors[:, t], state)
            logits.append(step)
            weights.append(attended)
        return torch.stack(logits, 1), torch.stack(weights, 1)

    def decode(self, grid: Grid, longest: int = LONGEST) -> tuple[Tensor, Tensor]:
        """Decode captions greedily; each likeliest word is fed back without a gradient.

        Returns:
            The distribution over words, averaged over the steps up to ``<end>``: ``(B, V)``, zero
            at the special words and not renormalised; and the words ``(B, T)``, with ``<end>``
            after the last word.
        """
        state = self.initial(grid)
        batch = grid.features.shape[0]
        words = torch.full((batch,), self.start, device=grid.features.device)
        alive = torch.ones(batch, device=grid.features.device)
        total: Tensor | float = 0.0
        steps: Tensor | float = 0.0
        said = []
        for _ in range(longest):
            logits, state, _ = self.step(grid, self.embedding(words), state)
            total = total + logits.softmax(1) * alive[:, None]
            steps = steps + alive
            words = torch.where(alive > 0, logits.argmax(1), self.end)
            said.append(words)
            alive = alive * (words != self.end)
            if not alive.any():
                break
        assert isinstance(total, Tensor)
        assert isinstance(steps, Tensor)
        return total / steps[:, None] * self.content, torch.stack(said, 1)

    def bags(self, bags: Sequence[dict[str, float]]) -> Tensor:
        """Convert bags of known words to vectors ``(B, V)``."""
        vectors = torch.zeros(len(bags), len(self.vocabulary), device=self.content.device)
        for row, bag in enumerate(bags):
            for word, share in bag.items():
                vectors[row, self.vocabulary.index[word]] = share
        return vectors

    def loss(self, grid: Grid, bags: Tensor, longest: int = LONGEST) -> Tensor:
        """Return Eq. 4, the cross-entropy ``(B,)`` of bags ``(B, V)`` and the greedy decode."""
        said, _ = self.decode(grid, longest)
        return -(bags * torch.log(said + EPS)).sum(1)

    @torch.no_grad()
    def describe(self, grid: Grid, longest: int = LONGEST) -> list[str]:
        """Return the images' captions, decoded greedily."""
        _, said = self.decode(grid, longest)
        words = self.vocabulary.words
        return [" ".join(words[i] for i in row if words[i] not in SPECIAL) for row in said.tolist()]

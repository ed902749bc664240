"""The parts of SAM (arXiv 1611.09571): attentive ConvLSTM, learned priors, readout."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..mobilenet import CHANNELS, Conv2dSame


class AttentiveConvLSTM(nn.Module):
    """SAM's attentive convolutional LSTM (section III-A, Eqs. 1-8).

    At each step an attention map, softmax over the positions of
    ``V_a * tanh(W_a * X + U_a * H + b_a)``, weighs the same features X before the LSTM reads them.
    The attention is multiplied by the number of positions, so that its mean is 1 at any size; this
    only changes the scale of the gates.

    Three optimisations don't change the result: ``W_a * X`` is computed once; at the first step H
    and C are zero, so their convolutions are skipped; the four gates are one convolution.
    """

    def __init__(self, channels: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.attend_input = Conv2dSame(channels, channels, 3, bias=True)
        self.attend_state = Conv2dSame(channels, channels, 3)
        self.attend = Conv2dSame(channels, 1, 3)
        self.gates_input = Conv2dSame(channels, 4 * channels, 3, bias=True)
        self.gates_state = Conv2dSame(channels, 4 * channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last hidden state ``(B, C, H, W)`` for features ``(B, C, H, W)``."""
        seen = self.attend_input(x)
        energy = self.attend(torch.tanh(seen))
        i, _, o, g = self.gates_input(self.attention(energy) * x).chunk(4, 1)
        c = torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        for _ in range(self.steps - 1):
            energy = self.attend(torch.tanh(seen + self.attend_state(h)))
            gates = self.gates_input(self.attention(energy) * x) + self.gates_state(h)
            i, f, o, g = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h

    @staticmethod
    def attention(energy: Tensor) -> Tensor:
        """Return the softmax over the positions of ``(B, 1, H, W)``, scaled to a mean of 1."""
        return energy.flatten(1).softmax(1).mul(energy[0].numel()).view_as(energy)


class GaussianPriors(nn.Module):
    """Learned Gaussians that model where people tend to look (SAM section III-B, Eq. 9)."""

    def __init__(self, count: int, *, isotropic: bool) -> None:
        super().__init__()
        side = math.ceil(math.sqrt(count))
        grid = [((k % side + 0.5) / side, (k // side + 0.5) / side) for k in range(count)]
        self.centre = nn.Parameter(0.25 + 0.5 * torch.tensor(grid))
        self.log_sigma = nn.Parameter(torch.full((count, 1 if isotropic else 2), math.log(0.25)))

    def forward(self, height: int, width: int) -> Tensor:
        """Return the priors at the centres of a grid's cells ``(count, height, width)``, peak 1."""
        like = self.centre
        y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) / height
        x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) / width
        sigma = self.log_sigma.exp().expand(-1, 2)
        across = torch.exp(-0.5 * ((x - like[:, :1]) / sigma[:, :1]) ** 2)
        down = torch.exp(-0.5 * ((y - like[:, 1:]) / sigma[:, 1:]) ** 2)
        return down[:, :, None] * across[:, None, :]


class PriorRound(nn.Module):
    """One round of priors: concatenation with the features, and a dilated 5x5 convolution."""

    def __init__(self, channels: int, count: int, *, isotropic: bool, dilation: int) -> None:
        super().__init__()
        self.priors = GaussianPriors(count, isotropic=isotropic)
        self.mix = Conv2dSame(channels + count, channels, 5, dilation=dilation, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Transform features ``(B, C, H, W)`` to features of the same shape."""
        priors = self.priors(x.shape[-2], x.shape[-1]).expand(len(x), -1, -1, -1)
        return F.relu(self.mix(torch.cat([x, priors], 1)))


class Readout(nn.Module):
    """The readout to one raw map: SAM's 1x1, or with ``detail`` a small refinement at stride 8."""

    def __init__(self, channels: int, detail: int | None) -> None:
        super().__init__()
        self.detail = None
        if detail is None:
            self.score = Conv2dSame(channels, 1, 1, bias=True)
            return
        self.reduce = Conv2dSame(channels, 32, 1, bias=True)
        self.detail = Conv2dSame(CHANNELS[detail], 32, 1, bias=True)
        self.refine = Conv2dSame(32, 32, 3, bias=True)
        self.score = Conv2dSame(32, 1, 1, bias=True)

    def forward(self, x: Tensor, fine: Tensor | None) -> Tensor:
        """Return the map ``(B, 1, h', w')`` of ``(B, C, h, w)`` and optional stride 8 features."""
        score: Tensor = self.score(self.refined(x, fine))
        return score

    def refined(self, x: Tensor, fine: Tensor | None) -> Tensor:
        """Return the input of the last layer: ``(B, 32, h', w')``, or ``x`` without detail."""
        if self.detail is None or fine is None:
            return x
        x = resize(self.reduce(x), fine.shape[-2:])
        x = F.relu(x + self.detail(fine))
        return F.relu(self.refine(x))


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Resize ``(B, C, h, w)`` bilinearly; the areas of both maps are aligned, not their corners."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=False)

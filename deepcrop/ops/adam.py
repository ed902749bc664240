"""Adam (Kingma, Ba, 2015, algorithm 1) for one tensor.

The step of :class:`torch.optim.Adam`, bit for bit on a CPU. At its first use, that class imports
the whole of ``torch.compile`` (a second or two) and with it triton, whose bindings print dozens of
lines where Python ends without looking for garbage, as the command does (nanobind's warnings of
leaks; torch 2.15, triton 3.9).
"""

from __future__ import annotations

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """Moves a tensor against its gradient.

    ```python
    optimiser = Adam(x, learning_rate=0.1)
    for _ in range(100):
        x.grad = None
        loss(x).backward()
        optimiser.step()
    ```
    """

    def __init__(self, parameter: Tensor, learning_rate: float) -> None:
        """Take a leaf tensor that requires its gradient."""
        self.parameter, self.learning_rate = parameter, learning_rate
        self.mean = torch.zeros_like(parameter)
        """The decaying mean of the gradients."""
        self.square = torch.zeros_like(parameter)
        """Mean of their squares, decaying."""
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        """Take one step; the gradient must be there."""
        gradient = self.parameter.grad
        assert gradient is not None
        self.steps += 1
        first, second = BETAS
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        spread = (self.square.sqrt() / (1 - second**self.steps) ** 0.5).add_(EPSILON)
        size = self.learning_rate / (1 - first**self.steps)
        self.parameter.addcdiv_(self.mean, spread, value=-size)

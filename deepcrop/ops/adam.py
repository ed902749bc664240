"""Adam (Kingma, Ba, 2015, algorithm 1) for one tensor.

On a CPU, a step is equal to that of :class:`torch.optim.Adam`, bit for bit. At its first use, that
class imports the whole of ``torch.compile`` (a second or two) and with it triton. If Python exits
without garbage collection, as the command does, triton's bindings print dozens of warnings of leaks
(by nanobind; torch 2.15, triton 3.9).
"""

from __future__ import annotations

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """The Adam optimiser for one tensor.

    ```python
    optimiser = Adam(x, learning_rate=0.1)
    for _ in range(100):
        x.grad = None
        loss(x).backward()
        optimiser.step()
    ```
    """

    def __init__(self, parameter: Tensor, learning_rate: float) -> None:
        """Prepare to optimise a leaf tensor that requires its gradient."""
        self.parameter, self.learning_rate = parameter, learning_rate
        self.mean = torch.zeros_like(parameter)
        """Exponentially decaying mean of the gradients."""
        self.square = torch.zeros_like(parameter)
        """Exponentially decaying mean of the squared gradients."""
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        """Take one step; the parameter must have a gradient."""
        gradient = self.parameter.grad
        assert gradient is not None
        self.steps += 1
        first, second = BETAS
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        spread = (self.square.sqrt() / (1 - second**self.steps) ** 0.5).add_(EPSILON)
        size = self.learning_rate / (1 - first**self.steps)
        self.parameter.addcdiv_(self.mean, spread, value=-size)

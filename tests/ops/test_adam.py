"""Adam."""

import subprocess
import sys

import torch

from deepcrop.ops.adam import Adam


def test_steps_are_those_of_torch():
    random = torch.Generator().manual_seed(0)
    start, goal = (torch.randn(2, 3, 17, 19, generator=random) for _ in range(2))
    ours, theirs = (start.clone().requires_grad_(True) for _ in range(2))
    mine, other = Adam(ours, 0.03), torch.optim.Adam([theirs], lr=0.03)
    for _ in range(50):
        for each in (ours, theirs):
            each.grad = None
            ((each - goal) ** 4).sum().backward()
        mine.step()
        other.step()
        assert torch.equal(ours, theirs)


def test_the_paper_method_imports_no_compiler():
    """Which takes seconds, and prints dozens of lines as Python ends."""
    code = (
        "import sys; from deepcrop import load, Size; import torch\n"
        "method = load('dnr-paper', working=64, iterations=1, refinement=1)\n"
        "method.retarget([torch.zeros(3, 64, 64, dtype=torch.uint8)], [[Size(48, 64)]])\n"
        "print('triton' in sys.modules, 'torch._dynamo' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("False False", "")

"""Measure the time of retarget methods, and a lower bound from their multiplications.

```python
>>> method = load("dnr", device="cpu")
>>> timing = measure(method, [photo], Size(480, 480), threads=1)
>>> timing.seconds, timing.floor                # an image
```

The floor is the floating-point operations of convolutions and matrix products, forward and backward
(counted by the formulas of ``torch.utils.flop_counter``), over the rate of one large matrix product
on the same device and threads. What isn't multiplications (seams, sampling, searches) has no floor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from rich.table import Table
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from deepcrop.geometry import Size
from deepcrop.methods.base import RetargetMethod

MATRIX = {"cpu": 512, "cuda": 8192}
"""Side of the matrices whose product is timed, by type of device."""


@dataclass(frozen=True)
class Timing:
    """The time of a method for images of one size and target."""

    seconds: float
    """Wall-clock seconds for each image: the shortest of several runs over the batch."""
    operations: float
    """Floating-point operations for each image, in convolutions and matrix products."""
    rate: float
    """Floating-point operations per second in a large matrix product."""

    @property
    def floor(self) -> float:
        """The seconds that the operations of each image take at the rate of the matrix product."""
        return self.operations / self.rate


def measure(
    method: RetargetMethod,
    photos: Sequence[Tensor],
    size: Size,
    *,
    threads: int = 1,
    device: str = "cpu",
    repeats: int = 3,
) -> Timing:
    """Time a method on a batch.

    Args:
        method: on the device already.
        photos: (3, H, W) uint8: the batch.
        size: the size requested for each image.
        threads: number of torch's threads during the measurement.
        device: type of the device where the method runs.
        repeats: runs; one more before them is not counted in.
    """
    sizes = [[size]] * len(photos)
    with _threads(threads):
        with _Operations() as counted:
            method.retarget(photos, sizes)
        seconds = shortest(lambda: method.retarget(photos, sizes), repeats)
        rate = matrix_rate(device)
    return Timing(seconds / len(photos), counted.total / len(photos), rate)


class _Operations(TorchDispatchMode):
    """Adds up floating-point operations by torch's formulas.

    Torch's own `FlopCounterMode` also hooks into modules, which ``autograd.grad`` refuses.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            self.total += flop_registry[func.overloadpacket](
                *args, **(kwargs or {}), out_val=result
            )
        return result


def matrix_rate(device: str) -> float:
    """Return the floating-point operations a second of a large matrix product.

    On GPUs in TF32, as torch's convolutions are by default.
    """
    side = MATRIX[device]
    one, other = (torch.rand(side, side, device=device) for _ in range(2))

    def product() -> None:
        one @ other
        if device == "cuda":
            torch.cuda.synchronize()

    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if device == "cuda" else precision)
    try:
        product()
        return 2 * side**3 / shortest(product, 5)
    finally:
        torch.set_float32_matmul_precision(precision)


def shortest(run: Callable[[], object], repeats: int) -> float:
    """Return the shortest wall-clock time of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def timing_table(rows: Iterable[tuple[str, Size, str, int, Timing]]) -> Table:
    """Tabulate timings.

    Args:
        rows: method, size of the result, device, images in the batch, timing.
    """
    table = Table("method", "to", "on", title="Retargeting 640x480")
    for heading in ("batch", "s/image", "GFLOP/image", "GFLOP/s", "floor s"):
        table.add_column(heading, justify="right")
    for method, size, place, batch, timing in rows:
        table.add_row(
            method,
            str(size),
            place,
            str(batch),
            f"{timing.seconds:.3f}",
            f"{timing.operations / 1e9:.1f}",
            f"{timing.rate / 1e9:.0f}",
            f"{timing.floor:.4f}",
        )
    return table

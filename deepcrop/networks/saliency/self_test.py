"""Compare the saliency network in OpenVINO with that in PyTorch; see :mod:`deepcrop.runtimes`.

``python -m deepcrop.networks.saliency.self_test WEIGHTS.safetensors`` prints the result as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...runtimes import Measurement
from ...weights import load
from ..precision import inference_dtype
from .model import SaliencyNetwork
from .openvino_network import OpenVinoNetwork

RUNS = 5
"""Runs of both in turn, of which the fastest counts; the first of each is not counted."""

Floats = NDArray[np.float32]


def measure(weights: Path) -> Measurement:
    """Compare both on one image, on one thread."""
    torch.set_num_threads(1)
    network = SaliencyNetwork.from_state(*load(str(weights)))
    other = OpenVinoNetwork(weights)
    height, width = network.input_size(3, 4)
    image = picture(height, width)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].float().div(127.5).sub(1)
    batch = batch.contiguous(memory_format=torch.channels_last)
    exact = outputs(network, batch)
    kind = inference_dtype("cpu")
    network = network.to(kind)
    runs: list[Callable[[], list[Floats]]] = [
        lambda: outputs(network, batch.to(kind)),
        lambda: other.maps(image),
    ]
    least, found = [float("inf")] * 2, [exact, exact]
    for number in range(RUNS + 1):
        for index, run in enumerate(runs):
            start = time.process_time()
            found[index] = run()
            if number:
                least[index] = min(least[index], time.process_time() - start)
    return {
        "error": difference(found[1], exact),
        "torch_error": difference(found[0], exact),
        "seconds": least[1],
        "torch_seconds": least[0],
    }


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """Return an image ``(height, width, 3)`` with detail of all sizes."""
    random = np.random.default_rng(0)
    image = np.zeros((height, width, 3))
    for cell in (1, 4, 16, 64):
        noise = random.normal(size=(-(-height // cell), -(-width // cell), 3))
        image += np.kron(noise, np.ones((cell, cell, 1)))[:height, :width]
    low, high = image.min(), image.max()
    return np.rint(255 * (image - low) / (high - low)).astype(np.uint8)


@torch.inference_mode()
def outputs(network: SaliencyNetwork, x: Tensor) -> list[Floats]:
    """Return what :meth:`.OpenVinoNetwork.maps` returns."""
    return [each[0].float().numpy() for each in network.outputs(x)]


def difference(found: Sequence[Floats], exact: Sequence[Floats]) -> float:
    """Return the largest difference, relative to the largest magnitude of each output."""
    if [each.shape for each in found] != [each.shape for each in exact]:
        return float("inf")
    return max(
        float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-9))
        for one, other in zip(found, exact, strict=True)
    )


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))

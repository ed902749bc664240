"""The saliency network on a CPU by OpenVINO, without PyTorch.

```python
network = OpenVinoNetwork(weights.locate("saliency"))
seen = network.look(pixels)                      # (H, W, 3) uint8 -> SaliencyArrays
```
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from ...geometry import Size
from ...resize import resized
from ...weights import load_arrays
from .arrays import SaliencyArrays
from .objects import (
    ANIMAL_THRESHOLD,
    CHANNELS_OF,
    FACE_THRESHOLD,
    read_objects,
    sigmoid,
)
from .openvino_graph import build
from .options import SaliencyOptions

Floats = NDArray[np.float32]


class OpenVinoNetwork:
    """The network of a weights file, compiled for this machine's CPU."""

    def __init__(self, weights: Path) -> None:
        """Build and compile the network, which takes some tenths of a second.

        It runs on ``OMP_NUM_THREADS`` threads, as PyTorch does, where that is set.

        Args:
            weights: the weights file; ``options`` in its metadata is the architecture as JSON.

        Raises:
            KeyError: the weights are of another network.
            ValueError: the architecture can't be built.
        """
        self.weights = weights
        state, metadata = load_arrays(weights)
        self.options = SaliencyOptions.from_json(metadata["options"])
        core = openvino.Core()
        native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": int(os.environ.get("OMP_NUM_THREADS") or 0),
            "INFERENCE_PRECISION_HINT": "bf16" if native else "f32",
        }
        compiled = core.compile_model(build(state, self.options), "CPU", settings)
        self.request = compiled.create_infer_request()

    def look(self, pixels: NDArray[np.uint8]) -> SaliencyArrays:
        """Predict where people look, and find heads, subject and text.

        Args:
            pixels: ``(H, W, 3)`` of any size.
        """
        saliency, *heads = self.maps(self.input(pixels))
        none = np.zeros((0, 5), np.float32)
        if not heads:
            return SaliencyArrays(saliency[0], none, none)
        [maps] = heads
        people = read_objects(maps[:5], FACE_THRESHOLD)
        if len(maps) == 5:
            return SaliencyArrays(saliency[0], people, none)
        _, animals, subject, text = np.split(maps, np.cumsum([*CHANNELS_OF.values()])[:-1])
        return SaliencyArrays(
            saliency[0],
            people,
            read_objects(animals, ANIMAL_THRESHOLD),
            sigmoid(subject[0]),
            sigmoid(text[0]),
        )

    def input(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize an image to the input of the network."""
        height, width = self.options.input_size(*pixels.shape[:2])
        return resized(pixels, Size(width, height), "linear")

    def maps(self, image: NDArray[np.uint8]) -> list[Floats]:
        """Return the outputs of the graph for its input ``(H, W, 3)``; see :func:`.build`."""
        found = self.request.infer([image[None]], share_inputs=True)
        return [each[0] for each in found.values()]

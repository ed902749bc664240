"""Convert the published weights of YOLOX-Nano from ncnn's files.

```python
state = read_yolox(folder / "yolox-nano.param", folder / "yolox-nano.bin")
network.load_state_dict(state)
```
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from deepcrop.networks.yolox import YoloxNano

HALF = 0x01306B47
"""Tag of 16-bit weights in ncnn's files; 0 is 32 bits."""


class _Layer(NamedTuple):
    """A convolution in ncnn's list of layers."""

    outputs: int
    weights: int


def read_yolox(layers: Path, data: Path) -> dict[str, Tensor]:
    """Read weights for :class:`~deepcrop.networks.yolox.YoloxNano`, float32.

    Both networks list their convolutions in the order in which they run.

    Args:
        layers: the list of layers, ``.param``.
        data: their weights, ``.bin``.

    Raises:
        ValueError: the files hold another network.
    """
    network = YoloxNano().eval()
    ran: list[tuple[str, nn.Conv2d]] = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, *_, name=name: ran.append((name, m)))
    with torch.no_grad():
        network(torch.zeros(1, 3, 64, 64))
    found = _convolutions(layers)
    if len(found) != len(ran):
        raise ValueError(f"{layers}: {len(found)} convolutions; YOLOX-Nano has {len(ran)}")
    content = data.read_bytes()
    at, state = 0, {}
    for (name, module), layer in zip(ran, found, strict=True):
        shape = module.weight.shape
        if layer != (shape[0], shape.numel()):
            raise ValueError(f"{layers}: {name} has {layer.weights} weights, not {shape.numel()}")
        tag = int.from_bytes(content[at : at + 4], "little")
        if tag not in (0, HALF):
            raise ValueError(f"{data}: weights of {name} are of an unknown kind, {tag:#x}")
        kind = np.dtype("<f2") if tag == HALF else np.dtype("<f4")
        weight = np.frombuffer(content, kind, layer.weights, at + 4)
        at += 4 + -(-layer.weights * kind.itemsize // 4) * 4  # whole words of four bytes
        bias = np.frombuffer(content, "<f4", layer.outputs, at)
        at += 4 * layer.outputs
        state[f"{name}.weight"] = torch.from_numpy(weight.astype(np.float32)).view(shape)
        state[f"{name}.bias"] = torch.from_numpy(bias.astype(np.float32))
    if at != len(content):
        raise ValueError(f"{data}: {len(content) - at} bytes are left over")
    return state


def _convolutions(layers: Path) -> list[_Layer]:
    """Read the convolutions in ncnn's list of layers."""
    found = []
    for line in layers.read_text().splitlines()[2:]:
        kind, *rest = line.split()
        if kind in ("Convolution", "ConvolutionDepthWise"):
            fields = dict(each.split("=") for each in rest if "=" in each)
            found.append(_Layer(int(fields["0"]), int(fields["6"])))
    return found

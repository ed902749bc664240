"""Reading YOLOX-Nano's weights from ncnn's files."""

import numpy as np
import pytest
import torch
from torch import nn

from deepcrop.networks.yolox import YoloxNano
from jobs.training.yolox_weights import HALF, read_yolox

pytestmark = pytest.mark.smoke


def written(folder, network, *, half):
    """Write a network as ncnn would: a list of layers, and their weights and biases in turn."""
    ran = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, *_: ran.append(m))
    with torch.no_grad():
        network(torch.zeros(1, 3, 64, 64))
    data = b""
    lines = ["7767517", f"{len(ran) + 1} 1", "Input images 0 1 images"]
    for number, module in enumerate(ran):
        kind = "ConvolutionDepthWise" if module.groups > 1 else "Convolution"
        weight = module.weight.detach().numpy()
        lines.append(f"{kind} c{number} 1 1 a b 0={len(weight)} 1=3 6={weight.size}")
        lines.append(f"Swish s{number} 1 1 b c")
        data += (HALF if half else 0).to_bytes(4, "little")
        raw = weight.astype("<f2" if half else "<f4").tobytes()
        data += raw + bytes(-len(raw) % 4) + module.bias.detach().numpy().tobytes()
    (folder / "y.param").write_text("\n".join(lines))
    (folder / "y.bin").write_bytes(data)
    return folder / "y.param", folder / "y.bin"


@pytest.mark.parametrize("half", [False, True])
def test_weights_come_back(tmp_path, half):
    torch.manual_seed(1)
    network = YoloxNano().eval()
    state = read_yolox(*written(tmp_path, network, half=half))
    for name, value in network.state_dict().items():
        wanted = value.half().float() if half and name.endswith("weight") else value
        assert np.array_equal(state[name], wanted), name


def test_other_files_are_refused(tmp_path):
    layers, data = written(tmp_path, YoloxNano().eval(), half=True)
    data.write_bytes(data.read_bytes() + b"1234")
    with pytest.raises(ValueError, match="4 bytes are left over"):
        read_yolox(layers, data)
    layers.write_text("\n".join(layers.read_text().splitlines()[:-2]))
    with pytest.raises(ValueError, match="YOLOX-Nano has"):
        read_yolox(layers, data)

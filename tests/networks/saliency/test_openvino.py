"""The saliency network in OpenVINO is that in PyTorch."""

import numpy as np
import pytest
import torch

pytest.importorskip("openvino")

from deepcrop import weights
from deepcrop.networks.saliency import self_test
from deepcrop.networks.saliency.model import SaliencyNetwork
from deepcrop.networks.saliency.openvino_network import OpenVinoNetwork
from deepcrop.networks.saliency.options import SaliencyOptions


def saved(path, options):
    """Write a network with random weights, some of them large enough for attention to matter."""
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = SaliencyNetwork(options)
    state = {key: 1.5 * value for key, value in network.state_dict().items()}
    state["readout.score.bias"] += 1  # else a map of the ReLU readout may be zero
    save_file(state, path, metadata={"options": options.to_json()})
    return path


@pytest.mark.parametrize(
    "options",
    [
        SaliencyOptions(width=16, scene=8),
        SaliencyOptions(width=16, faces=8, detail=None, blur=0),
        SaliencyOptions(width=8, taps=(6, 13, 17), steps=3, isotropic=True),
        SaliencyOptions(width=8, output_stride=8, readout="relu", scene=8),
    ],
    ids=["scene", "faces", "taps", "stride 8"],
)
def test_all_outputs_are_equal(tmp_path, options):
    path = saved(tmp_path / "random.safetensors", options)
    network = SaliencyNetwork.from_state(*weights.load(str(path)))
    other = OpenVinoNetwork(path)
    for height, width in ((64, 96), (112, 48)):
        image = self_test.picture(height, width)
        x = torch.from_numpy(image).permute(2, 0, 1)[None].float().div(127.5).sub(1)
        expected = self_test.outputs(network, x)
        assert len(expected) == 1 + bool(options.scene or options.faces)
        assert self_test.difference(other.maps(image), expected) < 1e-4


def test_it_sees_what_torch_sees(photos):
    network = SaliencyNetwork.from_state(*weights.load("saliency"))
    other = OpenVinoNetwork(weights.locate("saliency"))
    for picture in photos.values():
        photo = np.asarray(picture.convert("RGB"))
        expected = network.predict([torch.from_numpy(photo.copy()).permute(2, 0, 1)])[0].arrays()
        found = other.look(photo)
        assert np.corrcoef(found.saliency.ravel(), expected.saliency.ravel())[0, 1] > 0.999
        for kind in ("faces", "animals"):
            one, two = getattr(found, kind), getattr(expected, kind)
            assert one.shape == two.shape
            assert np.abs(one - two).max(initial=0) < 0.03
        for kind in ("subject", "text"):
            one, two = getattr(found, kind), getattr(expected, kind)
            assert (one is None) == (two is None)
            assert one is None or np.abs(one - two).mean() < 0.01


def test_the_self_test_finds_both_equal():
    measured = self_test.measure(weights.locate("saliency"))
    assert measured["error"] < 1e-3
    assert measured["seconds"] > 0 and measured["torch_seconds"] > 0


def test_an_architecture_whose_sides_are_odd_is_refused(tmp_path):
    options = SaliencyOptions(width=8, multiple=8)
    with pytest.raises(ValueError, match="multiples of 8"):
        OpenVinoNetwork(saved(tmp_path / "odd.safetensors", options))

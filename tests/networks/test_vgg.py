"""VGG with named taps."""

import pytest
import torch
from torchvision.models import vgg16, vgg19

from deepcrop.networks.vgg import VARIANTS, VGG, position, stride, variant_of


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(0)
    return vgg19(weights=None).features.eval()


def test_both_conventions_name_the_same_layer():
    assert position("relu3_1") == position("block3_conv1") == 11
    assert position("block4_conv4") == 26
    assert position("block5_pool") == position("pool5") == 36


def test_strides():
    assert [stride(t) for t in ("relu1_1", "block3_conv4", "block5_pool", "pool1")] == [1, 4, 32, 2]


@pytest.mark.parametrize("tap", ["block4_conv5", "relu6_1", "relu1_0", "conv1_1", "relu5_2x"])
def test_a_tap_that_does_not_exist_is_refused(tap):
    with pytest.raises(ValueError, match="tap"):
        position(tap)


def test_maps_equal_torchvision(reference):
    state = {f"features.{k}": v for k, v in reference.state_dict().items()}
    taps = ("relu1_2", "block2_pool", "relu5_1")
    network = VGG.from_state(state, taps)
    images = torch.rand(2, 3, 50, 70)
    maps = network(images)
    x = (images - network.mean) / network.std
    for index, layer in enumerate(reference):
        x = layer(x)
        for tap in taps:
            if position(tap) == index:
                torch.testing.assert_close(maps[tap], x)
    assert maps["relu5_1"].shape == (2, 512, 3, 4)


def test_nothing_deeper_than_the_deepest_tap_exists_or_runs():
    network = VGG("vgg19-slim", ("relu1_2", "relu2_1"))
    assert len(network.features) == position("relu2_1") + 1
    ran = []
    network.features[-1].register_forward_hook(lambda *_: ran.append(1))
    assert set(network(torch.rand(1, 3, 8, 8), taps=("relu1_2",))) == {"relu1_2"}
    assert not ran


def test_vgg16_layout_is_torchvisions():
    reference = vgg16(weights=None).state_dict()
    ours = VGG("vgg16", ("block5_pool",)).state_dict()
    assert {k: v.shape for k, v in ours.items()} == {
        k: v.shape for k, v in reference.items() if k.startswith("features")
    }


def test_weights_that_do_not_fit_are_refused_by_key():
    state = VGG("vgg19-slim", ("relu1_2",)).state_dict()
    with pytest.raises(ValueError, match=r"features\.5\.weight"):
        VGG.from_state(state, ("relu2_1",), "vgg19-slim")
    with pytest.raises(ValueError, match=r"features\.0\.weight"):
        VGG.from_state(state, ("relu1_1",), "vgg19")


def test_unknown_variant_lists_the_known_ones():
    with pytest.raises(ValueError, match="vgg19-slim"):
        VGG("vgg11", ("relu1_1",))
    assert set(VARIANTS) == {"vgg16", "vgg19", "vgg19-slim"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_state_dict_tells_its_variant(variant):
    taps = ("relu3_3", "relu4_1")
    state = VGG(variant, taps).state_dict()
    assert variant_of(state) == variant
    assert VGG.from_state(state, taps).variant == variant
    with pytest.raises(ValueError, match="no VGG"):
        variant_of({"layer1.weight": torch.zeros(3)})

"""MobileNet-V2: torchvision's numbers, TensorFlow's padding, dilation without change."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.models import mobilenet_v2

from deepcrop.networks.mobilenet import CHANNELS, Conv2dSame, MobileNetV2


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(0)
    model = mobilenet_v2(weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)
    return model


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("size", [(64, 96), (65, 47)])
def test_equals_torchvision_with_symmetric_padding(reference, folded, size):
    trunk = MobileNetV2(padding="symmetric", folded=folded).eval()
    trunk.load_torchvision(reference.state_dict())
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(trunk(x), reference.features(x), rtol=1e-3, atol=1e-4)


def test_unfolded_names_are_torchvisions(reference):
    trunk = MobileNetV2(padding="symmetric", folded=False)
    names = {f"features.{key}" for key in trunk.blocks.state_dict()}
    assert names == {key for key in reference.state_dict() if key.startswith("features.")}


@pytest.mark.parametrize(("size", "pads"), [(8, (0, 1)), (9, (1, 1))])
def test_same_padding_is_tensorflows(size, pads):
    convolution = Conv2dSame(1, 1, 3, stride=2, same=True)
    x = torch.randn(1, 1, size, size)
    expected = F.conv2d(F.pad(x, pads * 2), convolution.weight, stride=2)
    torch.testing.assert_close(convolution(x), expected)
    assert expected.shape[-1] == -(-size // 2)


@pytest.mark.parametrize(("stride", "offset"), [(16, 1), (8, 3)])
def test_dilated_features_contain_the_strided_ones(reference, stride, offset):
    plain, dense = MobileNetV2(stop=18), MobileNetV2(stop=18, output_stride=stride)
    for trunk in (plain, dense):
        trunk.load_torchvision(reference.state_dict())
    x = torch.randn(1, 3, 128, 160)
    with torch.no_grad():
        strided, dilated = plain(x), dense(x)
    assert dilated.shape == (1, 320, 128 // stride, 160 // stride)
    step = 32 // stride
    torch.testing.assert_close(dilated[:, :, offset::step, offset::step], strided)


def test_one_thread_takes_onednn_to_the_same_result(reference):
    trunk = MobileNetV2(stop=9).eval()
    trunk.load_torchvision(reference.state_dict())
    x = torch.randn(1, 3, 64, 96)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = trunk(x).detach()
        with torch.inference_mode():
            found = trunk(x)
    finally:
        torch.set_num_threads(threads)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("stride", "groups"), [(1, 1), (1, 8), (2, 8)])
def test_a_clipped_convolution_is_one_and_relu6_after_it(threads, kind, stride, groups):
    torch.manual_seed(0)
    clipped = Conv2dSame(8, 8, 3, stride=stride, groups=groups, bias=True, clipped=True)
    plain = Conv2dSame(8, 8, 3, stride=stride, groups=groups, bias=True)
    torch.nn.init.normal_(clipped.weight, std=2)
    plain.load_state_dict(clipped.state_dict())
    x = torch.randn(1, 8, 32, 48).to(kind, memory_format=torch.channels_last)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            found, y = clipped.to(kind)(x), plain.to(kind)(x)
    finally:
        torch.set_num_threads(before)
    assert (y < 0).any() and (y > 6).any() and torch.equal(found, F.relu6(y))


def test_a_clipped_convolution_learns_where_it_is_not_clipped():
    clipped = Conv2dSame(1, 1, 1, bias=True, clipped=True)
    torch.nn.init.constant_(clipped.weight, 1)
    torch.nn.init.constant_(clipped.bias, 0)
    clipped(torch.tensor([[[[-1.0, 2.0, 7.0]]]])).sum().backward()
    assert clipped.weight.grad.item() == 2 and clipped.bias.grad.item() == 1


def test_features_stop_and_start_anywhere():
    trunk = MobileNetV2(stop=13).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        six, twelve = trunk.features(x, (6, 12))
        again = trunk.features(six, (6, 12), start=7)
        assert torch.equal(twelve, trunk(x))
    assert trunk.channels == CHANNELS[12] == 96
    assert trunk.strides[12] == 16
    assert twelve.shape == (1, 96, 4, 4)
    assert torch.equal(again[0], six)
    assert torch.equal(again[1], twelve)


def test_missing_block_is_an_error(reference):
    state = {k: v for k, v in reference.state_dict().items() if not k.startswith("features.5.")}
    with pytest.raises((RuntimeError, KeyError)):
        MobileNetV2().load_torchvision(state)


@pytest.mark.parametrize("options", [{"stop": 0}, {"stop": 20}, {"output_stride": 4}])
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        MobileNetV2(**options)

"""The trunks of Mars, truncated as in Table 1."""

from __future__ import annotations

from torch import nn

from ..mobilenet import MobileNetV2
from .options import MarsOptions


def truncated(options: MarsOptions, *, folded: bool) -> nn.Module:
    """Build the truncated trunk that the options specify, with random weights.

    Args:
        options: the architecture.
        folded: whether MobileNet's batch norms are folded into its convolutions.
    """
    stop = options.truncation.stop
    if options.trunk == "mobilenet_v2":
        return MobileNetV2(stop=stop, folded=folded)
    import torchvision

    if options.trunk == "vgg16":
        return torchvision.models.vgg16(weights=None).features[:stop]
    resnet = torchvision.models.resnet50(weights=None)
    stem = [resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool]
    third = [*resnet.layer3, *resnet.layer4]
    return nn.Sequential(*stem, resnet.layer1, resnet.layer2, *third[: stop - 6])

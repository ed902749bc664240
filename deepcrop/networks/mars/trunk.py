"""The trunks of Mars, truncated as in Table 1, and our saliency network as one of them."""

from __future__ import annotations

from torch import Tensor, nn

from ..mobilenet import MobileNetV2
from ..saliency.model import SaliencyNetwork, SaliencyOptions
from .options import MarsOptions


class SaliencyTrunk(nn.Module):
    """Our saliency network up to the features before its last layer."""

    def __init__(self, longest: int) -> None:
        super().__init__()
        self.network = SaliencyNetwork(SaliencyOptions(pixels=longest**2 * 3 // 4, faces=48))

    def forward(self, x: Tensor) -> Tensor:
        """Encode images ``(B, 3, H, W)`` in -1..1 to features ``(B, 96, H / 8, W / 8)``."""
        return self.network.features(x)[0]


def truncated(options: MarsOptions, *, folded: bool) -> nn.Module:
    """Build the truncated trunk that the options specify, with random weights.

    Args:
        options: the architecture.
        folded: whether MobileNet's batch norms are folded into its convolutions.
    """
    stop = options.truncation.stop
    if options.trunk == "mobilenet_v2":
        return MobileNetV2(stop=stop, folded=folded)
    if options.trunk == "sam":
        return nn.Sequential(SaliencyTrunk(options.longest))
    import torchvision

    if options.trunk == "vgg16":
        return torchvision.models.vgg16(weights=None).features[:stop]
    resnet = torchvision.models.resnet50(weights=None)
    stem = [resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool]
    third = [*resnet.layer3, *resnet.layer4]
    return nn.Sequential(*stem, resnet.layer1, resnet.layer2, *third[: stop - 6])

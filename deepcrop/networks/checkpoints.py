"""Captioners that others trained.

The well-known PyTorch implementation of Show, Attend and Tell (sgrvinod's tutorial, MIT) saves
whole pickled modules: ``BEST_checkpoint_coco_5_cap_per_img_5_min_word_freq.pth.tar`` with a
``WORDMAP_....json`` beside it. :func:`read_show_attend_tell` reads it without that code and
without running any: the unpickler knows torch's layers and turns the author's three classes into
empty shells, whose parameters are then taken over.

```python
tensors = read_show_attend_tell(path)
encoder, captioner = show_attend_tell(tensors, word_map)
grid = captioner.grid(encoder(images))               # images: ImageNet mean and deviation
```
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.models.resnet import resnet101

from .captioner import Captioner, CaptionerOptions


class _Shell(nn.Module):
    """Stands for a pickled module of which only the parameters matter."""


class _Encoder(_Shell): ...


class _Attention(_Shell): ...


class _Decoder(_Shell): ...


def _no_backend() -> None:
    """Stands for what modules pickled before PyTorch 1.0 name their backend by."""


_AUTHORS: dict[str, Any] = {
    "torch.nn.backends.thnn._get_thnn_function_backend": _no_backend,
    "models.Encoder": _Encoder,
    "models.Attention": _Attention,
    "models.DecoderWithAttention": _Decoder,
}
_LAYERS: list[Any] = [
    nn.Sequential,
    nn.Conv2d,
    nn.BatchNorm2d,
    nn.ReLU,
    nn.MaxPool2d,
    nn.AdaptiveAvgPool2d,
    nn.Linear,
    nn.Softmax,
    nn.Sigmoid,
    nn.Dropout,
    nn.Embedding,
    nn.LSTMCell,
    resnet.Bottleneck,
    resnet.BasicBlock,
    torch.optim.Adam,
    OrderedDict,
    defaultdict,
    dict,
    set,
]


def read_show_attend_tell(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint's parameters, by the names ``encoder.*`` and ``decoder.*``.

    Raises:
        ValueError: the file has no ``encoder`` and ``decoder``.
        pickle.UnpicklingError: it holds anything but tensors, plain values and known layers.
    """
    # A type beside its name tells torch to use it where the pickle names the other.
    named: list[Any] = [(shell, name) for name, shell in _AUTHORS.items()]
    with torch.serialization.safe_globals([*_LAYERS, *named]):
        content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, Mapping) or not {"encoder", "decoder"} <= content.keys():
        raise ValueError(f"{path}: expected a checkpoint with 'encoder' and 'decoder'")
    return {
        f"{part}.{key}": value
        for part in ("encoder", "decoder")
        for key, value in content[part].state_dict().items()
    }


class ResNetEncoder(nn.Module):
    """ResNet-101 up to its last block, averaged to 14x14: the paper's captioner looks with it.

    Args:
        trunk: a ResNet; its pooling and classifier are left out.
        cells: places along each side.
    """

    def __init__(self, trunk: nn.Module | None = None, cells: int = 14) -> None:
        super().__init__()
        self.cells = cells
        self.resnet = nn.Sequential(*list((trunk or resnet101()).children())[:-2])

    def forward(self, images: Tensor) -> Tensor:
        """Encode ``(B, 3, H, W)``, of ImageNet's mean and deviation: ``(B, C, cells, cells)``."""
        return F.adaptive_avg_pool2d(self.resnet(images), self.cells)


def show_attend_tell(
    tensors: Mapping[str, Tensor], word_map: Mapping[str, int], trunk: nn.Module | None = None
) -> tuple[ResNetEncoder, Captioner]:
    """Build the encoder and the captioner of a checkpoint, ready to use.

    Args:
        tensors: from :func:`read_show_attend_tell`.
        word_map: word to index, the content of ``WORDMAP_*.json``.
        trunk: the ResNet that the encoder is made of; None: a ResNet-101.

    Raises:
        KeyError: the decoder's parameters have other names.
        RuntimeError: parameters have other shapes than they should.
    """
    words = [word for word, _ in sorted(word_map.items(), key=lambda item: item[1])]
    decoder = _below("decoder.", tensors)
    attention, channels = decoder["attention.encoder_att.weight"].shape
    captioner = Captioner(
        words,
        CaptionerOptions(
            channels=channels,
            embedding=decoder["embedding.weight"].shape[1],
            hidden=decoder["fc.weight"].shape[1],
            attention=attention,
        ),
    )
    captioner.load_state_dict(decoder)
    encoder = ResNetEncoder(trunk)
    encoder.load_state_dict(_below("encoder.", tensors))
    return encoder.eval().requires_grad_(False), captioner.eval().requires_grad_(False)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)}

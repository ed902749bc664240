"""CAGIC's networks from photos and captions to ``cagic.safetensors``: a recipe a reader.

The trunk is MobileNet-V2 as it was trained on ImageNet, its classifier included. Each recipe
trains one reader over the trunk's frozen features and replaces it in the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import MobileNet_V2_Weights

from .. import weights
from ..networks.aesthetics import ViewRanker
from ..networks.cagic import CagicNetwork
from ..networks.captioner import Captioner, CaptionerOptions
from ..networks.classes import classes_of_words
from ..networks.vocabulary import SPECIAL
from ..networks.words import WordScores

LICENCE = (
    "Apache-2.0; trunk: MobileNet-V2, Apache-2.0, trained on ImageNet-1k (research terms); "
    "captions: Flickr8k, non-commercial research only"
)
SUMMARY = "MobileNet-V2 trunk, captioner and word detectors (Flickr8k, 1,000 photos), view ranker"


def untrained(trunk: dict[str, Tensor]) -> CagicNetwork:
    """Build the network from torchvision's MobileNet-V2 parameters, its readers not yet trained."""
    names = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
    network = CagicNetwork(
        Captioner(SPECIAL, CaptionerOptions(channels=320, cells=7, hidden=1)),
        WordScores(classes_of_words(names), []),
        ViewRanker(),
    )
    network.trunk.load_torchvision(trunk)
    network.words.classifier.weight.data = trunk["classifier.1.weight"].clone()
    network.words.classifier.bias.data = trunk["classifier.1.bias"].clone()
    return network.eval().requires_grad_(False)


def current(folder: Path, trunk: dict[str, Tensor]) -> CagicNetwork:
    """Load what is trained so far from ``folder``, or begin."""
    path = folder / "cagic.safetensors"
    if not path.exists():
        return untrained(trunk)
    state, metadata = weights.load(str(path))
    return CagicNetwork.from_state(state, metadata)


def save(network: CagicNetwork, folder: Path) -> Path:
    """Write the network as named weights."""
    return weights.publish(
        "cagic",
        network.state_dict(),
        network.metadata(),
        licence=LICENCE,
        summary=SUMMARY,
        folder=folder,
    )

"""The training of ``mars`` as a whole: from FCDB's photos to a weights file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from deepcrop import weights
from deepcrop.networks.mars.sight import Sight
from deepcrop.networks.mars.window_head import WindowHead

from .fcdb import HumanCrop, VotedPair, read_crops, read_pairs
from .mars_views import Views, cached, look_at, make_views
from .mars_windows import Recipe

LICENCE = (
    "Apache-2.0 (weights); trained on FCDB (annotations MIT, photos their authors', for research) "
    "and on Flickr8k photos: non-commercial research"
)
"""The licence of the weights in the catalogue."""
REASON = (
    "its head learned from the photos of FCDB, which are for research, and its trunk from those of "
    "Flickr8k, whose terms are non-commercial research only"
)
"""Why the weights are not for commercial use."""


@dataclass(frozen=True)
class Material:
    """What a training reads.

    Attributes:
        crops: the crops that people chose.
        pairs: the voted pairs.
        views: views of all photos.
        sight: the saliency network.
    """

    crops: list[HumanCrop]
    pairs: list[VotedPair]
    views: Views
    sight: Sight

    def suited(self, recipe: Recipe) -> Recipe:
        """Return a recipe whose network has the inputs and guides of the views."""
        inputs, guides = self.views.deep.shape[1], self.views.guides.shape[1]
        return replace(recipe, options=replace(recipe.options, inputs=inputs, guides=guides))


def read_material(
    shared: Path,
    trunk: str,
    cache: Path | None = None,
    report: Callable[[int], None] | None = None,
    seed: int = 0,
) -> Material:
    """Run the saliency network over FCDB's photos and make the views.

    Args:
        shared: the folder that holds ``data/crops_fcdb``.
        trunk: weights of the saliency network, a name or a path.
        cache: file that keeps the network's features of all photos, 1.1 GB; None: no file.
        report: is called with the number of photos done.
        seed: seed of the random frames.
    """
    state, metadata = weights.load(trunk)
    sight = Sight.from_state(state, metadata)
    assert isinstance(sight, Sight)
    crops, pairs = read_crops(shared), read_pairs(shared)

    def look() -> list[Any]:
        return look_at(crops, sight, report)

    looks = look() if cache is None else cached(cache, look)
    return Material(crops, pairs, make_views(crops, pairs, looks, seed=seed), sight)


def publish(
    sight: Sight, head: WindowHead, recipe: Recipe, calibration: float, folder: Path
) -> Path:
    """Write the saliency network and the head as one weights file; return its path.

    Args:
        sight: the saliency network.
        head: the head, of the trunk's features.
        recipe: how the head was trained.
        calibration: factor that makes the logit of a preference out of a difference of scores.
        folder: folder of the file and of its catalogue.
    """
    state: dict[str, Tensor] = {f"sight.{key}": each for key, each in sight.state_dict().items()}
    state |= {f"head.{key}": each for key, each in head.state_dict().items()}
    metadata: Mapping[str, str] = {
        "saliency": sight.options.to_json(),
        "head": head.options.to_json(),
        "score": json.dumps({"calibration": round(calibration, 4)}),
        "recipe": json.dumps(asdict(recipe)),
        "input": "RGB uint8 / 127.5 - 1, about 432x576 pixels, sides multiples of 16",
    }
    return weights.publish(
        "mars",
        state,
        metadata,
        licence=LICENCE,
        summary="the saliency network, and a head that learned from crops people chose (FCDB)",
        methods=["mars"],
        commercial="no",
        commercial_reason=REASON,
        folder=folder,
    )

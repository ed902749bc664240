"""The last step of the saliency weights: what the network sees at many pixels, seen at few.

```python
network = distilled(network, scene_photos(shared, labels), DISTILLATION)
```

The cost of the network grows with the pixels of its input. Its own maps of gaze at more pixels,
averaged with those of the mirrored photo, teach it beside the fixations; people's and other
networks' labels teach the scene, as in :mod:`.saliency_job`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from deepcrop.networks.saliency.model import SaliencyNetwork

from .saliency_job import mirrored_mean, on_whole_photos
from .scene_head import HeadRecipe, train_head
from .scenes import ScenePhoto, SceneRecipe, train_scenes

FINE = 480 * 640
"""Pixels of the input at which the network teaches."""
FAST = 288 * 384
"""Pixels of the input at which it learns, and is used afterwards."""
DISTILLATION = SceneRecipe(epochs=6, views=3, rate=1e-3, seed=11)
"""The recipe of the passes over parts of photos."""


def distilled(
    network: SaliencyNetwork,
    photos: Sequence[ScenePhoto],
    recipe: SceneRecipe = DISTILLATION,
    *,
    whole: int = 2,
    head: HeadRecipe | None = None,
    note: Callable[[str], None] = lambda line: None,
    keep: Callable[[SaliencyNetwork], None] = lambda network: None,
) -> SaliencyNetwork:
    """Train a network to see at :data:`FAST` pixels what it sees at :data:`FINE` pixels.

    Args:
        network: a network with a head of the scene; it is changed.
        photos: what to learn from.
        recipe: the recipe of the passes over parts of photos.
        whole: number of passes over whole photos that follow, at a third of the rates.
        head: the recipe of the head alone, which learns last; None: its defaults.
        note: called with a line for each epoch.
        keep: called after each pass of all layers with the network as it is then.

    Returns:
        The network, whose options are those of the smaller input.
    """

    def report(epoch: int, terms: list[float], averaged: SaliencyNetwork) -> None:
        note(f"epoch {epoch + 1}: " + ", ".join(f"{term:.3f}" for term in terms))
        keep(averaged)

    network.options = replace(network.options, pixels=FINE)
    taught = [replace(photo, gaze=mirrored_mean(network, photo.image)) for photo in photos]
    network.options = replace(network.options, pixels=FAST)
    network = train_scenes(network, taught, recipe, report)
    for turn in range(whole):
        last = replace(on_whole_photos(recipe), seed=recipe.seed + 3 + turn)
        network = train_scenes(network, taught, last, report)
    return train_head(network, taught, head or HeadRecipe(), note)

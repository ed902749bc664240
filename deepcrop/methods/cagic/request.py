"""A user's request for the crops of one image, in the form that CAGIC's search uses."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...geometry import AspectRatio, Size
from ...networks.cagic.phrases import Thing
from ...networks.cagic.synonyms import IRREGULAR
from ...networks.cagic.vocabulary import Bag
from ...networks.cagic.word_map import Sighting
from ...ops.annealing import Bounds
from ..base import Hints


@dataclass(frozen=True)
class Request:
    """One image's caption, mapped to the vocabularies of the network.

    Attributes:
        words: the caption's words for the word detectors.
        captioner: the caption's words for the captioner.
        unknown: words that are in neither vocabulary.
        captioned: whether any word is known; otherwise only aesthetics decide.
        caption: the user's text; None or empty if there is none.
        things: the things that the caption names, for the score "map".
        excluded: the user's words that follow "no" or "without", which no score follows.
    """

    words: Bag
    captioner: Bag
    unknown: tuple[str, ...]
    captioned: bool
    caption: str | None
    things: tuple[Thing, ...] = ()
    excluded: tuple[str, ...] = ()


def bounds_of(hint: Hints, ratio: AspectRatio, size: Size) -> Bounds:
    """Return the bounds of a ratio's windows, given an image's focal point and boxes to keep.

    Boxes that no window of the ratio can contain are ignored.
    """
    largest = ratio.largest_window(size)
    sides = torch.tensor([size.width, size.height])
    bounds = Bounds.free(torch.tensor([largest.width, largest.height]) / sides)
    held, centre = bounds.held, bounds.centre
    if hint.keep and _fits(hint, ratio, size):
        held = 2 * torch.tensor(_around(hint)) / sides.repeat(2) - 1
    if hint.focal is not None:
        centre = 2 * torch.tensor(hint.focal) - 1
    return Bounds(bounds.extents, held, centre)


def note_of(
    request: Request,
    hint: Hints,
    ratio: AspectRatio,
    size: Size,
    sighting: Sighting | None = None,
) -> str | None:
    """Return a note for the user on what of the caption a crop doesn't follow.

    That is: words that are unknown or replaced, things that aren't seen, a missing caption, and
    boxes that don't fit. The result is None if there is nothing to note.
    """
    parts = []
    replaced = [f"{each.said}: {each.word}" for each in request.things if _is_other(each)]
    if replaced:
        parts.append(f"taken for {', '.join(replaced)}")
    if request.excluded:
        parts.append(f"not followed: without {', '.join(request.excluded)}")
    if sighting is not None and sighting.unsure:
        parts.append(f"perhaps not in the photo: {', '.join(sighting.unsure)}")
    if sighting is not None and sighting.unseen:
        parts.append(f"not seen: {', '.join(sighting.unseen)}")
        if not sighting.found:
            parts.append("aesthetics only")
    if request.unknown:
        parts.append(f"unknown words: {', '.join(request.unknown)}")
    if not request.captioned:
        why = "no known word in the caption" if request.caption else "no caption"
        parts.append(f"{why}: aesthetics only")
    if hint.keep and not _fits(hint, ratio, size):
        parts.append(f"no window of {ratio} holds all boxes to keep")
    return "; ".join(parts) or None


def _is_other(thing: Thing) -> bool:
    """Return whether a word was replaced by another one, and not only by its singular."""
    said, word = thing.said.replace("-", "_"), thing.word
    return said != word and word not in _singulars(said)


def _singulars(word: str) -> set[str]:
    """Return the possible singulars of a word."""
    return {word[:-1], word[:-2], word[:-3] + "y", *IRREGULAR.get(word, ())}


def _fits(hint: Hints, ratio: AspectRatio, size: Size) -> bool:
    """Return whether the largest window of a ratio can contain all boxes to keep."""
    largest = ratio.largest_window(size)
    x0, y0, x1, y1 = _around(hint)
    return x1 - x0 <= largest.width and y1 - y0 <= largest.height


def _around(hint: Hints) -> tuple[int, int, int, int]:
    """Return the corners of the box around all boxes to keep."""
    return (
        min(box.x0 for box in hint.keep),
        min(box.y0 for box in hint.keep),
        max(box.x1 for box in hint.keep),
        max(box.y1 for box in hint.keep),
    )

"""The options of CAGIC: the score and the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ...ops.annealing import Schedule

Score = Literal["map", "words", "captioner", "both"]


@dataclass(frozen=True)
class CagicOptions:
    """The options of the score and the search; see :class:`~deepcrop.ops.annealing.Schedule`.

    Attributes:
        score: the measure of how well a window fits the caption: the map of where the things are
            that it names, the captioner (the paper's Eq. 4), the word detectors on the window, or
            the sum of these two.
        search: how windows are found for the score "map": "exact" tries all places and scales of
            a grid, and takes as aesthetics how well people like a window; "annealed" is the paper's
            search, with the view ranker, as for the other scores.
        tightness: weight of the share of the window that the things fill, beside the share of them
            that it shows (score "map").
        aesthetics: lambda, the weight of the aesthetic term relative to the caption's; an image
            without a caption has only the aesthetic term, with any weight.
        encode: "once" samples windows of the whole image's features; "crop" encodes the pixels of
            each window as the paper does, which is far slower.
        function_words: whether to use articles and prepositions of the caption, as the paper does.
        longest: the most words that the captioner generates.
        shrink: factor by which the scale is multiplied at each level.
        smallest: scale of the last level, relative to the largest window of the ratio.
        restarts: number of searches at each level, K.
        jitter: standard deviation of the starts' distances from the centre.
        steps: the most quasi-Newton steps of a search.
        patience: levels without a lower loss after which the search ends; None: all levels.
        seed: seed of the jitter.
    """

    score: Score = "map"
    search: Literal["exact", "annealed"] = "exact"
    tightness: Annotated[float, Field(ge=0, le=5)] = 0.4
    aesthetics: Annotated[float, Field(ge=0)] = 0.01
    encode: Literal["once", "crop"] = "once"
    function_words: bool = False
    longest: Annotated[int, Field(ge=1)] = 20
    shrink: Annotated[float, Field(gt=0, lt=1)] = 0.98
    smallest: Annotated[float, Field(gt=0, le=1)] = 0.3
    restarts: Annotated[int, Field(ge=1)] = 10
    jitter: Annotated[float, Field(ge=0)] = 0.25
    steps: Annotated[int, Field(ge=1)] = 4
    patience: Annotated[int, Field(ge=0)] | None = None
    seed: int = 0

    @property
    def schedule(self) -> Schedule:
        """The schedule of the search that these options specify."""
        return Schedule(
            shrink=self.shrink,
            smallest=self.smallest,
            restarts=self.restarts,
            jitter=self.jitter,
            steps=self.steps,
            patience=self.patience,
            seed=self.seed,
        )

    @property
    def multi_scale(self) -> bool:
        """Whether windows are sampled at four scales of the image (Eq. 1), or at one."""
        return True

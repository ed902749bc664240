"""The options of CAGIC: the score and the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ...ops.annealing import Schedule

Score = Literal["map", "clip", "words", "captioner", "both"]


@dataclass(frozen=True)
class CagicOptions:
    """The options of the score and the search; see :class:`~deepcrop.ops.annealing.Schedule`.

    Attributes:
        score: the measure of how well a window fits the caption: the map of where the things are
            that it names, the same by a CLIP or SigLIP, the captioner (the paper's Eq. 4), the word
            detectors on the window, or the sum of these two.
        model: a CLIP or SigLIP of Hugging Face for the score "clip": a name or a folder.
        search: how windows are found for the scores "map" and "clip": "exact" tries all places and
            scales of a grid, and takes as aesthetics how well people like a window; "annealed" is
            the paper's search, with the view ranker, as for the other scores.
        tightness: weight of the share of the window that the things fill, beside the share of them
            that it shows (scores "map" and "clip").
        aesthetics: lambda, the weight of the aesthetic term relative to the caption's; None: 0.03
            in the exact search, whose term is a logit of preference, else 0.01. An image without a
            caption has only the aesthetic term, with any weight.
        encode: "once" samples windows of the whole image's features; "crop" encodes the pixels of
            each window as the paper does, which is far slower.
        function_words: whether to use articles and prepositions of the caption, as the paper does.
        longest: the most words that the captioner generates.
        shrink: factor by which the scale is multiplied at each level.
        smallest: scale of the last level, relative to the largest window of the ratio; None: 0.12
            for the scores "map" and "clip", else 0.3.
        restarts: number of searches at each level, K.
        jitter: standard deviation of the starts' distances from the centre.
        steps: the most quasi-Newton steps of a search.
        patience: levels without a lower loss after which the search ends; None: all levels.
        seed: seed of the jitter.
    """

    score: Score = "map"
    model: str = "openai/clip-vit-base-patch32"
    search: Literal["exact", "annealed"] = "exact"
    tightness: Annotated[float, Field(ge=0, le=5)] = 1.02
    aesthetics: Annotated[float, Field(ge=0)] | None = None
    encode: Literal["once", "crop"] = "once"
    function_words: bool = False
    longest: Annotated[int, Field(ge=1)] = 20
    shrink: Annotated[float, Field(gt=0, lt=1)] = 0.98
    smallest: Annotated[float, Field(gt=0, le=1)] | None = None
    restarts: Annotated[int, Field(ge=1)] = 10
    jitter: Annotated[float, Field(ge=0)] = 0.25
    steps: Annotated[int, Field(ge=1)] = 4
    patience: Annotated[int, Field(ge=0)] | None = None
    seed: int = 0

    @property
    def mapped(self) -> bool:
        """Whether the score is a map of where things are."""
        return self.score in ("map", "clip")

    @property
    def exact(self) -> bool:
        """Whether all windows of a grid are tried."""
        return self.mapped and self.search == "exact"

    @property
    def aesthetic_weight(self) -> float:
        """The weight of the aesthetic term."""
        if self.aesthetics is not None:
            return self.aesthetics
        return 0.03 if self.exact else 0.01

    @property
    def smallest_scale(self) -> float:
        """The scale of the last level."""
        if self.smallest is not None:
            return self.smallest
        return 0.12 if self.mapped else 0.3

    @property
    def schedule(self) -> Schedule:
        """The schedule of the search that these options specify."""
        return Schedule(
            shrink=self.shrink,
            smallest=self.smallest_scale,
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

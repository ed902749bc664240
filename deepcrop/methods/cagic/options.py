"""The options of CAGIC: the score and the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ...ops.annealing import Schedule

Score = Literal["words", "captioner", "both"]


@dataclass(frozen=True)
class CagicOptions:
    """How to search; see :class:`~deepcrop.ops.annealing.Schedule`.

    Attributes:
        score: what tells how well a window fits the caption: the captioner (the paper's
            Eq. 4), the word scores, or the sum of both.
        aesthetics: lambda, the weight of the aesthetic term beside the caption's; an image
            without a caption has that term alone, whatever the weight.
        encode: "once" samples windows of the whole image's features, "crop" encodes each
            window's pixels as the paper does, far slower.
        function_words: count articles and prepositions of the caption too, as the paper does.
        longest: words that the captioner says at most.
        shrink: the scale falls by this factor a level.
        smallest: scale of the last level, of the largest window of the ratio.
        restarts: searches a level, K.
        jitter: how far they start from each other.
        steps: quasi-Newton steps a search.
        patience: levels without a lower loss after which the search ends; None: all levels.
        seed: of the restarts.
    """

    score: Score = "words"
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
        """The search that these options ask for."""
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
        """Whether windows are sampled at four scales of the image, as Eq. 1 says, or at one."""
        return True

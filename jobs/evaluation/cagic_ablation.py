"""The rows of CAGIC's Table 4 as options of the method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from deepcrop.methods.cagic.options import CagicOptions
from deepcrop.ops.annealing import Schedule

Ablation = Literal["CN", "CN+SA", "CN+SA+MR", "CN+SA+MR+MS", "full"]


@dataclass(frozen=True)
class AblationOptions(CagicOptions):
    """CAGIC's options, some of its parts left out.

    Attributes:
        ablation: the row of the paper's Table 4. CN is one search over place and scale; SA anneals
            the scale; MR restarts; MS samples four scales; full adds aesthetics.
    """

    ablation: Ablation = "full"

    def __post_init__(self) -> None:
        """Leave aesthetics to the full method."""
        if self.ablation != "full":
            object.__setattr__(self, "aesthetics", 0.0)

    @property
    def schedule(self) -> Schedule:
        """The schedule of the search that these options specify."""
        parts = self.ablation.split("+")
        full = self.ablation == "full"
        return replace(
            super().schedule,
            restarts=self.restarts if full or "MR" in parts else 1,
            annealing=full or "SA" in parts,
        )

    @property
    def multi_scale(self) -> bool:
        """Whether windows are sampled at four scales of the image."""
        return self.ablation == "full" or self.ablation.endswith("MS")

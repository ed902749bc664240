"""The options of DeepIR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class DeepIROptions:
    """The options; where a default isn't the paper's value, its sentence names that."""

    working: Annotated[int, Field(ge=64, le=4096)] = 256
    """Longest edge, in pixels, of the source when Phi is found (the paper: the source's). On
    five cases of RetargetMe, 256 scores an aspect-ratio similarity of .841 in 0.9 s of one
    core an image, 384 scores .820 in 3.9 s."""
    resample: Literal["uniform", "crop", "scale", "seam", "column"] = "uniform"
    """How feature maps are resized: UrS, or one of Section 4.4's alternatives. Seams with
    ``steady`` 0.5 and ``straight`` 4 have a higher feature remain ratio than any published result
    of RetargetMe, and bend columns and frames into waves."""
    contrast: Annotated[float, Field(gt=0, le=16)] = 4.0
    """Power of the obscurity, which is 0..1; the paper's is 1. Above 1, removals gather in the
    most obscure columns: shapes bend less, and at 4 edges that show little are cropped. On ten
    cases of RetargetMe, 1, 2 and 4 give an aspect-ratio similarity of .829, .850 and .854, and a
    feature remain ratio of .597, .599 and .596."""
    alphas: tuple[Share, Share, Share] = (0.7, 0.8, 0.9)
    """Weight of the matched against the re-sampled field, Eq. 7, at levels 1, 2 and 3."""
    deconvolution: Annotated[int, Field(ge=0, le=1000)] = 20
    """Iterations of L-BFGS for Eq. 6, at most. The paper's 100 cost five times as much, and
    come out no better (aspect-ratio similarity .814 against .820 on five cases)."""
    search: Annotated[int, Field(ge=0, le=100)] = 3
    """Rounds of PatchMatch, at most; the paper has 10 (measured together with the above)."""
    axes: Literal["changed", "both"] = "changed"
    """Along which axes matches are sought; ``both`` is the paper's, and lets rows wander where
    only the width changes."""
    steady: Annotated[float, Field(ge=0, le=32)] = 2.0
    """Standard deviation, in positions of each level, of the smoothing of matched fields, which
    also makes them run forwards; 0 is the paper's: none."""
    straight: Annotated[float, Field(gt=0, le=1024)] = 32
    """Standard deviation, in working pixels, of the smoothing of matched fields across the axis
    that changes: larger values keep upright lines from bending."""
    vote: Literal["field", "pixels"] = "field"
    """What the last step averages over 5x5 neighbours: source positions, or (the paper) pixels,
    which blurs where neighbours disagree."""
    shared: Literal["scale", "resample"] = "scale"
    """What is done with the change that both axes share; ``resample`` is the paper's."""
    batch: Annotated[int, Field(ge=1)] = 16
    """Images of one shape that are solved at once on a GPU; a CPU takes them one by one."""
    seed: int = 0
    """Seed of PatchMatch's random search."""

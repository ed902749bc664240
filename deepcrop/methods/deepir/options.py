"""The options of DeepIR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class DeepIROptions:
    """The options of DeepIR; a field's docstring gives the paper's value if its default differs."""

    working: Annotated[int, Field(ge=64, le=4096)] = 256
    """Longest edge, in pixels, of the source when Phi is computed (the paper: the source's own).

    On five cases of RetargetMe, 256 scores an aspect-ratio similarity of .841 in 0.9 s of one core
    for each image, 384 scores .820 in 3.9 s.
    """
    resample: Literal["uniform", "crop", "scale", "seam", "column"] = "uniform"
    """How feature maps are resized: by UrS, or by one of the alternatives in Section 4.4.

    Seams with ``attention`` 0, ``steady`` 0.5 and ``straight`` 4 have a higher feature remain ratio
    than any published result of RetargetMe, but bend columns and frames into waves.
    """
    attention: Share = 0.7
    """The share (0..1) of the importance that comes from the network ``saliency``; 0 in the paper.

    With features alone, an object without texture counts as background, and the middle of a pair
    of glasses is removed. On the ten cases of RetargetMe at half size, with ``obscurity`` linear
    and ``contrast`` 4, the aspect-ratio similarity is .850 (least .681) at 0 and .888 (.837) at
    0.5. With the defaults, 0.3, 0.5, 0.7, 0.9 and 1 score .916, .923, .927, .927 and .927, measured
    as for ``obscurity``.
    """
    obscurity: Literal["inverse", "linear"] = "inverse"
    """How the obscurity of a column follows from its importance.

    ``linear`` is the paper's: the most important column has 0, the least important has 1.
    ``inverse`` is one over the importance; removals in proportion to it minimise the sum of
    importance times the squared change of each column's width.

    The similarity that the removals at relu4_1 alone would give, on all 25 cases of RetargetMe
    without matching and registration, is .927 (least .799) for ``inverse``, .916 (.787) for
    ``linear`` and .903 (.706) for ``linear`` with ``contrast`` 4. Weighted by a mask of the subject
    from another network, it is .937, .925 and .914. The choice is the same if only half of the
    cases are used for it. These are by the ``saliency`` weights of 0.1, by which the whole method
    scored .932, at half size .879, and ``linear`` with ``attention`` 0.5 and ``contrast`` 4, which
    crops edges, .888 there. By the present weights the default scores .939 and .890.
    """
    contrast: Annotated[float, Field(gt=0, le=16)] = 1.0
    """Exponent of the obscurity.

    Above 1, removals concentrate in the most obscure columns, until edges of the image are cropped.
    Measured as for ``obscurity``, 1, 1.5 and 2 score .927, .925 and .921.
    """
    alphas: tuple[Share, Share, Share] = (0.7, 0.8, 0.9)
    """Weights (0..1) of the matched field against the re-sampled field at levels 1 to 3 (Eq. 7)."""
    deconvolution: Annotated[int, Field(ge=0, le=1000)] = 20
    """The most iterations of L-BFGS for Eq. 6.

    The paper's 100 take five times as long and aren't better (aspect-ratio similarity .814 against
    .820 on five cases).
    """
    search: Annotated[int, Field(ge=0, le=100)] = 3
    """The most rounds of PatchMatch; the paper has 10 (measured with ``deconvolution`` above)."""
    axes: Literal["changed", "both"] = "changed"
    """The axes along which matches are searched.

    ``both`` is the paper's, and displaces rows although only the width changes.
    """
    steady: Annotated[float, Field(ge=0, le=32)] = 2.0
    """Standard deviation of the smoothing of matched fields, in positions of each level.

    Smoothing also makes the fields monotone. 0, the paper's, means none.
    """
    straight: Annotated[float, Field(gt=0, le=1024)] = 32
    """Standard deviation, in working pixels, of the smoothing of matched fields on the other axis.

    Larger values prevent vertical lines from bending when the width changes.
    """
    vote: Literal["field", "pixels"] = "field"
    """What the last step averages over 5x5 neighbours: source positions, or pixels (the paper).

    Averaging pixels blurs where neighbours disagree.
    """
    shared: Literal["scale", "resample"] = "scale"
    """How the size change that both axes share is applied; ``resample`` is the paper's."""
    batch: Annotated[int, Field(ge=1)] = 16
    """The most images of one shape that a GPU solves together; a CPU solves one at a time."""
    seed: int = 0
    """Seed of PatchMatch's random search."""

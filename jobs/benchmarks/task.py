"""The task of every contender: shrink an image for analysis, crop to five ratios, write JPEG files.

The files go to ``TARGET/RATIO/NAME.jpg``. A contender that doesn't choose crops takes the centre:
the benchmark measures the work on pixels, not the choice.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

ANALYSIS = 256
"""Longest edge of the image for analysis, in pixels."""
LONGEST = 640
"""Longest edge of the variants, in pixels."""
QUALITY = 88
"""JPEG quality, 1..100."""
RATIOS = {"1x1": (1, 1), "16x9": (16, 9), "9x16": (9, 16), "4x5": (4, 5), "3x2": (3, 2)}
ASPECTS = tuple(f"{across}:{down}" for across, down in RATIOS.values())
"""The aspect ratios as options of a job."""

Cut = tuple[int, int, int, int]
"""A box: left, top, width and height in pixels."""


def window(width: int, height: int, ratio: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height of the largest window of a ratio."""
    across, down = ratio
    unit = min(width / across, height / down)
    return max(1, round(across * unit)), max(1, round(down * unit))


def centre(width: int, height: int, ratio: tuple[int, int]) -> Cut:
    """Return the largest window of a ratio around the centre."""
    wide, high = window(width, height, ratio)
    return (width - wide) // 2, (height - high) // 2, wide, high


def fitted(width: int, height: int, longest: int = LONGEST) -> tuple[int, int]:
    """Return a size of the same shape whose longest edge is at most ``longest``, in pixels."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def files(source: Path) -> list[Path]:
    """Return the files of a corpus, sorted."""
    return sorted(source.iterdir())


def destination(target: Path, name: str, path: Path) -> Path:
    """Return the path of a variant."""
    return target / name / path.name


def make_folders(target: Path) -> None:
    """Make a folder for each ratio."""
    for name in RATIOS:
        (target / name).mkdir(parents=True)


def in_processes(
    work: Callable[[Path, Path], None], source: Path, target: Path, cores: int
) -> None:
    """Call ``work(file, target)`` for every file, in a pool of one process for each core."""
    make_folders(target)
    paths = files(source)
    with get_context("spawn").Pool(cores) as pool:
        pool.starmap(work, [(path, target) for path in paths], chunksize=4)

"""Messages between ``deepcrop crop`` and the process that holds the method."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from ...job import Job


class Way(StrEnum):
    """What is made of a photo: variants, boxes as JSON, an overlay, or rows of a comparison."""

    write = "write"
    boxes = "boxes"
    overlay = "overlay"
    compare = "compare"


@dataclass(frozen=True)
class Task:
    """What is done with every photo of a command."""

    way: Way
    jobs: tuple[Job, ...]
    """One job; to compare methods, one job a method."""
    device: str | None = None
    debug: bool = False
    """Whether to print tracebacks."""

    @property
    def draws(self) -> bool:
        """Whether each photo gives one drawing, whatever ratios are asked for."""
        return self.way in (Way.overlay, Way.compare)


@dataclass(frozen=True)
class Photo:
    """A photo that is named on the command line."""

    name: str
    """Path or URI as it was given."""
    key: str
    """Beginning of the names of its variants."""
    data: bytes | None = None
    """Bytes that came through the standard input, if they did."""


@dataclass(frozen=True)
class CropResult:
    """The result of processing one photo."""

    lines: tuple[str, ...] = ()
    """Lines to print: paths or JSON."""
    notes: tuple[str, ...] = ()
    """Remarks on what was done otherwise than a user may expect."""
    rows: tuple[Image.Image, ...] = ()
    """Rows of a comparison sheet, one a method."""

"""What `deepcrop crop` asks the process that holds the method, and what it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from ...job import Job


class Way(StrEnum):
    """How a photo is answered."""

    write = "write"
    boxes = "boxes"
    overlay = "overlay"
    compare = "compare"


@dataclass(frozen=True)
class Task:
    """What is done with every photo."""

    way: Way
    jobs: tuple[Job, ...]
    """One, or to compare methods one of each."""
    device: str | None = None
    debug: bool = False
    """Whether to print where an error came from."""

    @property
    def draws(self) -> bool:
        """Whether a photo gives one drawing, whatever is asked for."""
        return self.way in (Way.overlay, Way.compare)


@dataclass(frozen=True)
class Photo:
    """A photo that is named on the command line."""

    name: str
    """As it was given."""
    key: str
    """How its variants' names begin."""
    data: bytes | None = None
    """Its bytes, where they came through the standard input."""


@dataclass(frozen=True)
class Look:
    """What came of a photo."""

    lines: tuple[str, ...] = ()
    """To be printed: paths or JSON."""
    notes: tuple[str, ...] = ()
    """What was done otherwise than one may expect."""
    rows: tuple[Image.Image, ...] = ()
    """Of a sheet, one a method."""

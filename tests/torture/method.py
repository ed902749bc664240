"""A method that a picture can kill, made known by an entry point as another package's would be."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from deepcrop.methods.base import as_tensor
from deepcrop.methods.center import Center
from tests.torture.corpus import ENDLESS, POISON


class Brittle(Center):
    """The centre window; a picture all in one of two colours ends the process, or never ends."""

    name: ClassVar[str] = "brittle"
    summary: ClassVar[str] = "the centre window, and an end at one colour, none at another"

    @dataclass(frozen=True)
    class Options:
        """Where to count the pictures looked at: a file, a byte each."""

        tally: str

    options: Any

    def boxes(self, images: Sequence[Any], *arguments: Any, **hints: Any) -> Any:
        """Die of poison, never end, or answer as ``center`` does."""
        for image in images:
            colour = as_tensor(image).flatten(1).float().mean(1)
            if colour.tolist() == list(POISON):
                os.kill(os.getpid(), signal.SIGKILL)
            if colour.tolist() == list(ENDLESS):
                ctypes.CDLL(None).pause()  # native, and deaf to Python
        with open(self.options.tally, "ab", buffering=0) as file:
            file.write(b"." * len(images))
        return super().boxes(images, *arguments, **hints)


def install(folder: Path) -> Path:
    """Write what an installed package would have; return the folder for ``PYTHONPATH``."""
    info = folder / "brittle-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brittle\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[deepcrop.methods]\nbrittle = tests.torture.method:Brittle\n"
    )
    return folder

"""Methods that an image can kill, registered by entry points as another package's are."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import field, make_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from deepcrop.methods import base, registry

from .corpus import ENDLESS, POISON

METHODS: Mapping[str, Mapping[str, Any]] = {
    "center": {},
    "mars": {},
    "cagic": {"shrink": 0.7, "restarts": 2, "steps": 1},
}
"""Methods for the torture test, and options with which they are quick."""


def brittle(name: str) -> str:
    """Return the name of the method that wraps another one and that an image can kill."""
    return f"brittle-{name}"


@cache
def brittle_class(name: str) -> type:
    """Return the class of the method `brittle` names; some take seconds to import.

    An image all in ``POISON`` kills the process, one all in ``ENDLESS`` blocks it for ever. The
    option ``tally`` is the path of a file that gets a byte for each image analysed.
    """
    method: Any = registry.find(name)

    class Brittle(method):
        """A method that dies at one colour and blocks at another."""

        Options = make_dataclass(
            "Options", [("tally", str, field(kw_only=True))], bases=(method.Options,), frozen=True
        )

        def boxes(self, images: Sequence[Any], *arguments: Any, **hints: Any) -> Any:
            """Kill the process, block it, or return the other method's results."""
            for image in images:
                colour = base.as_tensor(image).flatten(1).float().mean(1)
                if colour.tolist() == list(POISON):
                    os.kill(os.getpid(), signal.SIGKILL)
                if colour.tolist() == list(ENDLESS):
                    ctypes.CDLL(
                        None
                    ).pause()  # blocks in native code, where Python's signals don't arrive
            with open(self.options.tally, "ab", buffering=0) as file:
                file.write(b"." * len(images))
            return super().boxes(images, *arguments, **hints)

    Brittle.name = brittle(name)
    return Brittle


def __getattr__(attribute: str) -> type:
    """Answer the entry points: ``Brittle_NAME``."""
    prefix, _, name = attribute.partition("_")
    if prefix != "Brittle" or name not in METHODS:
        raise AttributeError(attribute)
    return brittle_class(name)


def install(folder: Path) -> Path:
    """Write the metadata of a package with these methods; return the folder for ``PYTHONPATH``."""
    info = folder / "brittle-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brittle\nVersion: 1.0\n")
    points = [f"{brittle(name)} = jobs.faults.torture.method:Brittle_{name}" for name in METHODS]
    (info / "entry_points.txt").write_text("\n".join(["[deepcrop.methods]", *points]) + "\n")
    return folder

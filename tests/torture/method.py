"""Methods that a picture can kill, made known by entry points as another package's would be."""

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
from tests.torture.corpus import ENDLESS, POISON

METHODS: Mapping[str, Mapping[str, Any]] = {
    "center": {},
    "mars": {},
    "cagic": {"shrink": 0.7, "restarts": 2, "steps": 1},
}
"""The methods that can be tortured, and options with which they take no longer than they must."""


def brittle(name: str) -> str:
    """Return the name of the method that does as another, until a picture kills it."""
    return f"brittle-{name}"


@cache
def brittle_class(name: str) -> type:
    """Make its class; the other's may take seconds to import.

    A picture all in one of two colours ends the process, or never ends. Its option ``tally`` is a
    file that counts the pictures looked at: a byte each.
    """
    method: Any = registry.find(name)

    class Brittle(method):
        """A method with an end at one colour, and none at another."""

        Options = make_dataclass(
            "Options", [("tally", str, field(kw_only=True))], bases=(method.Options,), frozen=True
        )

        def boxes(self, images: Sequence[Any], *arguments: Any, **hints: Any) -> Any:
            """Die of poison, never end, or answer as the other does."""
            for image in images:
                colour = base.as_tensor(image).flatten(1).float().mean(1)
                if colour.tolist() == list(POISON):
                    os.kill(os.getpid(), signal.SIGKILL)
                if colour.tolist() == list(ENDLESS):
                    ctypes.CDLL(None).pause()  # native, and deaf to Python
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
    """Write what an installed package would have; return the folder for ``PYTHONPATH``."""
    info = folder / "brittle-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brittle\nVersion: 1.0\n")
    points = [f"{brittle(name)} = tests.torture.method:Brittle_{name}" for name in METHODS]
    (info / "entry_points.txt").write_text("\n".join(["[deepcrop.methods]", *points]) + "\n")
    return folder

"""A library of photos that changes at random, in a folder or in a bucket."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from deepcrop.storage import Storage

RATIOS = ("1:1", "16:9", "4:5", "2:3", "3:1")
SIZES = ("24x24", "32x18", "40x30", "200x200")
PRESETS: Mapping[str, Mapping[str, object]] = {
    "card": {"aspect": "4:5", "widths": [12, 20], "formats": ["webp", "jpeg"]},
    "hero": {"aspect": "3:1", "widths": [24], "densities": [1, 2], "formats": ["png"]},
    "tile": {"size": "30x30", "formats": ["jpeg"]},
}
RULES: Sequence[Mapping[str, str]] = (
    {},
    {"kept<0.5": "pad"},
    {"score<0.6": "blur", "else": "review"},
    {"width<24": "skip"},
    {"width<40 & kept<0.7": "skip", "else": "pad"},
)
QUALITIES = (60, 85)
SAFE = (0.0, 0.0, 0.6, 1.0)
"""A safe area: x0, y0, x1, y1 in 0..1 of the sides of a crop."""


@dataclass
class World:
    """The state of a library, and of what is asked of it."""

    root: str
    """URI of the folder or prefix of the photos."""
    storage: Storage
    rng: random.Random
    photos: dict[str, bytes] = field(default_factory=dict)
    """Bytes by name."""
    aspects: list[str] = field(default_factory=lambda: ["1:1"])
    sizes: list[str] = field(default_factory=list)
    presets: dict[str, dict[str, object]] = field(default_factory=dict)
    safe: set[str] = field(default_factory=set)
    """Ratios with a safe area."""
    quality: int = 85
    cells: int = 4
    corrections: dict[str, str] = field(default_factory=dict)
    """The last line of corrections about each photo, by name."""
    count: int = 0
    """Names that were given."""
    new_lines: list[str] = field(default_factory=list)
    """Corrections that no run was told yet."""

    def add(self, number: int) -> None:
        """Add photos; one in thirty is broken."""
        for _ in range(number):
            self.count += 1
            name = f"{self.count % 7}/{self.count:05d}.{self.rng.choice(['jpg', 'jpg', 'png'])}"
            self._write(name, self._picture(name))

    def _picture(self, name: str) -> bytes:
        seed = self.rng.getrandbits(32)
        shape = self.rng.randint(24, 72), self.rng.randint(24, 72)
        kind = "jpeg" if name.endswith("jpg") else "png"
        channels = 4 if kind == "png" and seed % 4 == 0 else 3
        noise = np.random.default_rng(seed).integers(0, 255, (6, 6, channels), np.uint8)
        out = io.BytesIO()
        Image.fromarray(noise).resize(shape).save(out, kind)
        data = out.getvalue()
        return data[: len(data) // 2] if seed % 30 == 0 and kind == "jpeg" else data

    def _write(self, name: str, data: bytes) -> None:
        self.photos[name] = data
        self.storage.write(f"{self.root}/{name}", data, sync=False)

    def change(self) -> list[str]:
        """Change the library at random; return in words what was changed."""
        told = []
        some = max(1, len(self.photos) // 20)
        events: dict[str, Callable[[], None]] = {
            "added": lambda: self.add(self.rng.randint(1, some)),
            "edited": lambda: self._each(some, self._edit),
            "edited, same size and time": lambda: self._each(some, self._edit_in_secret),
            "touched": lambda: self._each(some, self._touch),
            "renamed": lambda: self._each(some, self._rename),
            "removed": lambda: self._each(some, self._remove),
            "a ratio or size more": self._ask_more,
            "a ratio or size less": self._ask_less,
            "a preset more": self._ask_preset,
            "another preset": self._change_preset,
            "a preset less": self._drop_preset,
            "another safe area": self._resafe,
            "another quality": self._requality,
            "other weights": self._retrain,
            "corrected": lambda: self._each(some, self._correct),
        }
        rare = {"another quality": 0.15, "other weights": 0.15, "a ratio or size more": 0.3,
                "a ratio or size less": 0.2, "a preset more": 0.2, "another preset": 0.3,
                "a preset less": 0.1, "another safe area": 0.15}  # fmt: skip
        for name, event in events.items():
            if self.rng.random() < rare.get(name, 0.5):
                event()
                told.append(name)
        return told

    def _each(self, most: int, event: Callable[[str], None]) -> None:
        names = self.rng.sample(sorted(self.photos), min(len(self.photos) - 2, most))
        for name in names[: self.rng.randint(1, max(1, len(names)))]:
            event(name)

    def _edit(self, name: str) -> None:
        self._write(name, self._picture(name))

    def _edit_in_secret(self, name: str) -> None:
        """Change bytes behind an image's end, which readers ignore, or of a PNG's text."""
        data = self.photos[name]
        other = self._picture(name)
        size = max(len(data), len(other))
        path = Path(f"{self.root}/{name}")
        if not path.exists() or len(data) < len(other):
            self._write(name, other)
            return
        status = path.stat()
        self._write(name, other + b"\0" * (size - len(other)))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _touch(self, name: str) -> None:
        self._write(name, self.photos[name])

    def _rename(self, name: str) -> None:
        data = self.photos[name]
        self._remove(name)
        self.count += 1
        self._write(f"{self.count % 7}/{self.count:05d}.{name.rpartition('.')[2]}", data)

    def _remove(self, name: str) -> None:
        del self.photos[name]
        self.corrections.pop(name, None)
        self.storage.delete(f"{self.root}/{name}")
        self.new_lines = [line for line in self.new_lines if not line.startswith(self._uri(name))]

    def _uri(self, name: str) -> str:
        return f"{self.root}/{name},"

    def _correct(self, name: str) -> None:
        slug = self.rng.choice(self.slugs)
        kinds = [
            f"focal,,{self.rng.random():.2f},{self.rng.random():.2f},,",
            f"rejected,{slug},,,,",
            "rejected,,,,,",
            f"box,{slug},2,3,22,21",
            "keep,,4,4,12,14",
            "good,,,,,",
        ]
        line = self._uri(name) + self.rng.choice(kinds)
        self.corrections[name] = line
        self.new_lines = [each for each in self.new_lines if not each.startswith(self._uri(name))]
        self.new_lines.append(line)

    @property
    def slugs(self) -> list[str]:
        """The names of the ratios and sizes of the requested variants."""
        aspects = [*self.aspects, *(each["aspect"] for each in self._of_presets("aspect"))]
        sizes = [*self.sizes, *(each["size"] for each in self._of_presets("size"))]
        names = [str(each).replace(":", "x") for each in aspects] + [f"{each}px" for each in sizes]
        return list(dict.fromkeys(names))

    def _of_presets(self, field: str) -> list[dict[str, object]]:
        """Return the presets that have a field."""
        return [each for each in self.presets.values() if field in each]

    def _ask_more(self) -> None:
        if self.rng.random() < 0.5:
            left = [each for each in RATIOS if each not in self.aspects]
            self.aspects += self.rng.sample(left, min(1, len(left)))
        else:
            left = [each for each in SIZES if each not in self.sizes]
            self.sizes += self.rng.sample(left, min(1, len(left)))

    def _ask_less(self) -> None:
        wanted = self.sizes if self.sizes and self.rng.random() < 0.5 else self.aspects
        if len(wanted) > (wanted is self.aspects):
            wanted.remove(self.rng.choice(wanted))

    def _ask_preset(self) -> None:
        left = [name for name in PRESETS if name not in self.presets]
        for name in self.rng.sample(left, min(1, len(left))):
            self.presets[name] = dict(PRESETS[name])

    def _change_preset(self) -> None:
        """Give one of the presets another rule, quality or list of formats."""
        for name in self.rng.sample(sorted(self.presets), min(1, len(self.presets))):
            preset = self.presets[name]
            preset["fit"] = dict(self.rng.choice(RULES))
            if self.rng.random() < 0.3:
                preset["quality"] = self.rng.choice(QUALITIES)
            if self.rng.random() < 0.3:
                preset["formats"] = self.rng.sample(["jpeg", "png", "webp"], 2)
            if self.rng.random() < 0.3:
                preset["background"] = self.rng.choice(["edge", "#123"])

    def _drop_preset(self) -> None:
        for name in self.rng.sample(sorted(self.presets), min(1, len(self.presets))):
            del self.presets[name]

    def _resafe(self) -> None:
        self.safe ^= {self.rng.choice(RATIOS)}

    def _requality(self) -> None:
        self.quality = 155 - self.quality

    def _retrain(self) -> None:
        self.cells = 7 - self.cells

    def job(self, output: str) -> dict[str, object]:
        """Return the fields of the job for the present state."""
        ratios = {*self.aspects, *(str(each["aspect"]) for each in self._of_presets("aspect"))}
        return {
            "input": self.root,
            "output": output,
            "method": "brightest",
            "options": {"cells": self.cells},
            "aspects": list(self.aspects),
            "sizes": list(self.sizes),
            "outputs": {name: dict(each) for name, each in self.presets.items()},
            "safe": dict.fromkeys(sorted(self.safe & ratios), SAFE),
            "quality": self.quality,
            "max_size": 16,
        }

    def lines(self) -> Iterator[str]:
        """Yield the corrections that hold, for a job that starts afresh."""
        slugs = set(self.slugs)
        for name, line in self.corrections.items():
            kind, aspect = line.removeprefix(self._uri(name)).split(",")[:2]
            if not aspect or aspect in slugs or kind not in ("box", "rejected"):
                yield line

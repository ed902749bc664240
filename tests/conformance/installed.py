"""What an installer leaves behind, written by hand: a package and its entry points."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from deepcrop.methods import registry

SOURCE = Path(__file__).with_name("package_of_others.py")
OWN = "corner"
"""The method that the package brings, beside those that record."""


def install(folder: Path) -> Path:
    """Install the package into a folder, which then belongs on ``sys.path``."""
    shutil.copy(SOURCE, folder / SOURCE.name)
    info = folder / "package_of_others-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: package-of-others\nVersion: 1.0\n")
    lines = [f"[{registry.GROUP}]", f"{OWN} = {SOURCE.stem}:Corner"]
    lines += [
        f"{recording(name)} = {SOURCE.stem}:Recording_{name.replace('-', '_')}"
        for name in (*registry.BUILT_IN, OWN)
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def recording(name: str) -> str:
    """Return the name of the method that does as another, and records what it is shown."""
    return f"recording-{name}"


def recorded(folder: Path, name: str) -> list[dict]:
    """Return the calls of a recording method so far."""
    log = (folder / SOURCE.name).with_suffix(".jsonl")
    lines = log.read_text().splitlines() if log.exists() else []
    return [call for call in map(json.loads, lines) if call["method"] == name]

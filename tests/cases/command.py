"""The command as a user gives it, of this tree or of another one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def deepcrop(folder: Path, *arguments: str, tree: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "deepcrop", *arguments],
        env={**os.environ, "PYTHONPATH": str(tree)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

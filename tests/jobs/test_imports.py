"""What jobs/ imports: the image ships jobs/ without the tests."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

import jobs
from tests.test_image import PINS

JOBS = Path(jobs.__file__).parent
KNOWN = packages_distributions()
"""Distributions by the packages that they hold."""
MODULES = [
    ".".join(path.relative_to(JOBS.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(JOBS.rglob("*.py"))
]
IMPORT_ALL = """
import importlib, sys
sys.modules["tests"] = None  # importing it raises
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def imported(path: Path) -> Iterator[str]:
    """Yield the top-level packages that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def third_party(path: Path) -> Iterator[str]:
    """Yield the distributions of the packages that a module imports as it is imported itself."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or node.names[0].name]
            if not getattr(node, "level", 0):
                top = names[0].partition(".")[0]
                yield from KNOWN.get(top, [])[:1]


def test_what_the_jobs_import_is_pinned_in_the_image():
    ours = {"deepcrop"}
    found = {canonicalize_name(name) for path in JOBS.rglob("*.py") for name in third_party(path)}
    assert {"psutil", "scikit-image"} <= found
    assert found - PINS.keys() <= ours


def test_no_job_imports_the_tests():
    found = [path for path in JOBS.rglob("*.py") if "tests" in imported(path)]
    assert found == []


def test_every_job_imports_where_the_tests_are_absent():
    assert "jobs.faults.torture.rounds" in MODULES
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *MODULES],
        cwd=JOBS.parent,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr

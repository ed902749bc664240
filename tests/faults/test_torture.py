"""The torture test in short: one small round, in a process of its own."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.faults.torture.killer import TASK_NAMES
from jobs.faults.torture.method import METHODS

ROOT = Path(__file__).parents[2]


def test_the_killer_knows_the_tasks_by_the_names_of_their_functions():
    defined = {
        node.name
        for path in (ROOT / "deepcrop").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert set(TASK_NAMES) <= defined


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("method", METHODS)
def test_a_tortured_job_ends_as_an_undisturbed_one(method):
    command = [sys.executable, "-m", "jobs.torture", "--objects", "100", "--kills", "4"]
    command += ["--method", method]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("RAY_ADDRESS", None)
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=880
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

"""The Docker image: the client's versions, its own user, and nothing that its files don't bring."""

from __future__ import annotations

import platform
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
)


def test_its_ray_and_python_are_the_client_s():
    assert PINS["ray"] == version("ray")
    python = re.search(r"^ARG PYTHON=(\d+\.\d+)\.\d+$", DOCKERFILE, re.MULTILINE)
    assert python and python[1] == platform.python_version().rpartition(".")[0]


def test_every_dependency_is_pinned_to_a_version_that_the_project_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["benchmark"]
    for text in [*project["dependencies"], *extra]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)]), text


def test_what_it_copies_is_there_and_is_let_through():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert names == allowed
    assert all((ROOT / name).exists() for name in names)


def test_it_runs_as_a_numbered_user_that_is_not_root():
    users = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert users and users[-1].isdigit() and int(users[-1]) >= 1000

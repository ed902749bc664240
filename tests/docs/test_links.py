"""Whatever the pages name is there: pages, sections, files, and commands of jobs/."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import typer

from tests.docs.pages import DOCS, PAGES, README, ROOT, prose

LIMIT = 700
"""Words of the README, as ``wc -w`` counts them."""

ALL = [*PAGES, ROOT / "findings" / "README.md", *sorted(ROOT.glob("deepcrop/pretrained/*.md"))]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|sh|yaml|json|txt))(?:::\w+)?`")
_JOB = re.compile(
    r"(?:python -m jobs\.|(?:python )?jobs/)(\w+)(?:\.py)? ([a-z][a-z-]+)(?=[ `\n,;:)])"
)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub names them."""
    headings = re.findall(r"(?m)^#+ (.*)$", prose(page))
    slugs = [re.sub(r"[^\w\- ]", "", each.strip().lower()).replace(" ", "-") for each in headings]
    return set(slugs)


def ids(page: Path) -> str:
    """Name a page in the tests' names."""
    return str(page.relative_to(ROOT))


def test_the_readme_is_short():
    assert len(README.read_text().split()) <= LIMIT


def test_every_page_is_in_the_list_of_pages():
    listed = set(_LINK.findall((DOCS / "README.md").read_text()))
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= listed


@pytest.mark.parametrize("page", ALL, ids=ids)
def test_links_lead_somewhere(page):
    wrong = []
    for link in _LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_files_that_are_named_exist(page):
    """Named from the repository's root, or from the package; ``out/`` is a user's own folder."""
    places = [ROOT, ROOT / "deepcrop"]
    named = [
        name
        for name in _FILE.findall(page.read_text())
        if any((place / name.split("/")[0]).is_dir() for place in places)
        and not name.startswith("out/")
    ]
    assert [name for name in named if not any((each / name).exists() for each in places)] == []


@pytest.mark.parametrize("page", ALL, ids=ids)
def test_commands_of_jobs_exist(page):
    for name, command in set(_JOB.findall(page.read_text())):
        parser = typer.main.get_command(importlib.import_module(f"jobs.{name}").app)
        assert command in parser.commands, f"jobs.{name} {command}"

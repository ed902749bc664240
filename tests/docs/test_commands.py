"""The commands and the Python of the pages: options exist, and marked blocks do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from deepcrop.cli import app, main
from tests.docs.conftest import write_photos
from tests.docs.pages import PAGES, ROOT, Block, arguments, blocks

COMMANDS = [
    pytest.param(command, id=command[:100])
    for command in dict.fromkeys(
        command for page in PAGES for block in blocks(page) for command in block.commands()
    )
    if "..." not in command
]
MARKED = {
    page: marked
    for page in PAGES
    if (marked := [each for each in blocks(page) if each.mark.startswith(("run", "file: "))])
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command):
    """Its options exist and take these values; nothing is run."""
    words = arguments(command)
    parser = typer.main.get_command(app.app)
    if words[0].startswith("-"):
        assert words == ["--help"] or any(words[0] in each.opts for each in parser.params)
        return
    while hasattr(parser, "commands"):
        name, *words = words
        assert name in parser.commands
        parser = parser.commands[name]
    with parser.make_context(name, words):
        pass


def test_every_mark_is_one_that_the_tests_know():
    marks = {block.mark for page in PAGES for block in blocks(page)}
    known = {"", "run", "run slow"}
    assert {mark for mark in marks - known if not mark.startswith("file: ")} == set()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", MARKED, ids=lambda page: page.stem)
def test_the_marked_blocks_of_a_page_run(page, examples, cluster, same_process, monkeypatch):
    """In this process, on the cluster that all tests share."""
    monkeypatch.chdir(examples)
    for block in MARKED[page]:
        if block.file:
            Path(block.file).write_text(block.text)
        elif block.mark == "run":
            _run_here(block, monkeypatch)


def _run_here(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    # The workers of the shared cluster have another working folder than this test.
    text = re.sub(r'(--output |output=")out\b', rf"\g<1>{Path('out').absolute()}", block.text)
    # Its GPU exists in name only: a job that uses none starts a third of the processes.
    text = text.replace("deepcrop run --input", "deepcrop run --gpus 0 --input")
    block = replace(block, text=text)
    if block.language == "python":
        module = types.ModuleType(f"example_{block.page.stem}_{block.line}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(block.text, str(block), "exec"), vars(module))
        return
    commands = list(block.commands())
    assert len(commands) == len(block.text.replace("\\\n", " ").splitlines())
    for command in commands:
        with pytest.raises(SystemExit) as end:
            main(arguments(command))
        assert end.value.code == 0, f"{block}: {command}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", MARKED, ids=lambda page: page.stem)
def test_the_marked_blocks_of_a_page_run_in_a_shell(page, tmp_path):
    """As a user types them, each command in a process of its own; also those that take long."""
    tools, folder = tmp_path / "tools", tmp_path / "user"
    tools.mkdir()
    folder.mkdir()
    write_photos(folder)
    command = tools / "deepcrop"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m deepcrop "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    for block in MARKED[page]:
        if block.file:
            (folder / block.file).write_text(block.text)
            continue
        program = [sys.executable, "-c"] if block.language == "python" else ["bash", "-euc"]
        ended = subprocess.run(
            [*program, block.text], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert ended.returncode == 0, f"{block}\n{ended.stderr}"

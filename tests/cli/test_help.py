"""What ``--help`` shows: every option says what it does, in its group."""

from __future__ import annotations

import typer.main

from deepcrop.cli import app

ROOT = typer.main.get_command(app.app)


def commands(command, path="deepcrop"):
    """Yield every command below one, with the words that lead to it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
    for name, each in (below or {}).items():
        yield from commands(each, f"{path} {name}")


def test_all_commands_are_looked_at():
    assert {"deepcrop run", "deepcrop weights fetch"} < {path for path, _ in commands(ROOT)}


def test_every_option_and_argument_has_a_help_text():
    silent = [
        f"{path} {parameter.name}"
        for path, command in commands(ROOT)
        for parameter in command.params
        if not getattr(parameter, "help", None)
    ]
    assert silent == []


def test_the_options_of_a_job_are_grouped():
    groups = {
        parameter.name: parameter.rich_help_panel
        for path, command in commands(ROOT)
        if path == "deepcrop run"
        for parameter in command.params
    }
    loose = {name for name, panel in groups.items() if panel is None}
    assert loose == {"job_file", "set_", "print_config", "debug"}
    assert {*groups.values()} == {None, "Input", "Output", "Method", "Scaling", "Update"}

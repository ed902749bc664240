"""The commands of ``deepcrop`` together: arguments in, one clear line where a command fails."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
import typer.exceptions

from ..errors import DeepcropError, JobIncomplete, SourceError, Unavailable, WriteError
from .compare import compare
from .correct import correct
from .crop.command import crop
from .exits import EXIT_INTERRUPTED, EXIT_REQUEST
from .export import export
from .methods import methods
from .plan import plan
from .report import report
from .retry import retry
from .review import review
from .run import run
from .status import status
from .submit import submit
from .verify import verify
from .weights import weights_app

app = typer.Typer(
    name="deepcrop",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    crop,
    run,
    status,
    report,
    review,
    compare,
    correct,
    retry,
    verify,
    export,
    plan,
    submit,
    methods,
):
    app.command()(command)
app.add_typer(weights_app, name="weights")


def _show_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"deepcrop {__version__}")
        raise typer.Exit()


@app.callback()
def deepcrop(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Crop and retarget whole image libraries with deep networks."""


def exit_status(arguments: list[str]) -> int:
    """Run the command with these arguments; return its exit status."""
    try:
        return app(arguments, standalone_mode=False) or 0
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _print_error("interrupted; the same command resumes", EXIT_INTERRUPTED)
    except typer.exceptions.TyperException as error:
        message = error.format_message()
        return _print_error(message, EXIT_REQUEST) if message else EXIT_REQUEST
    except Exception as error:
        if "--debug" in arguments:
            raise
        if isinstance(error, DeepcropError):
            text = f"{error}; {error.remedy}" if error.remedy else str(error)
            return _print_error(text, EXIT_INTERRUPTED if _may_pass(error) else EXIT_REQUEST)
        text = f"{type(error).__name__}: {error} (a bug, it seems: --debug shows where)"
        return _print_error(text, EXIT_INTERRUPTED)


def _may_pass(error: DeepcropError) -> bool:
    """Return whether the same command may succeed later without a person's doing."""
    if isinstance(error, WriteError) and error.denied:
        return False
    if isinstance(error, SourceError):
        return error.retryable
    return isinstance(error, JobIncomplete | Unavailable)


def _print_error(text: str, status: int) -> int:
    print("deepcrop: " + " ".join(text.split()), file=sys.stderr)
    return status

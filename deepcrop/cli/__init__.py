"""The command ``deepcrop``: arguments in, the library called, one clear line where it fails."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
import typer.exceptions

from ..errors import DeepcropError, Interrupted
from . import catalogue, clusters, corrections, exports, jobs, outputs
from .crop import command as photos
from .exits import EXIT_INTERRUPTED, EXIT_REQUEST

app = typer.Typer(
    name="deepcrop",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    jobs.run,
    photos.crop,
    catalogue.methods,
    outputs.status,
    outputs.verify,
    outputs.report,
    corrections.correct,
    exports.export,
    jobs.retry,
    clusters.plan,
    clusters.submit,
):
    app.command()(command)
app.add_typer(catalogue.weights_app, name="weights")


def _show_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"deepcrop {__version__}")
        raise typer.Exit()


@app.callback()
def deepcrop(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Say which it is."),
    ] = False,
) -> None:
    """Crop and retarget whole image libraries with deep networks."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; end with the exit status of the contract."""
    # Else Python looks for garbage in all that was imported before it ends: 0.2 s after torch.
    atexit.register(gc.freeze)
    sys.exit(_status(sys.argv[1:] if arguments is None else list(arguments)))


def _status(arguments: list[str]) -> int:
    try:
        return app(arguments, standalone_mode=False) or 0
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _complain("interrupted; the same command resumes", EXIT_INTERRUPTED)
    except typer.exceptions.TyperException as error:
        message = error.format_message()
        return _complain(message, EXIT_REQUEST) if message else EXIT_REQUEST
    except Exception as error:
        if "--debug" in arguments:
            raise
        if isinstance(error, Interrupted):
            return _complain(str(error), EXIT_INTERRUPTED)
        if isinstance(error, DeepcropError):
            return _complain(str(error), EXIT_REQUEST)
        text = f"{type(error).__name__}: {error} (a bug, it seems: --debug shows where)"
        return _complain(text, EXIT_INTERRUPTED)


def _complain(text: str, status: int) -> int:
    print("deepcrop: " + " ".join(text.split()), file=sys.stderr)
    return status

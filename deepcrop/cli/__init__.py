"""The command ``deepcrop``: one module a command, put together in :mod:`.app`."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from collections.abc import Sequence
from types import FrameType


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its status."""
    # The commands are imported here, so that the process that holds a method for `deepcrop crop`
    # imports its own module of this package without them.
    from .app import exit_status

    # Else Python looks for garbage in all that was imported before it ends: 0.2 s after torch.
    atexit.register(gc.freeze)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(exit_status(sys.argv[1:] if arguments is None else list(arguments)))


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Let a supervisor's SIGTERM end a command as Ctrl-C does: in order, and with a message."""
    raise KeyboardInterrupt

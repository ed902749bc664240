"""A child process that works on one item at a time, and whose death the parent survives.

A native decoder that crashes, or that never ends, takes its process with it. So the process that
holds the method is a child, which reports each stage as it begins. The parent ends the child where
a stage takes too long, reports an error for the item, and starts another child for the next item.

Parent and child exchange pickles through the child's standard input and output. Other output of the
child goes to the standard error.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO

from ..errors import JobIncomplete, TimedOut, WorkerDied
from .stopwatch import Stopwatch
from .watchdog import EXIT_TIMED_OUT

TICK_S = 0.1
"""Seconds between two checks of the time limit."""


@dataclass(frozen=True)
class Stage:
    """A stage that a child begins."""

    name: str
    seconds: float | None = None
    """The time limit of the stage; None where it has none."""
    late: TimedOut | None = None
    """The error where it takes longer."""


@dataclass(frozen=True)
class Answer:
    """The result of an item, or its error."""

    value: object = None
    error: Exception | None = None


Say = Callable[[Stage], None]
"""Tells the parent which stage begins."""
Work = Callable[[Any], object]
"""Works on an item; returns its result."""
Make = Callable[..., Work]
"""Makes a :data:`Work`, from a :data:`Say` and the arguments of :meth:`Child.prepare`."""


class Child:
    """The parent's side of a child process.

    ```python
    with Child("package.module:make") as child:  # begins to import it
        child.prepare(job)                       # the child calls make(say, job)
        child.ask(item)                          # and then the result with each item
    ```
    """

    def __init__(self, target: str) -> None:
        """Start a process that imports ``module:name``, a :data:`Make`."""
        self.target = target
        self.arguments: tuple[object, ...] = ()
        self._start()

    def __enter__(self) -> Child:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._end()

    def prepare(self, *arguments: object) -> None:
        """Set the arguments of the :data:`Make`, picklable ones; later children get them too."""
        self.arguments = arguments
        self._send(arguments)

    def ask(self, item: object) -> Any:
        """Have the child work on an item, which can be pickled; return the result.

        Raises:
            SourceError: the work failed, took too long, or ended the process.
            RequestError: the :data:`Make` failed.
            JobIncomplete: the process died before it took an item.
        """
        if self.process.poll() is not None:
            self._start()
            self._send(self.arguments)
        self._send(item)
        stage: Stage | None = None
        stopwatch = Stopwatch(self.process.pid)
        while True:
            try:
                message = self.messages.get(timeout=TICK_S)
            except Empty:
                if stage is not None and _is_late(stage, stopwatch):
                    self._end()
                    raise _died(stage, EXIT_TIMED_OUT) from None
                continue
            match message:
                case Stage():
                    stage, stopwatch = message, Stopwatch(self.process.pid)
                case Answer():
                    if message.error is not None:
                        raise message.error
                    return message.value
                case _:
                    raise _died(stage, self._end())

    def _start(self) -> None:
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from {__name__} import serve; serve({self.target!r})"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.messages: SimpleQueue[object] = SimpleQueue()
        reader = threading.Thread(
            target=_receive, args=(self.process.stdout, self.messages), daemon=True
        )
        reader.start()

    def _send(self, message: object) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which the end of its messages tells
            pickle.dump(message, self.process.stdin)
            self.process.stdin.flush()

    def _end(self) -> int:
        """End the process, if it lives; return its exit status."""
        try:
            status = self.process.wait(0 if self.messages.empty() else TICK_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        return status


def _is_late(stage: Stage, stopwatch: Stopwatch) -> bool:
    limit = stage.seconds
    return limit is not None and stopwatch.clock() > limit and stopwatch.seconds() > limit


def _died(stage: Stage | None, status: int) -> Exception:
    """Return the error of an item whose process ended."""
    how = f"status {status}" if status >= 0 else signal.Signals(-status).name
    if status == -signal.SIGKILL:
        how += ": memory may be short"
    if stage is None:
        return JobIncomplete(f"the process that holds the method died as it began ({how})")
    if status == EXIT_TIMED_OUT and stage.late is not None:
        return stage.late
    return WorkerDied(f"its process died at the stage {stage.name} ({how})")


def _receive(pipe: BinaryIO, messages: SimpleQueue[object]) -> None:
    """Pass on the child's messages; None at their end."""
    try:
        while True:
            messages.put(pickle.load(pipe))
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):
        messages.put(None)


def serve(target: str) -> None:
    """Run the child: import ``module:name``, call it, and answer items until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    sys.stdout.flush()
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def reply(message: Stage | Answer) -> None:
        pickle.dump(message, replies)
        replies.flush()

    module, _, name = target.partition(":")
    make: Make = getattr(import_module(module), name)
    worker, problem = None, None
    try:
        worker = make(reply, *pickle.load(sys.stdin.buffer))
    except EOFError:
        os._exit(0)
    except Exception as error:
        problem = error
    while True:
        try:
            item = pickle.load(sys.stdin.buffer)
        except EOFError:
            # Skips what libraries do, and print, at exit; the parent has all results.
            sys.stderr.flush()
            os._exit(0)
        try:
            if worker is None:
                raise problem or RuntimeError
            reply(Answer(worker(item)))
        except Exception as error:
            reply(Answer(error=error))

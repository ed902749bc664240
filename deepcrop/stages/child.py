"""A process that works on one item at a time, and may die of it: the parent goes on.

A native decoder that crashes, or that never ends, takes its process with it. So the process that
holds the method is a child, which says what it is doing as it does it; the parent ends it where a
stage takes too long, says what became of the item, and starts another child for the next one.

The two speak in pickles through the child's standard input and output. What else is printed there
goes to the standard error instead.
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

from ..errors import Interrupted, TimedOut, WorkerDied
from .stopwatch import Stopwatch
from .watchdog import EXIT_TIMED_OUT

TICK = 0.1
"""Seconds between two looks at the time."""


@dataclass(frozen=True)
class Stage:
    """What a child begins to do."""

    name: str
    seconds: float | None = None
    """Its limit; None where it has none."""
    late: TimedOut | None = None
    """What to say where it takes longer."""


@dataclass(frozen=True)
class Answer:
    """What came of an item."""

    value: Any = None
    error: Exception | None = None


Say = Callable[[Stage], None]
"""Tells the parent which stage begins."""
Make = Callable[..., Callable[[Any], Any]]
"""Makes what works on an item: it gets a :data:`Say`, then what :meth:`Child.prepare` was given."""


class Child:
    """The parent's end.

    ```python
    with Child("package.module:make") as child:  # begins to import it
        child.prepare(job)                       # make(say, job) is called there
        child.ask(item)                          # what it makes is called with each item
    ```
    """

    def __init__(self, target: str) -> None:
        """Start a process that imports ``module:name``, a :data:`Make`."""
        self.target = target
        self.arguments: tuple[Any, ...] = ()
        self._start()

    def __enter__(self) -> Child:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._end()

    def prepare(self, *arguments: Any) -> None:
        """Say what to make the worker of. It is picklable, for the next process to have it too."""
        self.arguments = arguments
        self._send(arguments)

    def ask(self, item: Any) -> Any:
        """Have an item worked on; return what comes of it.

        Raises:
            SourceError: the work failed, took too long, or ended its process.
            RequestError: the worker could not be made.
            Interrupted: its process died before it took an item.
        """
        if self.process.poll() is not None:
            self._start()
            self._send(self.arguments)
        self._send(item)
        stage: Stage | None = None
        stopwatch = Stopwatch(self.process.pid)
        while True:
            try:
                message = self.messages.get(timeout=TICK)
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
        self.messages: SimpleQueue[Any] = SimpleQueue()
        reader = threading.Thread(
            target=_receive, args=(self.process.stdout, self.messages), daemon=True
        )
        reader.start()

    def _send(self, message: Any) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: so do its messages, which say so
            pickle.dump(message, self.process.stdin)
            self.process.stdin.flush()

    def _end(self) -> int:
        """End the process, if it lives; return its exit status."""
        try:
            status = self.process.wait(0 if self.messages.empty() else TICK)
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
    """Return what to say of a process that ended."""
    how = f"status {status}" if status >= 0 else signal.Signals(-status).name
    if status == -signal.SIGKILL:
        how += ": memory may be short"
    if stage is None:
        return Interrupted(f"the process that holds the method died as it began ({how})")
    if status == EXIT_TIMED_OUT and stage.late is not None:
        return stage.late
    return WorkerDied(f"its process died at the stage {stage.name} ({how})")


def _receive(pipe: BinaryIO, messages: SimpleQueue[Any]) -> None:
    """Pass on what the child says; None at its end."""
    try:
        while True:
            messages.put(pickle.load(pipe))
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):
        messages.put(None)


def serve(target: str) -> None:
    """Be the child: import ``module:name``, make the worker, and answer until the input ends."""
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
            # Without what libraries do, and print, at their end; the parent has all that matters.
            sys.stderr.flush()
            os._exit(0)
        try:
            if worker is None:
                raise problem or RuntimeError
            reply(Answer(worker(item)))
        except Exception as error:
            reply(Answer(error=error))

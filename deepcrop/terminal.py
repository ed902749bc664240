"""Progress of a running job: a bar on a terminal, lines at intervals elsewhere."""

from __future__ import annotations

import sys
import threading
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.progress import Task as BarTask
from rich.text import Text

LINE_INTERVAL_S = 10.0
"""Seconds between two lines, where there is no terminal."""


class RateColumn(TextColumn):
    """Images per second since this run began."""

    def __init__(self) -> None:
        """Start without a fixed text."""
        super().__init__("")

    def render(self, task: BarTask) -> Text:
        """Show the rate."""
        done = task.completed - task.fields.get("before", 0)
        seconds = task.elapsed or 0
        rate = done / seconds if seconds else 0.0
        return Text(f"{rate:5.1f}/s", style="progress.data.speed")


class JobProgress:
    """A bar with rate, remaining time and failures on a terminal, else lines at intervals."""

    def __init__(self, noun: str = "images", *, brief: bool = False) -> None:
        """Prepare; nothing is shown yet.

        Args:
            noun: what is counted.
            brief: print nothing for a job that ends within seconds or has one image only.
        """
        self.console = Console(stderr=True)
        self.noun, self.brief = noun, brief
        self.bar: Bar | None = None
        self.task = TaskID(0)
        self.total = self.done = self.failed = self.before = 0
        self.began = time.monotonic()
        self.over = threading.Event()

    def start(self, total: int, done: int, failed: int) -> None:
        """Show the bar, or the first line."""
        self.total, self.done, self.failed, self.before = total, done, failed, done
        self.began = time.monotonic()
        self.over.set()  # ends the thread of a count before this one
        self.over = threading.Event()
        if done:
            text = f"resuming: {done:,} of {total:,} {self.noun} are done"
            self.console.print(text, style="dim")
        if self.brief and total < 2:
            return
        if not self.console.is_terminal:
            if not self.brief:
                self._print_line()
            printer = threading.Thread(
                target=self._print_lines, args=(self.over,), name="progress", daemon=True
            )
            printer.start()
            return
        self.bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failures]}"),
            console=self.console,
            # Output that was sent to a file must not appear on the terminal.
            redirect_stdout=sys.stdout.isatty(),
        )
        self.task = self.bar.add_task(
            self.noun, total=total, completed=done, before=done, failures=self._failures()
        )
        self.bar.start()

    def advance(self, done: int, failed: int) -> None:
        """Count images that were completed: ``failed`` of the ``done`` ones failed."""
        self.done += done
        self.failed += failed
        if self.bar is not None:
            self.bar.update(self.task, advance=done, failures=self._failures())

    def note(self, text: str) -> None:
        """Show what the job is doing now; an empty text shows the noun again."""
        if self.bar is not None:
            self.bar.update(self.task, description=text or self.noun)
        elif text:
            print(text, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Remove the bar, or print no more lines."""
        self.over.set()
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def _failures(self) -> str:
        return f"[red]{self.failed:,} failed" if self.failed else ""

    def _print_lines(self, over: threading.Event) -> None:
        while not over.wait(LINE_INTERVAL_S) and self.done < self.total:
            self._print_line()

    def _print_line(self) -> None:
        seconds = time.monotonic() - self.began
        rate = (self.done - self.before) / seconds if seconds > 1 else 0.0
        pace = f"{rate:.1f}/s" if rate >= 0.1 or not rate else f"{duration(1 / rate)} each"
        left = f", {duration((self.total - self.done) / rate)} left" if rate else ""
        print(
            f"{self.done:,} of {self.total:,} {self.noun}, {pace}, {self.failed:,} failed{left}",
            file=sys.stderr,
            flush=True,
        )


def duration(seconds: float) -> str:
    """Format seconds with two digits and a unit: ``42 s``, ``3.5 min``, ``12 h``."""
    for size, unit in ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "days")):
        # The next unit begins where it has at least two digits.
        if seconds < 100 * size or unit == "days":
            break
    value = seconds / size
    return f"{value:.2g} {unit}" if value < 10 else f"{value:,.0f} {unit}"

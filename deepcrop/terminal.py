"""What a person at a terminal sees of a running job; one line a minute where there is none."""

from __future__ import annotations

import sys
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

LINE_SECONDS = 60.0


class RateColumn(TextColumn):
    """Images per second since this run began."""

    def __init__(self) -> None:
        """Show nothing fixed."""
        super().__init__("")

    def render(self, task: BarTask) -> Text:
        """Show the rate."""
        done = task.completed - task.fields.get("before", 0)
        seconds = task.elapsed or 0
        rate = done / seconds if seconds else 0.0
        return Text(f"{rate:5.1f}/s", style="progress.data.speed")


class JobProgress:
    """A bar with rate, remaining time and failures on a terminal, else a line now and then."""

    def __init__(self) -> None:
        """Prepare; nothing is shown yet."""
        self.console = Console(stderr=True)
        self.bar: Bar | None = None
        self.task = TaskID(0)
        self.total = self.done = self.failed = self.before = 0
        self.began = self.said = time.monotonic()

    def start(self, total: int, done: int, failed: int) -> None:
        """Show the bar, or the first line."""
        self.total, self.done, self.failed, self.before = total, done, failed, done
        self.began = self.said = time.monotonic()
        if done:
            self.console.print(f"resuming: {done:,} of {total:,} images are done", style="dim")
        if not self.console.is_terminal:
            self._say()
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
        )
        self.task = self.bar.add_task(
            "images", total=total, completed=done, before=done, failures=self._failures()
        )
        self.bar.start()

    def advance(self, done: int, failed: int) -> None:
        """Count further images."""
        self.done += done
        self.failed += failed
        if self.bar is not None:
            self.bar.update(self.task, advance=done, failures=self._failures())
        elif time.monotonic() - self.said > LINE_SECONDS:
            self._say()

    def note(self, text: str) -> None:
        """Show what happens now."""
        if self.bar is not None:
            self.bar.update(self.task, description=text or "images")
        elif text:
            print(text, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def _failures(self) -> str:
        return f"[red]{self.failed:,} failed" if self.failed else ""

    def _say(self) -> None:
        self.said = time.monotonic()
        seconds = self.said - self.began
        rate = (self.done - self.before) / seconds if seconds > 1 else 0.0
        left = f", {(self.total - self.done) / rate / 60:.0f} min left" if rate else ""
        print(
            f"{self.done:,} of {self.total:,} images, {rate:.1f}/s, {self.failed:,} failed{left}",
            file=sys.stderr,
            flush=True,
        )

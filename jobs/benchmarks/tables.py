"""Tables of the benchmarks, as they are printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table


def show(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Print lines as they arrive, and a table of all lines at the end."""
    table = Table(*headings, box=None)
    for line in lines:
        print(*line, flush=True)
        table.add_row(*line)
    Console(width=120).print(table)

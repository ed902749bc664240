"""What commands print for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under headed columns."""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


def show_result(result: Any) -> None:
    """Print how a job ended, and where its results are."""
    console = Console(highlight=False)
    rate = (result.sources - result.resumed) / result.seconds if result.seconds else 0.0
    console.print(
        f"{'stopped' if result.stopped else 'done'}: {result.sources:,} images, "
        f"{result.ok:,} ok, {result.failed:,} failed, {result.skipped:,} skipped, "
        f"{result.variants:,} variants, {result.seconds:.1f} s ({rate:.1f}/s)"
    )
    if result.resumed:
        console.print(f"resumed: {result.resumed:,} images were done before")
    if result.ignored:
        console.print(f"ignored: {result.ignored:,} files that are no images by their name")
    for name, count in sorted(result.errors.items(), key=lambda item: -item[1]):
        console.print(f"  failed  {count:>8,}  {name}")
    console.print(f"variants  {result.output}/variants", soft_wrap=True)
    console.print(f"manifest  {result.output}/manifest", soft_wrap=True)

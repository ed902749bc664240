"""Compare deepcrop's readers with other projects': ``python -m jobs.readers FOLDER...``.

Each folder is one project's files. Every file is read in a child process by deepcrop and by the
readers that are installed of pyvips, OpenCV, Pillow, pillow-heif, pillow-jxl-plugin, psd-tools,
tifffile, rawpy and Chromium; the project's own decoded picture beside it counts too. Files that
deepcrop reads as no other reader does, and those that it alone refuses, are named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deepcrop.sources.keys import EXTENSIONS
from jobs.reading.watcher import Outcome, outcomes

LARGEST = 30
"""Megapixels of the largest file that is decoded by default."""


def main(
    folders: Annotated[list[Path], typer.Argument(help="Folders, each of one project's files.")],
    limit: Annotated[float, typer.Option(help="Seconds that one reader may take.")] = 30.0,
    largest: Annotated[int, typer.Option(help="Megapixels of the largest file.")] = LARGEST,
    only: Annotated[str, typer.Option(help="Extensions, such as heic,psd.")] = "",
    every: Annotated[bool, typer.Option("--every", help="Print a line for each file.")] = False,
) -> None:
    """Print a table by project, and the files to look at; exit with 1 if a reader ended badly."""
    wanted = set(only.lower().split(",")) if only else EXTENSIONS
    found: dict[str, list[Outcome]] = {}
    for folder in folders:
        paths = sorted(p for p in folder.rglob("*") if p.suffix[1:].lower() in wanted)
        seen = found.setdefault(folder.name, [])
        for outcome in outcomes(paths, limit, largest * 10**6):
            seen.append(outcome)
            if every or outcome.kind not in ("same", "refused by all"):
                print(_line(outcome, folder), flush=True)
            elif outcome.kind == "refused by all":
                print(f"{outcome.kind}: {outcome.path.relative_to(folder)}: {outcome.error}")
    _show(found)
    if any(each.kind in ("crash", "hang") for seen in found.values() for each in seen):
        raise typer.Exit(1)


def _line(outcome: Outcome, folder: Path) -> str:
    said = [f"{outcome.kind}: {folder.name}/{outcome.path.relative_to(folder)}"]
    for answer in outcome.answers:
        what = answer.error or str(answer.difference or answer.note)
        said.append(f"    {answer.reader}: {what}")
    return "\n".join(said)


def _show(found: dict[str, list[Outcome]]) -> None:
    table = Table(
        "project", "files", "read", "same", "differ", "unchecked", "refused", "by all too", box=None
    )
    for name, seen in found.items():
        table.add_row(name, *_counts(seen))
    if len(found) > 1:
        table.add_row("all", *_counts([each for seen in found.values() for each in seen]))
    Console(width=140).print(table)


def _counts(seen: Sequence[Outcome]) -> list[str]:
    kinds = Counter(each.kind for each in seen)
    read = kinds["same"] + kinds["differs"] + kinds["unchecked"]
    numbers = [len(seen), read, kinds["same"], kinds["differs"], kinds["unchecked"]]
    return [*map(str, numbers), _by_class(seen, "refused"), _by_class(seen, "refused by all")]


def _by_class(seen: Sequence[Outcome], kind: str) -> str:
    names = Counter(each.error.partition(":")[0] for each in seen if each.kind == kind)
    return ", ".join(f"{count} {name}" for name, count in sorted(names.items())) or "0"


if __name__ == "__main__":
    typer.run(main)

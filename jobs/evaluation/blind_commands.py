"""Commands of ``python -m jobs.evaluate`` for people who judge crops.

```text
python -m jobs.evaluate blind sheets --output before/ --output after/
python -m jobs.evaluate blind-score sheets/key.json judgements.csv
python -m jobs.evaluate acceptance
python -m jobs.evaluate before-after changes --method saliency:weights=old.safetensors --method mars
```
"""

from __future__ import annotations

from pathlib import Path

import torch
import typer
from rich.console import Console

from deepcrop.errors import RequestError
from deepcrop.methods.saliency import SaliencyCrop

from .acceptance import (
    JUDGEMENTS,
    acceptance_tables,
    chances_by,
    cross_validated,
    fit,
    read_judged,
    what_is_sliced,
)
from .blind_items import (
    Item,
    Source,
    items,
    manifest_source,
    method_source,
    mixed_photos,
    read_key,
    write_key,
)
from .blind_score import preferences, rates, rates_table, read_judgements
from .blind_sheets import draw_blind, draw_change, write_sheets
from .croppers import OurMethod
from .measures import FOLDER

TARGET = typer.Argument(help="Folder for the sheets.")
TWO = typer.Option([], "--method", help="NAME:option=value,...; twice.")
OUTPUTS = typer.Option(
    [], "--output", help="Folder that a job wrote to, in place of --method; twice."
)
COUNT = typer.Option(100, "--photos", min=1, help="Number of photos, each at three ratios.")
SEED = typer.Option(0, "--seed", help="Of the choice of photos, of sides and order.")


def compared(
    methods: list[str], outputs: list[Path], shared: Path, count: int, seed: int
) -> tuple[tuple[str, str], list[Item]]:
    """Return the names of two sources of crops, and their pairs.

    Raises:
        RequestError: there are not two methods or two outputs.
    """
    torch.set_num_threads(1)
    if len(methods) == 2 and not outputs:
        sources: list[Source] = [method_source(OurMethod(text)) for text in methods]
        photos = mixed_photos(shared, count, seed)
        names = (methods[0], methods[1])
    elif len(outputs) == 2 and not methods:
        (one, seen), (other, also) = (manifest_source(output) for output in outputs)
        sources = [one, other]
        photos = sorted(set(seen) & set(also))[:count]
        names = (str(outputs[0]), str(outputs[1]))
    else:
        raise RequestError("expected --method twice, or --output twice")
    return names, list(items(photos, sources[0], sources[1], seed))


def blind(
    target: Path = TARGET,
    shared: Path = FOLDER,
    method: list[str] = TWO,
    output: list[Path] = OUTPUTS,
    photos: int = COUNT,
    seed: int = SEED,
) -> None:
    """Write sheets of pairs of crops in random order and on random sides, and the key to them.

    Judge them without the key: for each number and side fit, usable or bad, as CSV.
    """
    names, found = compared(method, output, shared, photos, seed)
    paths = write_sheets([draw_blind(item) for item in found], target, "pairs")
    write_key(target / "key.json", names, found)
    judgements = target / "judgements.csv"
    if not judgements.exists():
        judgements.write_text("number,left,right\n")
    print(f"{len(found)} pairs on {len(paths)} sheets in {target}; don't open key.json")


def blind_score(
    key: Path = typer.Argument(help="key.json of the sheets."),
    judgements: Path = typer.Argument(help="CSV: number,left,right; fit, usable or bad."),
    worst: list[int] = typer.Option([10, 30], help="Count the bad among so many worst by score."),
) -> None:
    """Print the rates of blind judgements, and whether the lowest scores find the bad crops."""
    names, found = read_key(key)
    verdicts = read_judgements(judgements, found)
    console = Console(width=120)
    both = [rates(found, verdicts, source, worst) for source in (0, 1)]
    console.print(rates_table(names, both))
    first, alike, second = preferences(verdicts)
    console.print(f"{names[0]} better: {first}, alike: {alike}, {names[1]} better: {second}")


def acceptance(
    judgements: Path = typer.Argument(JUDGEMENTS, help="CSV of judged crops."),
    shared: Path = FOLDER,
    method: str = typer.Option("saliency", help="saliency or saliency:option=value,..."),
    tested: Path | None = typer.Option(
        None, help="CSV of other judged crops; else ten parts of the photos are tested in turn."
    ),
) -> None:
    """Fit the score of saliency to judgements, and print how well it foretells others."""
    torch.set_num_threads(1)
    console = Console(width=110)
    loaded = OurMethod(method).method("")
    if not isinstance(loaded, SaliencyCrop):
        raise RequestError(f"method {method!r}: expected saliency")
    judged = read_judged(judgements)
    sliced = what_is_sliced(judged, loaded, shared)
    fitted = fit(sliced, [crop.bad for crop in judged])
    console.print(", ".join(f"{k} {v:.2f}" for k, v in fitted._asdict().items()))
    if tested is None:
        chances = cross_validated(judged, sliced)
    else:
        judged = read_judged(tested)
        chances = chances_by(fitted, what_is_sliced(judged, loaded, shared))
    for table in acceptance_tables(judged, chances):
        console.print(table)


def before_after(
    target: Path = TARGET,
    shared: Path = FOLDER,
    method: list[str] = TWO,
    output: list[Path] = OUTPUTS,
    photos: int = COUNT,
    seed: int = SEED,
) -> None:
    """Write sheets of two sources' crops side by side, with names and the boxes on the photo."""
    names, found = compared(method, output, shared, photos, seed)
    ordered = sorted(found, key=lambda item: (item.photo, item.ratio))
    paths = write_sheets([draw_change(item, names) for item in ordered], target, "changes")
    print(f"{len(found)} pairs on {len(paths)} sheets in {target}")


COMMANDS = (blind, blind_score, acceptance, before_after)


def register(app: typer.Typer) -> None:
    """Add all commands of this module to an app."""
    for command in COMMANDS:
        app.command()(command)

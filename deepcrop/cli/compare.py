"""The command ``deepcrop compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RequestError
from .options import AsJson, Debug, Endpoint
from .output import print_table
from .serving import Host, Port, Reviewer, login, needs_review, serve

if TYPE_CHECKING:
    from ..manifest.mark_log import MarkLog
    from ..review.judgements import WinRate
    from ..review.pairs import Comparison


def compare(
    first: Annotated[str, typer.Argument(metavar="OUTPUT_A", help="Output of a job.")],
    second: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT_B",
            help="Output of another job on the same photos, or center: the centre crops.",
        ),
    ],
    pairs: Annotated[int, typer.Option(min=1, help="Number of pairs.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the draw of pairs, of sides and order.")] = 0,
    kinds: Annotated[
        bool,
        typer.Option(help="Tell win rates by what photos show too: the saliency network looks."),
    ] = True,
    sheets: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write the pairs as numbered sheets; serve no page."),
    ] = None,
    judgements: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Take in what was judged by the sheets: CSV, number and better."
        ),
    ] = None,
    results: Annotated[
        bool, typer.Option("--results", help="Print the win rates; serve no page.")
    ] = False,
    name: Reviewer = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    s3_endpoint: Endpoint = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare two outputs blind: pairs of crops without names, left and right at random.

    The pairs are drawn where the outputs differ, as evenly over the ratios as possible, the same
    for the same --pairs and --seed. Open the address that is printed; keys choose the better crop.
    The judgements are kept in OUTPUT_A/comparisons, and several people may add theirs. Win rates
    have 95% intervals; alike counts half.

    **Examples**

    `deepcrop compare out center`

    `deepcrop compare out/new out/old --pairs 60 --sheets sheets`

    `deepcrop compare out/new out/old --pairs 60 --results`
    """
    needs_review()
    from ..review.compare import opened
    from ..review.judgements import read_sheet
    from ..review.pair_pictures import PairPictures

    comparison, log, storage = opened(first, second, pairs, seed, s3_endpoint, kinds)
    if not comparison.pairs:
        _show_none(comparison, as_json)
        return
    pictures = PairPictures(storage)
    if judgements is not None:
        try:
            text = judgements.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"--judgements {judgements}: cannot be read ({error})") from None
        entries = read_sheet(text, comparison, name or login())
        log.append(entries)
        typer.echo(f"{_counted(len(entries), 'judgement')} taken in")
    if sheets is not None:
        _write_sheets(comparison, pictures, sheets)
    if results or (judgements is not None and sheets is None):
        show_results(comparison, log, as_json)
    if not (results or sheets or judgements):
        from ..review.compare_app import CompareApp, compare_app

        app = CompareApp(comparison, log, pictures, name or login())
        told = [f"pairs     {len(comparison.pairs)}", f"log       {log.folder}"]
        serve(lambda token, hosts: compare_app(app, token, hosts), host, port, "", told)
        show_results(comparison, log, as_json)


def _write_sheets(comparison: Comparison, pictures: object, folder: Path) -> None:
    from ..review.pair_pictures import PairPictures, sheets

    assert isinstance(pictures, PairPictures)
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, sheet in enumerate(sheets(comparison.pairs, pictures), 1):
        sheet.save(folder / f"pairs-{count:03d}.png")
    empty = "".join(f"{number},\n" for number in range(1, len(comparison.pairs) + 1))
    target = folder / "judgements.csv"
    if not target.exists():
        target.write_text(f"number,better\n{empty}")
    typer.echo(
        f"{_counted(len(comparison.pairs), 'pair')} on {_counted(count, 'sheet')} in {folder}; "
        f"write left, right or alike into {target}, then: --judgements {target}"
    )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + "s" * (count != 1)


def _left_out(comparison: Comparison) -> str:
    count = comparison.left_out
    return f"; left out as whole photos: {count:,}" if count else ""


def _show_none(comparison: Comparison, as_json: bool) -> None:
    """Say that there is nothing to judge, because all crops are the same."""
    if as_json:
        typer.echo(json.dumps(_record(comparison) | {"rates": {}}, indent=2))
        return
    one, other = comparison.names
    compared = sum(comparison.compared.values())
    typer.echo(
        f"nothing to judge: {_counted(compared, 'crop')} of {one} and {other} are the same"
        f"{_left_out(comparison)}"
    )


def _record(comparison: Comparison) -> dict[str, object]:
    return {
        "names": comparison.names,
        "compared": comparison.compared,
        "differing": comparison.differing,
        "left_out": comparison.left_out,
    }


def show_results(comparison: Comparison, log: MarkLog, as_json: bool) -> None:
    """Print the win rates of a comparison."""
    from ..review.judgements import win_rates

    log.refresh()
    rates = win_rates(comparison, log)
    if as_json:
        told = {name: each.record() for name, each in rates.items()}
        typer.echo(json.dumps(_record(comparison) | {"rates": told}, indent=2))
        return
    one, other = comparison.names
    typer.echo(f"first: {one}; second: {other}")
    compared, differing = sum(comparison.compared.values()), sum(comparison.differing.values())
    typer.echo(f"crops that differ: {differing:,} of {compared:,}{_left_out(comparison)}")
    if not rates:
        typer.echo("nothing is judged yet")
        return
    columns = ("pairs", "judged", "first better", "alike", "second better", "first wins (95%)")
    print_table(columns, [_row(name, each) for name, each in rates.items()])


def _row(name: str, rate: WinRate) -> list[object]:
    low, high = rate.interval
    share = f"{rate.rate:.0%} ({low:.0%} to {high:.0%})"
    return [name, rate.judged, rate.first, rate.alike, rate.second, share]

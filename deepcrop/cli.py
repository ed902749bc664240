"""The command ``deepcrop``: arguments in, the library called, one clear line where it fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.exceptions
import yaml
from rich.console import Console
from rich.table import Table

from .errors import DeepcropError, Interrupted, RequestError, SourceError

EXIT_FAILURES = 1
EXIT_REQUEST = 2
EXIT_INTERRUPTED = 3

app = typer.Typer(
    name="deepcrop",
    help="Crop and retarget whole image libraries with deep networks.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Aspects = Annotated[
    list[str] | None,
    typer.Option("--aspect", "-a", metavar="W:H", help="An aspect ratio; give it several times."),
]
Sizes = Annotated[
    list[str] | None,
    typer.Option("--size", metavar="WxH", help="An exact size in pixels; several times."),
]
MethodName = Annotated[
    str | None, typer.Option("--method", "-m", metavar="NAME", help="One of `deepcrop methods`.")
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="KEY=VALUE", help="An option of the method."),
]
Weights = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="Weights other than the method's own.")
]
Output = Annotated[str | None, typer.Option("--output", metavar="URI", help="Where results go.")]
Quality = Annotated[int | None, typer.Option(min=1, max=100, help="On the format's own scale.")]
Format = Annotated[str | None, typer.Option(metavar="jpeg|webp|avif|png|same")]
MaxSize = Annotated[int | None, typer.Option(min=1, help="Longest edge of variants, in pixels.")]
KeepMetadata = Annotated[bool | None, typer.Option("--keep-metadata", help="Keep EXIF and XMP.")]
Upscale = Annotated[
    str | None, typer.Option(metavar="never|allow", help="Where a size is larger than the crop.")
]


@app.command()
def run(
    job_file: Annotated[
        Path | None, typer.Argument(metavar="[JOB.YAML]", help="A job written as a file.")
    ] = None,
    input: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="A folder, s3://bucket/prefix, a glob, a .txt/.csv/.parquet list."
        ),
    ] = None,
    output: Output = None,
    method: MethodName = None,
    aspect: Aspects = None,
    size: Sizes = None,
    option: Options = None,
    weights: Weights = None,
    caption: Annotated[str | None, typer.Option(help="For sources that have none.")] = None,
    format: Format = None,
    quality: Quality = None,
    max_size: MaxSize = None,
    upscale: Upscale = None,
    keep_metadata: KeepMetadata = None,
    strip_icc: Annotated[
        bool, typer.Option("--strip-icc", help="Drop colour profiles, convert nothing.")
    ] = False,
    srgb: Annotated[bool, typer.Option("--srgb", help="Convert to sRGB (default).")] = False,
    keep_icc: Annotated[
        bool, typer.Option("--keep-icc", help="Keep each source's colour profile.")
    ] = False,
    keys: Annotated[
        str | None, typer.Option(metavar="mirror|hash", help="How variants are named.")
    ] = None,
    dedupe: Annotated[
        bool | None, typer.Option("--dedupe", help="Work on identical bytes once.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N sources.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only N sources, evenly.")] = None,
    max_failed: Annotated[
        str | None, typer.Option(metavar="10%", help="Stop when more sources than this fail.")
    ] = None,
    s3_endpoint: Annotated[str | None, typer.Option(metavar="URL")] = None,
    no_sign_request: Annotated[bool | None, typer.Option("--no-sign-request")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    actors: Annotated[int | None, typer.Option(min=1, help="Processes with the network.")] = None,
    gpus: Annotated[float | None, typer.Option(min=0, help="GPU share of each actor.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a field of the file."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove the output's job and start afresh.")
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the job as YAML; run nothing.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Make every variant of every image; run again to resume.

    **Examples**

    `deepcrop run --input photos --output out --method saliency -a 1:1 -a 16:9`

    `deepcrop run --input s3://media/in --output s3://media/out -m saliency -a 4:5 --max-size 1080`

    `deepcrop run job.yaml --set quality=80`
    """
    from .pipeline.job import Job, read_yaml

    colours = {"strip": strip_icc, "srgb": srgb, "keep": keep_icc}
    chosen = [name for name, given in colours.items() if given]
    if len(chosen) > 1:
        raise RequestError("--strip-icc, --srgb and --keep-icc exclude each other; give one")
    flags = {
        "input": input,
        "output": output,
        "method": method,
        "aspects": aspect or None,
        "sizes": size or None,
        "options": _assignments(option, "--option") or None,
        "weights": weights,
        "caption": caption,
        "format": format,
        "quality": quality,
        "max_size": max_size,
        "upscale": upscale,
        "keep_metadata": keep_metadata,
        "colour": chosen[0] if chosen else None,
        "keys": keys,
        "dedupe": dedupe,
        "limit": limit,
        "sample": sample,
        "max_failed": max_failed,
        "s3_endpoint": s3_endpoint,
        "no_sign_request": no_sign_request,
        "batch_size": batch_size,
        "actors": actors,
        "gpus": gpus,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    values = read_yaml(job_file) if job_file else {}
    job = Job.parse(values | given | _assignments(set_, "--set"))
    if print_config:
        typer.echo(job.to_yaml(), nl=False)
        return
    from .terminal import JobProgress

    progress = JobProgress()
    try:
        result = job.run(overwrite=overwrite, progress=progress)
    finally:
        progress.stop()
    _show_result(result)
    if result.stopped or result.exceeds(job.max_failed):
        raise typer.Exit(EXIT_FAILURES)


@app.command()
def crop(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...")],
    method: MethodName = "saliency",
    aspect: Aspects = None,
    size: Sizes = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Where the variants go.")
    ] = None,
    option: Options = None,
    weights: Weights = None,
    device: Annotated[str | None, typer.Option(metavar="cpu|cuda")] = None,
    caption: Annotated[str | None, typer.Option(help="What the crop should show.")] = None,
    format: Format = "same",
    quality: Quality = None,
    max_size: MaxSize = None,
    upscale: Upscale = "never",
    keep_metadata: KeepMetadata = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the boxes as JSON lines; write no image.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Crop or retarget photos, one at a time, without a cluster.

    **Examples**

    `deepcrop crop photo.jpg -a 1:1 -a 16:9 --output crops`

    `deepcrop crop *.jpg -a 4:5 --json`
    """
    from .pipeline.job import Job
    from .pipeline.single import Single, distinct_stems

    if not as_json and output is None:
        raise RequestError("--output: missing; give a folder for the variants, or --json for boxes")
    values = {
        "input": "-",
        "output": str(output or "-"),
        "method": method,
        "aspects": aspect or [],
        "sizes": size or [],
        "options": _assignments(option, "--option"),
        "weights": weights,
        "caption": caption,
        "format": format,
        "quality": quality,
        "max_size": max_size,
        "upscale": upscale,
        "keep_metadata": keep_metadata,
    }
    single = Single(Job.parse(values), device)
    failed = 0
    for photo, key in zip(photos, distinct_stems(photos), strict=True):
        try:
            if as_json:
                typer.echo(json.dumps(single.answer(photo)))
            else:
                for path in single.write(photo, key):
                    typer.echo(path)
        except SourceError as error:
            failed += 1
            typer.echo(f"deepcrop: {photo}: {type(error).__name__}: {error}", err=True)
    if failed:
        raise typer.Exit(EXIT_FAILURES)


@app.command()
def methods(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the methods: what each does, and the weights that it needs."""
    from .methods import base

    found = [base.find(name) for name in sorted(base.registry())]
    rows = [
        {"name": each.name, "kind": each.kind, "weights": each.weights, "summary": each.summary}
        for each in found
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    _print_table(
        ("method", "kind", "weights", "what it does"), [list(row.values()) for row in rows]
    )


weights_app = typer.Typer(help="List, fetch and verify networks' weights.", no_args_is_help=True)
app.add_typer(weights_app, name="weights")


@weights_app.command("list")
def list_weights(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List named weights, their licences, and whether they are here."""
    from . import weights as store

    rows = [
        {
            "name": each.name,
            "here": each.path.exists(),
            "sha256": each.sha256,
            "licence": each.licence,
            "summary": each.summary,
            "path": str(each.path),
        }
        for each in store.catalogue().values()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    shown = [
        [row["name"], "yes" if row["here"] else "no", row["summary"], row["licence"]]
        for row in rows
    ]
    _print_table(("weights", "here", "what they are", "licence"), shown)


@weights_app.command("fetch")
def fetch_weights(names: Annotated[list[str], typer.Argument(metavar="NAME...")]) -> None:
    """Download named weights and check them."""
    from . import weights as store

    for name in names:
        typer.echo(store.fetch(store.find(name)))


@weights_app.command("verify")
def verify_weights(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]")] = None,
) -> None:
    """Hash named weights, or all that are here, and compare them with the catalogue."""
    from . import weights as store

    here = [each.name for each in store.catalogue().values() if each.path.exists()]
    for name in names or here:
        typer.echo(f"{store.verify(store.find(name))}  {name}")


@app.command()
def status(
    output: Annotated[str, typer.Argument(metavar="OUTPUT")],
    s3_endpoint: Annotated[str | None, typer.Option(metavar="URL")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show a job's progress and failures, from its manifest alone."""
    from .pipeline.status import read_status

    summary = read_status(output, s3_endpoint)
    if as_json:
        typer.echo(json.dumps(summary.record(), indent=2))
        return
    console = Console()
    console.print(summary.headline(), highlight=False)
    if summary.errors:
        rows = [[*key, f"{count:,}", example] for key, (count, example) in summary.errors.items()]
        _print_table(("stage", "class", "images", "an example"), rows)


@app.command()
def verify(
    output: Annotated[str, typer.Argument(metavar="OUTPUT")],
    s3_endpoint: Annotated[str | None, typer.Option(metavar="URL")] = None,
) -> None:
    """Read every row and every variant, and check that they are what the manifest says."""
    from .pipeline.audit import audit

    found = audit(output, s3_endpoint)
    rows = [
        [name, f"{len(uris):,}", uris[0] if uris else ""] for name, uris in found.problems().items()
    ]
    _print_table(("problem", "count", "an example"), rows)
    typer.echo(f"{found.sources:,} sources, {found.rows:,} rows, {found.variants:,} variants")
    if not found.clean:
        raise typer.Exit(EXIT_FAILURES)


@app.command()
def retry(
    output: Annotated[str, typer.Argument(metavar="OUTPUT")],
    errors: Annotated[
        list[str] | None,
        typer.Option("--errors", metavar="CLASS", help="Only these classes; several times."),
    ] = None,
    s3_endpoint: Annotated[str | None, typer.Option(metavar="URL")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Run again only what failed; what succeeds now replaces the failed rows.

    **Example**

    `deepcrop retry s3://media/out --errors Unreachable`
    """
    from .pipeline.retry import retry as run_again
    from .terminal import JobProgress

    progress = JobProgress()
    try:
        result, share = run_again(output, errors or [], s3_endpoint, progress)
    finally:
        progress.stop()
    _show_result(result)
    if result.exceeds(share):
        raise typer.Exit(EXIT_FAILURES)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; end with the exit status of the contract."""
    sys.exit(_status(sys.argv[1:] if arguments is None else list(arguments)))


def _status(arguments: list[str]) -> int:
    try:
        return app(arguments, standalone_mode=False) or 0
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _complain("interrupted; the same command resumes", EXIT_INTERRUPTED)
    except typer.exceptions.TyperException as error:
        message = error.format_message()
        return _complain(message, EXIT_REQUEST) if message else EXIT_REQUEST
    except Exception as error:
        if "--debug" in arguments:
            raise
        if isinstance(error, Interrupted):
            return _complain(str(error), EXIT_INTERRUPTED)
        if isinstance(error, DeepcropError):
            return _complain(str(error), EXIT_REQUEST)
        text = f"{type(error).__name__}: {error} (a bug, it seems: --debug shows where)"
        return _complain(text, EXIT_INTERRUPTED)


def _complain(text: str, status: int) -> int:
    print("deepcrop: " + " ".join(text.split()), file=sys.stderr)
    return status


def _assignments(items: Sequence[str] | None, flag: str) -> dict[str, Any]:
    """Read KEY=VALUE, values as YAML: 3 is a number, [a, b] a list."""
    values: dict[str, Any] = {}
    for item in items or ():
        key, equals, text = item.partition("=")
        if not equals or not key:
            raise RequestError(f"{flag} {item!r}: expected KEY=VALUE")
        try:
            values[key] = yaml.safe_load(text)
        except yaml.YAMLError:
            values[key] = text
    return values


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


def _show_result(result: Any) -> None:
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

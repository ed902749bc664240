"""The command ``deepcrop run``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RequestError
from .exits import EXIT_FAILURES
from .options import (
    INPUT,
    METHOD,
    OUTPUT,
    SCALING,
    UPDATE,
    Aspects,
    Changes,
    Debug,
    Endpoint,
    Exclude,
    ExifColour,
    Format,
    HdrOption,
    Include,
    KeepMetadata,
    Licence,
    Machine,
    MaxPixels,
    MaxPrune,
    MaxSize,
    MethodName,
    Nodes,
    Options,
    Output,
    Overwrite,
    Presets,
    Prune,
    Quality,
    Sizes,
    Store,
    TimeLimit,
    Upscale,
    Wait,
    Weights,
    assignments,
    job_fields,
    share,
)
from .output import show_dry_run, show_old_page, show_summary

if TYPE_CHECKING:
    from ..job import Job
    from ..manifest.summary import RunSummary


def run(
    context: typer.Context,
    job_file: Annotated[
        Path | None, typer.Argument(metavar="[JOB.YAML]", help="File that describes the job.")
    ] = None,
    input: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            rich_help_panel=INPUT,
            help="A folder, s3://bucket/prefix or glob; a .txt, .csv, .tsv or .parquet list of "
            "URIs; a .tar.",
        ),
    ] = None,
    include: Include = None,
    exclude: Exclude = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, rich_help_panel=INPUT, help="Take the first N sources by URI."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1, rich_help_panel=INPUT, help="Take N sources, drawn evenly; the same each time."
        ),
    ] = None,
    dedupe: Annotated[
        bool | None,
        typer.Option(
            "--dedupe",
            rich_help_panel=INPUT,
            help="Process files of identical bytes once; the rows of the others refer to it.",
        ),
    ] = None,
    check_listed: Annotated[
        bool | None,
        typer.Option(
            "--check-listed/--no-check-listed",
            rich_help_panel=INPUT,
            help="Ask the store whether sources of a list file that are done were edited. On.",
        ),
    ] = None,
    corrections: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=INPUT,
            help="Corrections to apply, exported from the page: .csv or .parquet.",
        ),
    ] = None,
    max_pixels: MaxPixels = None,
    exif_colour: ExifColour = None,
    s3_endpoint: Endpoint = None,
    store: Store = None,
    no_sign_request: Annotated[
        bool | None,
        typer.Option(
            "--no-sign-request", rich_help_panel=INPUT, help="Read public buckets, unsigned."
        ),
    ] = None,
    output: Output = None,
    aspects: Aspects = None,
    sizes: Sizes = None,
    outputs: Presets = None,
    format: Format = None,
    quality: Quality = None,
    max_size: MaxSize = None,
    upscale: Upscale = None,
    keep_metadata: KeepMetadata = None,
    srgb: Annotated[
        bool,
        typer.Option("--srgb", rich_help_panel=OUTPUT, help="Convert colours to sRGB (default)."),
    ] = False,
    keep_icc: Annotated[
        bool,
        typer.Option(
            "--keep-icc", rich_help_panel=OUTPUT, help="Keep each source's colour profile."
        ),
    ] = False,
    strip_icc: Annotated[
        bool,
        typer.Option(
            "--strip-icc",
            rich_help_panel=OUTPUT,
            help="Drop colour profiles and convert nothing.",
        ),
    ] = False,
    hdr: HdrOption = None,
    keys: Annotated[
        str | None,
        typer.Option(
            metavar="mirror|hash",
            rich_help_panel=OUTPUT,
            help="Name variants after the sources' paths (default), or after a hash of the URI.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    report: Annotated[
        bool,
        typer.Option(
            "--report",
            rich_help_panel=OUTPUT,
            help="Write the page when the job is done: see `deepcrop report`. Without it, a page "
            "that is there stays as it was.",
        ),
    ] = False,
    method: MethodName = None,
    options: Options = None,
    weights: Weights = None,
    licence: Licence = None,
    caption: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=METHOD,
            help="What the crop should show (cagic), for sources without a caption of their own; "
            "'metadata' for that in each file; or module:function.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            rich_help_panel=SCALING,
            help="Sources that an actor is given at once; on a GPU one call of the network.",
        ),
    ] = None,
    actors: Annotated[
        int | None,
        typer.Option(
            min=1,
            rich_help_panel=SCALING,
            help="Processes that hold the network; by default one a CPU, or one a GPU share.",
        ),
    ] = None,
    max_actors: Annotated[
        int | None,
        typer.Option(
            min=1, rich_help_panel=SCALING, help="Processes at most, where nodes join later."
        ),
    ] = None,
    gpus: Annotated[
        float | None,
        typer.Option(min=0, rich_help_panel=SCALING, help="Share of a GPU for each process."),
    ] = None,
    time_limit: TimeLimit = None,
    max_failed: Annotated[
        str | None,
        typer.Option(
            metavar="10%",
            rich_help_panel=SCALING,
            help="Stop early where more sources fail; where fewer fail, exit with 0.",
        ),
    ] = None,
    prune: Prune = False,
    max_prune: MaxPrune = "10%",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            rich_help_panel=UPDATE,
            help="Print what would be done, why, and what it would take; change nothing.",
        ),
    ] = False,
    machine: Machine = None,
    nodes: Nodes = 1,
    wait: Wait = 0.0,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            rich_help_panel=UPDATE,
            help="Print the summary, or what --dry-run finds, as JSON.",
        ),
    ] = False,
    set_: Changes = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the job as YAML and run nothing.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Make every variant of every image; run the same command again to bring it up to date.

    Give --input, --output and at least one --aspect, --size or --preset, or a job file. A further
    run works on what is new, changed or asked for otherwise, and on nothing else; an interrupted
    one goes on. Sources that are gone from the input, and variants that are asked for no more, stay
    until --prune removes them.

    Exit status: 0 all sources are done, 1 a source failed (with --max-failed: more than that), 2
    the request is wrong, 3 the job could not go on, as when the disk is full; the same command
    resumes.

    **Examples**

    `deepcrop run --input photos --output out -a 1:1 -a 16:9`

    `deepcrop run --input s3://media/in --output s3://media/out -m mars -a 4:5 --max-size 1080`

    `deepcrop run job.yaml --set quality=80`

    `deepcrop run job.yaml --corrections corrections.csv --report`

    `deepcrop run job.yaml --dry-run`

    `deepcrop run job.yaml --prune --wait 3600 --json`
    """
    from ..job import Job, read_yaml

    colours = {"srgb": srgb, "keep": keep_icc, "strip": strip_icc}
    chosen = [name for name, given in colours.items() if given]
    if len(chosen) > 1:
        raise RequestError("--srgb, --keep-icc and --strip-icc exclude each other; give one")
    given = job_fields(context.params) | ({"colour": chosen[0]} if chosen else {})
    fields = read_yaml(job_file) if job_file else {}
    job = Job.parse(fields | given | assignments(set_, "--set"))
    if print_config:
        typer.echo(job.to_yaml(), nl=False)
        return
    if dry_run:
        from ..planning.dry_run import dry_run as find_changes

        found = find_changes(job, corrections, machine=machine, nodes=nodes)
        if as_json:
            typer.echo(json.dumps(found.record(), indent=2, default=str))
        else:
            show_dry_run(found)
        return
    import deepcrop

    from ..terminal import JobProgress

    progress = JobProgress()
    try:
        summary = deepcrop.run(
            job,
            overwrite=overwrite,
            progress=progress,
            corrections=corrections,
            prune=prune,
            max_prune=share(max_prune, "--max-prune"),
            wait=wait,
        )
    finally:
        progress.stop()
    page = _write_page(job, report, summary)
    if as_json:
        end = {"output": summary.output, "snapshot": summary.snapshot, "page": page}
        typer.echo(json.dumps(summary.record() | end, indent=2, default=str))
    else:
        show_summary(summary, job.max_failed)
        if page is not None:
            typer.echo(f"page      {page}")
        else:
            show_old_page(job.output, job.s3_endpoint)
    if summary.stopped or summary.exceeds(job.max_failed):
        raise typer.Exit(EXIT_FAILURES)


def _write_page(job: Job, wanted: bool, summary: RunSummary) -> str | None:
    """Write the page where it is wanted, or where it shows sources that were removed."""
    if not (wanted or summary.pruned.sources):
        return None
    from ..report.page import build, is_built

    if not (wanted or is_built(job.output, job.s3_endpoint)):
        return None
    return build(job.output, endpoint=job.s3_endpoint)

"""Options that several commands share, in the groups that ``--help`` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from ..errors import RequestError

INPUT, OUTPUT, METHOD, SCALING = "Input", "Output", "Method", "Scaling"
UPDATE = "Update"
"""Headings of the groups of options."""


def _methods(incomplete: str) -> list[str]:
    """Complete a method's name for the shell."""
    from ..methods import registry

    return [name for name in sorted(registry.entries()) if name.startswith(incomplete)]


# Input
Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include",
        metavar="GLOB",
        rich_help_panel=INPUT,
        help="Only files below the input that match: `2024/**`, or `*.png` at any depth; repeat "
        "it for more. Case counts. A glob that names an ignored file brings it back: `**/._*`.",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        rich_help_panel=INPUT,
        help="Leave out files that match, included ones too; repeat it for more.",
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        min=1,
        rich_help_panel=INPUT,
        help="Refuse sources of more pixels than this, as decompression bombs.",
    ),
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        "--s3-endpoint",
        metavar="URL",
        rich_help_panel=INPUT,
        help="S3 server of the input and the output; by default AWS_ENDPOINT_URL, or AWS itself.",
    ),
]
ExifColour = Annotated[
    str | None,
    typer.Option(
        "--exif-colour",
        metavar="use|ignore",
        rich_help_panel=INPUT,
        help="Convert photos that EXIF alone calls Adobe RGB (default), or ignore that tag as "
        "browsers do.",
    ),
]

# Output
Aspects = Annotated[
    list[str] | None,
    typer.Option(
        "--aspect",
        "-a",
        metavar="W:H",
        rich_help_panel=OUTPUT,
        help="Aspect ratio of a variant, such as 16:9; repeat it for more.",
    ),
]
Sizes = Annotated[
    list[str] | None,
    typer.Option(
        "--size",
        metavar="WxH",
        rich_help_panel=OUTPUT,
        help="Exact pixel size of a variant, see --upscale; repeat it for more.",
    ),
]
Presets = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        metavar="NAME=SPEC",
        rich_help_panel=OUTPUT,
        help="A named ladder of widths and formats, such as 'card=4:5 widths=320,640 "
        "formats=avif,webp,jpeg max_bytes=60k'; repeat it for more. Presets given so replace all "
        "presets of a job file.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        metavar="URI",
        rich_help_panel=OUTPUT,
        help="Folder or s3://bucket/prefix for the results; not inside the input.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        metavar="jpeg|webp|avif|png|jxl|same",
        rich_help_panel=OUTPUT,
        help="File format of the variants; same: each source's own, where it can be written. By "
        "default jpeg for `run`, same for `crop`.",
    ),
]
Quality = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        rich_help_panel=OUTPUT,
        help="Encoder quality on the format's own scale; by default jpeg 88, webp 82, avif 65, "
        "jxl 85.",
    ),
]
MaxSize = Annotated[
    int | None,
    typer.Option(
        min=1, rich_help_panel=OUTPUT, help="Longest edge of the variants of --aspect, in pixels."
    ),
]
Upscale = Annotated[
    str | None,
    typer.Option(
        metavar="never|allow|skip|fail",
        rich_help_panel=OUTPUT,
        help="Where a --size is larger than the crop: never enlarge (write the crop at its own "
        "size, in WxHpx-smaller), allow it, skip that variant, or fail the source.",
    ),
]
KeepMetadata = Annotated[
    bool | None,
    typer.Option(
        "--keep-metadata",
        rich_help_panel=OUTPUT,
        help="Keep EXIF, XMP and IPTC, as far as they are true of the crop.",
    ),
]
Store = Annotated[
    list[str] | None,
    typer.Option(
        "--store",
        metavar="KEY=VALUE",
        rich_help_panel=OUTPUT,
        help="How results are written to an object store, such as encryption=aws:kms; repeat it "
        "for more. Keys: cache_control, storage_class, tags, encryption, kms_key, bucket_key, acl, "
        "checksum, requester_pays.",
    ),
]
HdrOption = Annotated[
    str | None,
    typer.Option(
        "--hdr",
        metavar="drop|keep",
        rich_help_panel=OUTPUT,
        help="Leave out the gain maps of HDR photos (default), or keep them in JPEG variants.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        rich_help_panel=OUTPUT,
        help="Remove the job that the output holds, and start afresh.",
    ),
]

# Update
Prune = Annotated[
    bool,
    typer.Option(
        "--prune",
        rich_help_panel=UPDATE,
        help="Remove the rows and variants of sources that the input has no more, and variants "
        "that the job asks for no more.",
    ),
]
MaxPrune = Annotated[
    str,
    typer.Option(
        "--max-prune",
        metavar="10%",
        rich_help_panel=UPDATE,
        help="Share of the sources that --prune may remove; with more, nothing is done.",
    ),
]
Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        min=0,
        rich_help_panel=UPDATE,
        help="Wait so long for another run on this output to end; by default not at all.",
    ),
]
Machine = Annotated[
    str | None,
    typer.Option(
        "--machine",
        metavar="NAME",
        rich_help_panel=UPDATE,
        help="With --dry-run: machine type of the price table; by default this machine.",
    ),
]
Nodes = Annotated[
    int,
    typer.Option(
        "--nodes", min=1, rich_help_panel=UPDATE, help="With --dry-run: number of such machines."
    ),
]

# Method
MethodName = Annotated[
    str | None,
    typer.Option(
        "--method",
        "-m",
        metavar="NAME",
        rich_help_panel=METHOD,
        help="Method that crops or retargets, one of `deepcrop methods`; by default saliency.",
        autocompletion=_methods,
        show_default=False,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="KEY=VALUE",
        rich_help_panel=METHOD,
        help="Option of the method; repeat it for more.",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        rich_help_panel=METHOD,
        help="Weights in place of the method's own, see `deepcrop weights list`.",
    ),
]

Licence = Annotated[
    str | None,
    typer.Option(
        "--licence",
        metavar="any|not-prohibited|commercial",
        rich_help_panel=METHOD,
        help="Refuse weights by their terms. commercial: only those whose licence and training "
        "data all allow commercial use. not-prohibited: also those of which it is unclear, but not "
        "those that learned from data with explicit non-commercial terms. any (default): none is "
        "refused. `deepcrop weights list` says which are which, and why.",
    ),
]

# Scaling
TimeLimit = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        rich_help_panel=SCALING,
        help="Longest time to decode or to render a source, and for the method to make a variant; "
        "by default 60, more for slow methods.",
    ),
]

Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a whole field of the job, not a part of one; repeat it for more.",
    ),
]
OutputArgument = Annotated[
    str, typer.Argument(metavar="OUTPUT", help="Output of a job: a folder or s3://bucket/prefix.")
]
JobFile = Annotated[Path, typer.Argument(metavar="JOB.YAML", help="File that describes the job.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")]


def assignments(items: Sequence[str] | None, flag: str) -> dict[str, Any]:
    """Read KEY=VALUE arguments, their values as YAML: 3 is a number, [a, b] a list.

    Raises:
        RequestError: one has no key or no equals sign.
    """
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


def presets(items: Sequence[str]) -> dict[str, str]:
    """Read presets NAME=SPEC; the specifications are read with the job.

    Raises:
        RequestError: one has no name or no equals sign, or a name is there twice.
    """
    values: dict[str, str] = {}
    for item in items:
        name, equals, text = item.partition("=")
        if not equals or not name:
            raise RequestError(
                f"--preset {item!r}: expected NAME=SPEC, such as card='4:5 widths=320'"
            )
        if name in values:
            raise RequestError(f"--preset {name}: given twice")
        values[name] = text
    return values


def share(text: str, flag: str) -> float:
    """Read a share such as ``10%`` or ``0.1``.

    Raises:
        RequestError: it is none.
    """
    from pydantic import TypeAdapter, ValidationError

    from ..job_fields import Share

    try:
        value: float = TypeAdapter(Share).validate_python(text)
    except ValidationError:
        raise RequestError(f"{flag} {text!r}: expected a share such as 10%") from None
    return value


def changes(items: Sequence[str] | None, licence: str | None) -> dict[str, Any]:
    """Return the changes to a job file of commands that take ``--licence`` and ``--set``.

    Raises:
        RequestError: an assignment has no key or no equals sign.
    """
    return ({"licence": licence} if licence else {}) | assignments(items, "--set")


def job_fields(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a job that a command was given, from the parameters of its context.

    Parameters are named after the fields; those that were not given are left out.

    Raises:
        RequestError: an option of the method is not KEY=VALUE.
    """
    from ..job import Job

    given = {
        name: value
        for name, value in parameters.items()
        if name in Job.model_fields and value is not None and value != [] and value != ()
    }
    if "options" in given:
        given["options"] = assignments(given["options"], "--option")
    if "outputs" in given:
        given["outputs"] = presets(given["outputs"])
    if "store" in given:
        given["store"] = assignments(given["store"], "--store")
    return given

"""The command ``deepcrop export``."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..errors import RequestError
from ..exports.base import ExportOptions, OptionName
from ..exports.registry import FormatName, find, formats_with
from .options import Debug, Endpoint, OutputArgument


class Orientation(StrEnum):
    """Which pixels thumbor's coordinates count."""

    shown = "shown"
    stored = "stored"


def export(
    output: OutputArgument,
    form: Annotated[FormatName, typer.Option("--as", help="What to write.")],
    to: Annotated[
        str, typer.Option(metavar="URI", help="The file, or for xmp and webdataset the folder.")
    ],
    base: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="What addresses begin with: the image server; for css, what stands before a path "
            "in the site's HTML; for picture, where the folder `variants` lies (without it, "
            "a page has relative addresses).",
        ),
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="SOURCE=PATH",
            help="Where a folder or bucket of sources lies on the server or site, such as "
            "s3://media/in=images/; several times.",
        ),
    ] = None,
    key_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Sign with the key in this environment variable."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Sign with the key in this file.")
    ] = None,
    salt_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="imgproxy's salt, likewise.")
    ] = None,
    salt_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="imgproxy's salt, likewise.")
    ] = None,
    orientation: Annotated[
        Orientation | None,
        typer.Option(
            help="thumbor's coordinates: among the pixels as shown (default), which needs "
            "RESPECT_ORIENTATION=True; or as stored, for a server without it.",
            show_default=False,
        ),
    ] = None,
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Hand a job's crops and focal points to other programs.

    **css** writes rules that keep the focal point of an image with `object-fit: cover` in view.
    With --base a rule holds for exactly one address, so give it; without it a rule holds for every
    address that ends in the source's path.

    `deepcrop export out --as css --to focal.css --base https://cdn.example/photos`

    **thumbor** and **imgproxy** write a table of addresses that cut on the fly, with the columns
    `source_uri,aspect,url,preset,width,density`: the last three say which preset, width and density
    of the job a row is for. Unless --map says otherwise, a file's path begins below the folder that
    all sources lie in: that is what the server's loader must have for its root. Keys are read from
    the environment or a file, never from the command line; imgproxy's key and salt are hexadecimal.
    thumbor leaves photos as their pixels are stored unless RESPECT_ORIENTATION is on, and then cuts
    the wrong part of those whose EXIF orientation isn't 1: turn it on, or give `--orientation
    stored`.

    `deepcrop export out --as thumbor --to urls.csv --base https://thumbor.example
    --map s3://media/in=images/ --key-env THUMBOR_KEY`

    `deepcrop export out --as imgproxy --to urls.csv --base https://imgproxy.example
    --key-env IMGPROXY_KEY --salt-env IMGPROXY_SALT`

    **picture** writes the HTML of each preset of the job: a `<picture>` with its formats and
    widths, a line of JSON each (`source_uri, preset, html`), or a page to look at where --to ends
    in .html. Without --base the addresses of a page are relative to where it lies, if page and
    output are on this machine; otherwise addresses are paths below the output.

    `deepcrop export out --as picture --to pictures.jsonl --base https://cdn.example`

    **xmp** writes a sidecar for each source, with its crops and focal point as IPTC image regions.

    `deepcrop export out --as xmp --to sidecars`

    **webdataset** writes tar shards of variants for training loops.

    `deepcrop export s3://media/out --as webdataset --to s3://media/shards`
    """
    from ..manifest.status import open_job
    from ..storage import canonical

    given: dict[str, tuple[OptionName, object]] = {
        "base": ("base", base),
        "map": ("map", map_),
        "key-env": ("key", key_env),
        "key-file": ("key", key_file),
        "salt-env": ("salt", salt_env),
        "salt-file": ("salt", salt_file),
        "orientation": ("orientation", orientation),
    }
    export_format = find(form)
    for name, (option, value) in given.items():
        if value and option not in export_format.options:
            raise RequestError(
                f"--{name}: not for {form}; it is for {', '.join(formats_with(option))}"
            )
    options = ExportOptions(
        base,
        tuple(map_ or ()),
        _secret("key", key_env, key_file),
        _secret("salt", salt_env, salt_file),
        orientation.value if orientation else None,
    )
    manifest, _ = open_job(output, s3_endpoint)
    manifest.load_parts()
    result = export_format.write(manifest, canonical(to), options)
    for note in result.notes:
        typer.echo(note)
    count = len(result.files)
    typer.echo(f"{count:,} file{'s' if count != 1 else ''} written: {to}")


def _secret(name: str, variable: str | None, file: Path | None) -> bytes | None:
    """Read a key or salt, whose value no message may repeat."""
    if variable and file:
        raise RequestError(f"--{name}-env and --{name}-file exclude each other; give one")
    if variable:
        value = os.environ.get(variable, "").encode()
        where = f"--{name}-env {variable}: empty, or no such environment variable"
    elif file:
        try:
            value = file.read_bytes().strip()
        except OSError as error:
            raise RequestError(f"--{name}-file {file}: cannot be read ({error.strerror})") from None
        where = f"--{name}-file {file}: empty"
    else:
        return None
    if not value:
        raise RequestError(f"{where}; expected the server's {name}")
    return value

"""The command that hands a job's results to other programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import RequestError
from .options import Debug, Endpoint

if TYPE_CHECKING:
    from ..manifest.store import Manifest
    from ..report.addresses import Places
    from ..report.servers import Server


class Form(StrEnum):
    """What other programs read."""

    css = "css"
    thumbor = "thumbor"
    imgproxy = "imgproxy"
    xmp = "xmp"
    webdataset = "webdataset"


class Orientation(StrEnum):
    """Which pixels thumbor's coordinates count."""

    shown = "shown"
    stored = "stored"


OF = {
    "base": (Form.css, Form.thumbor, Form.imgproxy),
    "map": (Form.css, Form.thumbor, Form.imgproxy),
    "key-env": (Form.thumbor, Form.imgproxy),
    "key-file": (Form.thumbor, Form.imgproxy),
    "salt-env": (Form.imgproxy,),
    "salt-file": (Form.imgproxy,),
    "orientation": (Form.thumbor,),
}
"""The forms that an option is for."""


def export(
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="A job's output.")],
    form: Annotated[Form, typer.Option("--as", help="What to write.")],
    to: Annotated[
        str, typer.Option(metavar="URI", help="The file, or for xmp and webdataset the folder.")
    ],
    base: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="What addresses begin with: the image server, or, for css, what stands before "
            "a path in the site's HTML.",
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

    **thumbor** and **imgproxy** write a table `source_uri,aspect,url` of addresses that cut on the
    fly. Unless --map says otherwise, a file's path begins below the folder that all sources lie in:
    that is what the server's loader must have for its root. Keys are read from the environment or
    a file, never from the command line; imgproxy's key and salt are hexadecimal. thumbor leaves
    photos as their pixels are stored unless RESPECT_ORIENTATION is on, and then cuts the wrong
    part of those whose EXIF orientation isn't 1: turn it on, or give `--orientation stored`.

    `deepcrop export out --as thumbor --to urls.csv --base https://thumbor.example
    --map s3://media/in=images/ --key-env THUMBOR_KEY`

    `deepcrop export out --as imgproxy --to urls.csv --base https://imgproxy.example
    --key-env IMGPROXY_KEY --salt-env IMGPROXY_SALT`

    **xmp** writes a sidecar for each source, with its crops and focal point as IPTC image regions.

    `deepcrop export out --as xmp --to sidecars`

    **webdataset** writes tar shards of variants for training loops.

    `deepcrop export s3://media/out --as webdataset --to s3://media/shards`
    """
    from ..manifest.status import open_job
    from ..storage import canonical

    given = {
        "base": base,
        "map": map_,
        "key-env": key_env,
        "key-file": key_file,
        "salt-env": salt_env,
        "salt-file": salt_file,
        "orientation": orientation,
    }
    for name, value in given.items():
        if value and form not in OF[name]:
            raise RequestError(f"--{name}: not for {form}; it is for {', '.join(OF[name])}")
    key, salt = _secret("key", key_env, key_file), _secret("salt", salt_env, salt_file)
    manifest, _ = open_job(output, s3_endpoint)
    manifest.find_parts()
    target = canonical(to)
    written = [target]
    if form is Form.webdataset:
        from ..report.shards import write_shards

        written = write_shards(_ok_rows(manifest), manifest.storage, target)
    elif form is Form.xmp:
        written = _write_sidecars(manifest, target)
    else:
        from ..report.addresses import Places, root_of

        uris = manifest.table(["source_uri"])["source_uri"].to_pylist()
        places = Places.of(map_ or [], root_of(uris))
        if form is Form.css:
            lines = _styles(manifest, places, base)
        else:
            from ..report.servers import urls

            server = _server(form, places, (base or "").rstrip("/"), key, salt, orientation)
            lines = urls(_rows(manifest), server)
            if form is Form.thumbor and not orientation:
                _warn_of_turned(manifest)
        text = "".join(lines)
        kind = "css" if form is Form.css else "csv"
        manifest.storage.write(target, text.encode(), f"text/{kind}; charset=utf-8")
        if form is not Form.css and not map_ and places.root.startswith("/"):
            typer.echo(f"paths begin below {places.root}: the root of the server's file loader")
    typer.echo(f"{len(written):,} file{'s' if len(written) != 1 else ''} written: {to}")


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


def _server(
    form: Form,
    places: Places,
    base: str,
    key: bytes | None,
    salt: bytes | None,
    orientation: Orientation | None,
) -> Server:
    from ..report.servers import Imgproxy, Thumbor

    if form is Form.thumbor:
        return Thumbor(places, base, key, "stored" if orientation == "stored" else "shown")
    if (key is None) != (salt is None):
        raise RequestError("imgproxy signs with a key and a salt; give both, or neither")
    return Imgproxy(places, base, _hexadecimal("key", key), _hexadecimal("salt", salt) or b"")


def _hexadecimal(name: str, value: bytes | None) -> bytes | None:
    try:
        return None if value is None else bytes.fromhex(value.decode())
    except ValueError:
        raise RequestError(
            f"imgproxy's {name}: expected hexadecimal digits, an even number"
        ) from None


def _warn_of_turned(manifest: Manifest) -> None:
    """Say how many sources a server cuts in the wrong place unless it is set up for them."""
    orientations = manifest.table(["orientation"])["orientation"].to_pylist()
    turned = sum(each not in (None, 1) for each in orientations)
    if turned:
        typer.echo(
            f"{turned:,} sources have an EXIF orientation other than 1: the server needs "
            "RESPECT_ORIENTATION=True, or give --orientation stored"
        )


def _styles(manifest: Manifest, places: Places, base: str | None) -> Iterator[str]:
    from ..report.styles import Pointed, css

    pointed = {
        uri: Pointed(uri, None) for uri in manifest.table(["source_uri"])["source_uri"].to_pylist()
    }
    for row in _rows(manifest):
        if row["focal_x"] is not None:
            focal = row["focal_x"], row["focal_y"]
            pointed[row["source_uri"]] = Pointed(row["source_uri"], focal)
    return css(pointed.values(), places, base)


def _write_sidecars(manifest: Manifest, target: str) -> list[str]:
    from ..report.sidecars import xmp
    from ..sources.keys import safe_key
    from ..storage import below, common_folder, join

    root = common_folder(manifest.table(["source_uri"])["source_uri"].to_pylist())
    written = []
    for row in _rows(manifest):
        written.append(join(target, safe_key(f"{below(row['source_uri'], root)}.xmp")))
        manifest.storage.write(written[-1], xmp(row).encode(), "application/rdf+xml")
    return written


def _ok_rows(manifest: Manifest) -> Iterator[dict[str, Any]]:
    for part in manifest.tables():
        yield from (row for row in part.to_pylist() if row["status"] == "ok")


def _rows(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    """Yield the sources that are done; duplicates with what is known of the first of them."""
    columns = ["source_uri", "source_id", "duplicate_of"]
    copies: dict[str, list[dict[str, Any]]] = {}
    for part in manifest.tables([*columns, "status"]):
        for row in part.to_pylist():
            if row["status"] == "skipped" and row["duplicate_of"]:
                copies.setdefault(row["duplicate_of"], []).append(row)
    for row in _ok_rows(manifest):
        yield row
        for copy in copies.get(row["source_uri"], ()):
            yield row | {name: copy[name] for name in columns}

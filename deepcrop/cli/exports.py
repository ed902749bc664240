"""The command that hands a job's results to other programs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from .options import Debug, Endpoint


class Form(StrEnum):
    """What other programs read."""

    css = "css"
    thumbor = "thumbor"
    imgproxy = "imgproxy"
    xmp = "xmp"
    webdataset = "webdataset"


def export(
    output: Annotated[str, typer.Argument(metavar="OUTPUT")],
    form: Annotated[Form, typer.Option("--as", help="What to write.")],
    to: Annotated[
        str, typer.Option(metavar="URI", help="The file, or for xmp and webdataset the folder.")
    ],
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Hand a job's crops and focal points to other programs.

    css: object-position rules. thumbor, imgproxy: a table of URLs that cut on the fly.
    xmp: a sidecar for each source, with IPTC image regions. webdataset: tar shards of variants.

    **Examples**

    `deepcrop export out --as css --to focal.css`

    `deepcrop export s3://media/out --as webdataset --to s3://media/shards`
    """
    from ..pipeline.key import safe_key
    from ..pipeline.status import open_job
    from ..report import exports
    from ..report.shards import write_shards
    from ..storage import below, canonical, common_folder, join

    manifest, _ = open_job(output, s3_endpoint)
    manifest.find_parts()
    storage = manifest.storage
    target = canonical(to)
    root = common_folder(manifest.table(["source_uri"])["source_uri"].to_pylist())

    def rows() -> Iterator[dict[str, Any]]:
        for part in manifest.tables():
            yield from (row for row in part.to_pylist() if row["status"] == "ok")

    if form is Form.webdataset:
        written = write_shards(rows(), storage, target)
    elif form is Form.xmp:
        written = []
        for row in rows():
            name = below(row["source_uri"], root)
            written.append(join(target, safe_key(f"{name}.xmp")))
            storage.write(written[-1], exports.xmp(row).encode(), "application/rdf+xml")
    else:
        lines = exports.css(rows(), root) if form is Form.css else exports.urls(rows(), form)
        storage.write(target, "".join(lines).encode(), "text/plain; charset=utf-8")
        written = [target]
    typer.echo(f"{len(written):,} file{'s' if len(written) != 1 else ''} written: {to}")

"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
import yaml

from ..errors import RequestError

Aspects = Annotated[
    list[str] | None,
    typer.Option("--aspect", "-a", metavar="W:H", help="An aspect ratio; give it several times."),
]
Sizes = Annotated[
    list[str] | None,
    typer.Option(
        "--size", metavar="WxH", help="An exact size in pixels, see --upscale; several times."
    ),
]


def _methods(incomplete: str) -> list[str]:
    """Complete a method's name for the shell."""
    from ..methods import registry

    return [name for name in sorted(registry.entries()) if name.startswith(incomplete)]


MethodName = Annotated[
    str | None,
    typer.Option(
        "--method",
        "-m",
        metavar="NAME",
        help="One of `deepcrop methods`.",
        autocompletion=_methods,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="KEY=VALUE", help="An option of the method."),
]
Weights = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="Weights other than the method's own.")
]
Output = Annotated[str | None, typer.Option("--output", metavar="URI", help="Where results go.")]
Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include",
        metavar="GLOB",
        help="Only files that match, below the input: `2024/**`, or `*.png` at any depth; "
        "several times. Case counts. Brings back what is ignored where it names it: `**/._*`.",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="GLOB", help="No files that match, also of those included."),
]
Quality = Annotated[int | None, typer.Option(min=1, max=100, help="On the format's own scale.")]
Format = Annotated[str | None, typer.Option(metavar="jpeg|webp|avif|png|same")]
MaxSize = Annotated[int | None, typer.Option(min=1, help="Longest edge of variants, in pixels.")]
KeepMetadata = Annotated[
    bool | None,
    typer.Option("--keep-metadata", help="Keep EXIF, XMP and IPTC that are true of the crop."),
]
ExifColour = Annotated[
    str | None,
    typer.Option(
        "--exif-colour",
        metavar="use|ignore",
        help="Convert Adobe RGB that EXIF alone tells (default), or ignore it as browsers do.",
    ),
]
Upscale = Annotated[
    str | None,
    typer.Option(
        metavar="never|allow|skip|fail",
        help="Where a --size is larger than the crop: never enlarge (the crop's own size, in "
        "WxHpx-smaller), allow it, skip that variant, or fail the source.",
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(min=1, help="More pixels in one source are refused, as a decompression bomb."),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="What decoding or rendering a source may take, and the method for each variant; "
        "60 by default, more for slow methods.",
    ),
]

Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a field of the file."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Remove the output's job and start afresh.")
]
Endpoint = Annotated[str | None, typer.Option("--s3-endpoint", metavar="URL")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


def assignments(items: Sequence[str] | None, flag: str) -> dict[str, Any]:
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

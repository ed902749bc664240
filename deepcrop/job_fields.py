"""The types of a job's fields: what users may write, and what it is read as."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from .errors import RequestError
from .geometry import AspectRatio, SafeArea, Size
from .storage import StorageOptions
from .storage.pattern import compile_glob

_FIELD = re.compile(r"^[a-z][a-z0-9_]*$")
_TAGS = {"int", "float", "str", "bool", "none"}
"""Names by which pydantic tells which type of a union it tried."""


def wrong_value(error: ValidationError) -> str:
    """Return what is wrong with the first wrong field, such as ``quality: 101: should be less``.

    Where a field takes values of several types, that type is told of which most was right. Places
    in lists are left out, since the value is shown; so are pydantic's names of types.
    """
    errors = error.errors()
    first = max(
        (each for each in errors if each["loc"][:1] == errors[0]["loc"][:1]),
        key=lambda each: len(each["loc"]),
    )
    names = [each for each in first["loc"] if isinstance(each, str) and _FIELD.match(each)]
    field = ".".join(each for each in names if each not in _TAGS)
    message = first["msg"].removeprefix("Input ")
    return f"{field}: {first['input']!r}: {message}" if field else message


def unknown_field(field: str, owner: str, known: Iterable[str]) -> str:
    """Return what is wrong with a field that there isn't, with a known one of a similar name.

    Args:
        field: as the user wrote it.
        owner: what it would be a field of, such as ``a job``.
        known: the fields that there are.
    """
    names = tuple(known)
    similar = get_close_matches(field.rpartition(".")[2], names, n=1, cutoff=0.7)
    hint = f" (do you mean {similar[0]}?)" if similar else ""
    return f"{field}: no such field{hint}; {owner} has: {', '.join(names)}"


def _canonical_aspect(text: str) -> str:
    return str(AspectRatio.parse(text))


def _canonical_size(text: str) -> str:
    return str(Size.parse(text))


def _endpoint(url: str | None) -> str | None:
    try:
        return StorageOptions(endpoint=url).endpoint
    except ValidationError as error:
        raise RequestError(f"s3_endpoint: {url!r}: {error.errors()[0]['msg']}") from None


def _glob(text: str) -> str:
    compile_glob(text)
    return text


def _percentage(value: object) -> object:
    """Read ``5%`` as 0.05."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(value.strip()[:-1]) / 100
        except ValueError:
            return value
    return value


def _quoted(value: object) -> object:
    """Refuse a ratio without quotes, which YAML reads as a number of base 60: 1:1 as 61."""
    if isinstance(value, int | float):
        raise RequestError(
            f"aspects: {value}: expected text; in YAML write ratios in quotes, such as '1:1'"
        )
    return value


def _safe_areas(value: object) -> object:
    """Read safe areas by ratio, the ratios in lowest terms.

    Raises:
        RequestError: a ratio or an area is none.
    """
    if not isinstance(value, dict):
        raise RequestError("safe: expected a mapping such as {'16:9': [0, 0, 1, 0.8]}")
    areas = {}
    for ratio, sides in value.items():
        if not isinstance(ratio, str):
            raise RequestError(
                f"safe: {ratio}: expected text; in YAML write ratios in quotes, such as '16:9'"
            )
        numbers = isinstance(sides, list | tuple) and all(
            isinstance(each, int | float) and not isinstance(each, bool) for each in sides
        )
        if not numbers or len(sides) != 4:
            raise RequestError(f"safe: {ratio}: {sides!r}: expected [x0, y0, x1, y1], 0 to 1")
        areas[_canonical_aspect(ratio)] = SafeArea(*map(float, sides)).sides
    return areas


def _as_list(value: object) -> object:
    """Read one ratio as a list of one."""
    _quoted(value)
    return [value] if isinstance(value, str) else value


Format = Literal["jpeg", "webp", "avif", "png", "jxl", "same"]
"""The format of the variants; ``same`` is that of the source."""
Aspect = Annotated[str, BeforeValidator(_quoted), AfterValidator(_canonical_aspect)]
"""An aspect ratio W:H, in lowest terms."""
Aspects = Annotated[tuple[Aspect, ...], BeforeValidator(_as_list)]
ExactSize = Annotated[str, AfterValidator(_canonical_size)]
"""A size WxH in pixels."""
SafeAreas = Annotated[dict[str, tuple[float, float, float, float]], BeforeValidator(_safe_areas)]
"""Safe areas ``(x0, y0, x1, y1)``, shares of the crop's sides, by ratio in lowest terms."""
Glob = Annotated[str, AfterValidator(_glob)]
"""A glob as :mod:`deepcrop.storage.pattern` compiles it."""
Share = Annotated[float, BeforeValidator(_percentage), Field(ge=0, le=1)]
"""A share from 0 to 1, or a percentage such as ``5%``."""
Endpoint = Annotated[str | None, AfterValidator(_endpoint)]
"""URL of an S3 server."""

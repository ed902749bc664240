"""Globs over keys: ``*`` and ``?`` within a name, ``[abc]``, and ``**`` for any depth."""

from __future__ import annotations

import re
from re import Pattern

from ..errors import RequestError

_MAGIC = re.compile(r"[*?\[]")


def has_magic(text: str) -> bool:
    """Return whether the text has a glob's characters."""
    return _MAGIC.search(text) is not None


def split(uri: str) -> tuple[str, str]:
    """Split a glob into the folder without magic, ending in a slash, and the pattern below it."""
    match = _MAGIC.search(uri)
    cut = uri.rfind("/", 0, match.start() if match else len(uri)) + 1
    return uri[:cut], uri[cut:]


def literal_start(segment: str) -> str:
    """Return the part of a segment before its first magic character."""
    match = _MAGIC.search(segment)
    return segment[: match.start()] if match else segment


def compile_path(pattern: str) -> re.Pattern[str]:
    """Compile the pattern of a path: ``**`` as a whole segment spans any number of folders.

    Raises:
        RequestError: a set of characters makes no sense, such as ``[z-a]``.
    """
    pieces = []
    segments = pattern.split("/")
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment == "**":
            pieces.append(".*" if last else "(?:.*/)?")
            continue
        name = "".join(_translate(segment))
        pieces.append(name if last else name + "/")
    try:
        return re.compile("".join(pieces) + r"\Z", re.DOTALL)
    except re.error as error:
        raise RequestError(f"pattern {pattern!r}: {error}") from None


def _translate(segment: str) -> list[str]:
    """Translate one segment, in which ``*`` and ``?`` stop at slashes."""
    pieces, at = [], 0
    while at < len(segment):
        char = segment[at]
        at += 1
        if char == "*":
            pieces.append("[^/]*")
        elif char == "?":
            pieces.append("[^/]")
        elif char == "[" and (end := segment.find("]", at + 1)) > 0:
            negated, inside = segment[at] == "!", segment[at:end].removeprefix("!")
            inside = re.sub(r"([\\\[^&~|])", r"\\\1", inside)
            pieces.append(f"(?!/)[{'^' * negated}{inside}]")
            at = end + 1
        else:
            pieces.append(re.escape(char))
    return pieces


def compile_glob(glob: str) -> Pattern[str]:
    """Compile a glob of a job's fields ``include`` and ``exclude``.

    Raises:
        RequestError: it can match nothing, or makes no sense.
    """
    segments = glob.strip("/").split("/")
    if "://" in glob or glob.startswith("~") or {"", ".", ".."} & {*segments}:
        raise RequestError(
            f"glob {glob!r}: expected a path below the input, such as **/*.png or 2024/**"
        )
    anywhere = "" if "/" in glob.rstrip("/") else "**/"
    return compile_path(anywhere + below_folder(glob.lstrip("/")))


def below_folder(glob: str) -> str:
    """Return a glob of all below a folder, where it ends in a slash."""
    return glob + "**" if glob.endswith("/") else glob

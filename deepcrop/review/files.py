"""The files of an output that the review server hands out: the page's own, and the variants."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import NotFound, SourceError
from ..storage import Storage, is_inside
from ..storage.uri import scheme
from .requests import WrongRequest

FOLDERS = ("report/data/", "report/thumbnails/", "report/maps/", "variants/")
"""Folders of the output whose files are served; nothing else of it is."""
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".jxl": "image/jxl",
}
"""Content types by suffix; files of other suffixes are not served."""
LONG = "private, max-age=86400, immutable"
"""Caching of what is named by its content's hash."""
_SEGMENT = re.compile(r"[^\x00-\x1f\x7f/\\]+")


@dataclass(frozen=True)
class ServedFile:
    """A file as it is answered."""

    data: bytes
    content_type: str
    caching: str


def served_uri(output: str, path: str) -> tuple[str, str]:
    """Return the URI of a file that may be served, and its content type.

    Args:
        output: URI of the output, without a slash at its end.
        path: of the request, below the output, decoded.

    Raises:
        WrongRequest: no such file is served.
    """
    segments = path.split("/")
    plain = all(_SEGMENT.fullmatch(each) and each not in (".", "..") for each in segments)
    suffix = "." + segments[-1].rpartition(".")[2].lower()
    # Scripts are the page's own only: what is a variant's is an image.
    is_script = suffix == ".js"
    if (
        not plain
        or not path.startswith(FOLDERS)
        or suffix not in TYPES
        or is_script != path.startswith("report/data/")
    ):
        raise WrongRequest(404, "no such file is served here")
    uri = f"{output}/{path}"
    if scheme(output) == "file" and not is_inside(uri, output):
        raise WrongRequest(404, "no such file is served here")
    return uri, TYPES[suffix]


def read_served(storage: Storage, output: str, path: str) -> ServedFile:
    """Read a file that may be served.

    Args:
        storage: the store of the output.
        output: URI of the output, without a slash at its end.
        path: of the request, below the output, decoded.

    Raises:
        WrongRequest: no such file is served, or it can't be read.
    """
    uri, content_type = served_uri(output, path)
    try:
        data = storage.read(uri)
    except NotFound:
        raise WrongRequest(404, "there is no such file") from None
    except SourceError as error:
        raise WrongRequest(502, f"the store did not answer: {type(error).__name__}") from None
    by_hash = path.startswith(("report/thumbnails/", "report/maps/"))
    return ServedFile(data, content_type, LONG if by_hash else "no-cache")

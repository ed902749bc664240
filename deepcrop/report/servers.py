"""Crops as addresses of image servers that cut on the fly: thumbor and imgproxy.

Such a server needs no variants: its address says what to cut out of the source. An address is
signed with the server's own key, or begins with a word that says it isn't.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import quote

from ..errors import RequestError
from ..geometry import Box, Size
from ..storage.uri import scheme
from .addresses import Places, quoted

Row = Mapping[str, Any]

EDGES = ("x0", "y0", "x1", "y1")
WORDS = ("left", "center", "right", "top", "middle", "bottom", "smart")
"""What thumbor takes for an option where a path begins with it."""

Turn = tuple[bool, bool, int]
TURNS: Mapping[int, Turn] = {
    1: (False, False, 0),
    2: (True, False, 0),
    3: (False, False, 180),
    4: (False, True, 0),
    5: (True, False, 90),
    6: (False, False, 270),
    7: (False, True, 90),
    8: (False, False, 90),
}
"""By EXIF orientation: whether to mirror the stored pixels across, down, and then by how many
degrees to turn them, counter-clockwise, so that they are as shown."""


class Server(Protocol):
    """Writes the address of a crop."""

    @property
    def places(self) -> Places:
        """Where the server finds sources."""
        ...

    def url(self, row: Row, variant: Row) -> str:
        """Return the address of a variant that has a crop box, from its source's row."""
        ...


def urls(rows: Iterable[Row], server: Server) -> Iterator[str]:
    """Yield the lines of a CSV table, ``source_uri, aspect, url``: a line each crop.

    Args:
        rows: of the images manifest.
        server: who writes the addresses.

    Raises:
        RequestError: no server can read a source as the manifest names it.
    """
    yield _line("source_uri", "aspect", "url")
    for row in rows:
        _check_readable(row["source_uri"], server.places)
        for variant in row["variants"]:
            if variant["x0"] is not None:
                yield _line(row["source_uri"], variant["aspect"], server.url(row, variant))


@dataclass(frozen=True)
class Thumbor:
    """Addresses of thumbor 7.

    https://thumbor.readthedocs.io/en/latest/usage.html
    """

    places: Places
    """Paths below what the server's loader takes for its root."""
    base: str = ""
    """Scheme and host of the server, without a slash at the end."""
    key: bytes | None = None
    """Its ``SECURITY_KEY``; without one, addresses are for a server that allows unsafe ones."""
    orientation: Literal["shown", "stored"] = "shown"
    """Coordinates as a photo is shown, for a server with ``RESPECT_ORIENTATION``; or as its pixels
    are stored, for one without, which then is told how to turn what it has cut."""

    def url(self, row: Row, variant: Row) -> str:
        """Return the address of a crop.

        Raises:
            RequestError: stored coordinates are wanted, and the manifest has no orientation.
        """
        path = self._path(row, variant)
        if self.key is None:
            return f"{self.base}/unsafe/{path}"
        digest = hmac.new(self.key, path.encode(), hashlib.sha1).digest()
        return f"{self.base}/{base64.urlsafe_b64encode(digest).decode()}/{path}"

    def _path(self, row: Row, variant: Row) -> str:
        box, size = Box(*(variant[edge] for edge in EDGES)), (variant["width"], variant["height"])
        filters = ""
        if self.orientation == "stored" and (orientation := _orientation(row)) != 1:
            across, down, degrees = TURNS[orientation]
            box = stored(box, Size(row["width"], row["height"]), orientation)
            width, height = size if degrees % 180 == 0 else size[::-1]
            size = (-width if across else width, -height if down else height)
            filters = f"filters:rotate({degrees})/" if degrees else ""
        crop = f"{box.x0}x{box.y0}:{box.x1}x{box.y1}"
        return f"{crop}/{size[0]}x{size[1]}/{filters}{self._image(row['source_uri'])}"

    def _image(self, uri: str) -> str:
        if scheme(uri) in ("http", "https") and not self.places.rules:
            return quote(uri, safe="")
        path = quoted(self.places.path(uri))
        first = path.partition("/")[0]
        if first in WORDS or first.startswith("filters"):
            return f"%{ord(path[0]):02X}{path[1:]}"
        return path


@dataclass(frozen=True)
class Imgproxy:
    """Addresses of imgproxy 3 and 4, which turn photos by their orientation unless told not to.

    https://docs.imgproxy.net/usage/processing and https://docs.imgproxy.net/usage/signing_url

    Keys with a question mark are for a server whose ``IMGPROXY_SOURCE_URL_QUERY_SEPARATOR`` is
    another; keys with a percent sign for release 3.27 or later.
    """

    places: Places
    """Paths below the server's ``IMGPROXY_LOCAL_FILESYSTEM_ROOT``, or addresses with a scheme."""
    base: str = ""
    """Scheme and host of the server, without a slash at the end."""
    key: bytes | None = None
    """Its ``IMGPROXY_KEY``, decoded; without one, addresses are unsigned."""
    salt: bytes = b""
    """Its ``IMGPROXY_SALT``, decoded."""

    def url(self, row: Row, variant: Row) -> str:
        """Return the address of a crop."""
        box = Box(*(variant[edge] for edge in EDGES))
        crop = f"crop:{box.size.width}:{box.size.height}:nowe:{box.x0}:{box.y0}"
        # It enlarges nothing unless it is told to.
        enlarge = ":1" if variant["upscaled"] else ""
        size = f"rs:fit:{variant['width']}:{variant['height']}{enlarge}"
        path = f"/{crop}/{size}/plain/{self._source(row['source_uri'])}"
        if self.key is None:
            return f"{self.base}/insecure{path}"
        digest = hmac.new(self.key, self.salt + path.encode(), hashlib.sha256).digest()
        return f"{self.base}/{base64.urlsafe_b64encode(digest).decode().rstrip('=')}{path}"

    def _source(self, uri: str) -> str:
        if self.places.rules:
            path = self.places.path(uri)
            uri = path if scheme(path) != "file" else f"local:///{path}"
        elif scheme(uri) == "file":
            uri = f"local:///{self.places.path(uri)}"
        return quoted(uri, "")


def stored(box: Box, shown: Size, orientation: int) -> Box:
    """Return a box among the pixels as they are stored.

    Args:
        box: among the pixels as shown.
        shown: size of the photo as shown.
        orientation: EXIF's (CIPA DC-008, section 4.6.5.1.6), 1 to 8.
    """
    x0, y0, x1, y1 = box.corners
    across, down = (x0, x1), (y0, y1)
    if orientation in (2, 3, 6, 7):
        across = (shown.width - x1, shown.width - x0)
    if orientation in (3, 4, 7, 8):
        down = (shown.height - y1, shown.height - y0)
    if orientation >= 5:
        across, down = down, across
    return Box(across[0], down[0], across[1], down[1])


def _check_readable(uri: str, places: Places) -> None:
    if uri.startswith("tar+"):
        raise RequestError(f"{uri}: lies in a tar archive, which no image server reads")
    if "[redacted]" in uri and not places.rules:
        raise RequestError(
            f"{uri}: its signature isn't kept; say with --map where the server finds such sources, "
            f"such as --map {uri.partition('?')[0].rpartition('/')[0]}=images/"
        )


def _orientation(row: Row) -> int:
    orientation = row["orientation"]
    if orientation is None:
        raise RequestError(
            f"--orientation stored: the manifest doesn't say how {row['source_uri']} is stored: an "
            "earlier release wrote it; run the job again with --overwrite, or set thumbor's "
            "RESPECT_ORIENTATION and leave the option out"
        )
    return int(orientation)


def _line(*cells: str) -> str:
    sink = io.StringIO()
    csv.writer(sink).writerow(cells)
    return sink.getvalue()

"""Crops as URLs of thumbor 7: https://thumbor.readthedocs.io/en/latest/usage.html."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import quote

from ..errors import RequestError
from ..geometry import Box, Size
from ..manifest.rows import ImageRow, VariantRow
from ..manifest.store import Manifest
from ..storage.uri import scheme
from .base import ExportFormat, ExportOptions, ExportResult
from .image_urls import job_paths, server_base, write_table
from .rows import box_of, size_of
from .source_paths import SourcePaths, percent_encoded

OPTION_WORDS = ("left", "center", "right", "top", "middle", "bottom", "smart")
"""Words that thumbor reads as an option where a path begins with them."""


class Transform(NamedTuple):
    """How stored pixels become what is shown: mirrored first, then turned."""

    mirror_x: bool
    mirror_y: bool
    degrees: int
    """Counter-clockwise."""


STORED_TO_SHOWN: Mapping[int, Transform] = {
    1: Transform(False, False, 0),
    2: Transform(True, False, 0),
    3: Transform(False, False, 180),
    4: Transform(False, True, 0),
    5: Transform(True, False, 90),
    6: Transform(False, False, 270),
    7: Transform(False, True, 90),
    8: Transform(False, False, 90),
}
"""The transform of each EXIF orientation."""


@dataclass(frozen=True)
class ThumborUrls:
    """Builds the URLs of a thumbor server."""

    paths: SourcePaths
    """Paths below the root of the server's loader."""
    base: str = ""
    """Scheme and host of the server, without a slash at the end."""
    key: bytes | None = None
    """Its ``SECURITY_KEY``; without one, URLs are for a server that allows unsigned ones."""
    orientation: Literal["shown", "stored"] = "shown"
    """``shown`` for a server with ``RESPECT_ORIENTATION``, which turns a photo before it cuts it.

    ``stored`` for a server without: URLs then count the stored pixels, and ask for the cut to be
    turned.
    """

    def url(self, row: ImageRow, variant: VariantRow) -> str:
        """Return the URL of a crop.

        Raises:
            RequestError: stored coordinates are asked for, and the manifest has no orientation.
        """
        path = self._path(row, variant)
        if self.key is None:
            return f"{self.base}/unsafe/{path}"
        digest = hmac.new(self.key, path.encode(), hashlib.sha1).digest()
        return f"{self.base}/{base64.urlsafe_b64encode(digest).decode()}/{path}"

    def _path(self, row: ImageRow, variant: VariantRow) -> str:
        box, size = box_of(variant), (variant["width"], variant["height"])
        filters = ""
        if self.orientation == "stored" and (orientation := _orientation(row)) != 1:
            transform = STORED_TO_SHOWN[orientation]
            box = stored_box(box, size_of(row), orientation)
            width, height = size if transform.degrees % 180 == 0 else size[::-1]
            # A negative size is thumbor's way to ask for a mirrored image.
            size = (
                -width if transform.mirror_x else width,
                -height if transform.mirror_y else height,
            )
            filters = f"filters:rotate({transform.degrees})/" if transform.degrees else ""
        crop = f"{box.x0}x{box.y0}:{box.x1}x{box.y1}"
        return f"{crop}/{size[0]}x{size[1]}/{filters}{self._image(row['source_uri'])}"

    def _image(self, uri: str) -> str:
        if scheme(uri) in ("http", "https") and not self.paths.rules:
            return quote(uri, safe="")
        path = percent_encoded(self.paths.path_of(uri))
        first = path.partition("/")[0]
        if first in OPTION_WORDS or first.startswith("filters"):
            return f"%{ord(path[0]):02X}{path[1:]}"
        return path


def stored_box(box: Box, shown: Size, orientation: int) -> Box:
    """Return a box in coordinates of the pixels as they are stored.

    Args:
        box: in pixels of the photo as shown.
        shown: size of the photo as shown, in pixels.
        orientation: EXIF orientation (CIPA DC-008, section 4.6.5.1.6), 1 to 8.
    """
    x0, y0, x1, y1 = box.corners
    horizontal, vertical = (x0, x1), (y0, y1)
    if orientation in (2, 3, 6, 7):
        horizontal = (shown.width - x1, shown.width - x0)
    if orientation in (3, 4, 7, 8):
        vertical = (shown.height - y1, shown.height - y0)
    if orientation >= 5:
        horizontal, vertical = vertical, horizontal
    return Box(horizontal[0], vertical[0], horizontal[1], vertical[1])


def write(manifest: Manifest, target: str, options: ExportOptions) -> ExportResult:
    """Write the CSV table of a job's crops as thumbor URLs to the file ``target``.

    Raises:
        RequestError: an option is wrong, or a source can't be read by thumbor.
    """
    base = server_base(options.base, "https://thumbor.example")
    paths = job_paths(manifest, options.map)
    builder = ThumborUrls(paths, base, options.key, options.orientation or "shown")
    result = write_table(manifest, target, builder)
    if options.orientation is None and (note := _orientation_note(manifest)):
        result.notes.insert(0, note)
    return result


def _orientation(row: ImageRow) -> int:
    orientation = row["orientation"]
    if orientation is None:
        raise RequestError(
            f"--orientation stored: the manifest doesn't say how {row['source_uri']} is stored: an "
            "earlier release wrote it; run the job again with --overwrite, or set thumbor's "
            "RESPECT_ORIENTATION and leave the option out"
        )
    return int(orientation)


def _orientation_note(manifest: Manifest) -> str | None:
    """Say how many sources thumbor cuts in the wrong place unless it is set up for them."""
    orientations = manifest.table(["orientation"])["orientation"].to_pylist()
    count = sum(each not in (None, 1) for each in orientations)
    if not count:
        return None
    subject = "1 source has" if count == 1 else f"{count:,} sources have"
    return (
        f"{subject} an EXIF orientation other than 1: the server needs RESPECT_ORIENTATION=True, "
        "or give --orientation stored"
    )


FORMAT = ExportFormat(frozenset({"base", "map", "key", "orientation"}), write)

"""Thumbnails beside the page, named by the hash of the file that they show, and made once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy
import pyarrow as pa
from PIL import Image

from .. import image
from ..errors import SourceError
from ..geometry import Size
from ..manifest.rows import ImageRow
from ..progress import Progress
from ..storage import Storage
from .pictures import SHOWN_EDGE, pictures_of

LONGEST_EDGE = SHOWN_EDGE
"""Longest edge of a thumbnail, in pixels."""
JPEG_QUALITY = 72
THREADS = 8
"""Thumbnails that are made at the same time."""


@dataclass(frozen=True)
class ThumbnailRequest:
    """A thumbnail that is to be made."""

    uri: str
    """The file that it shows."""
    name: str
    """The thumbnail's name, without its suffix."""
    size: Size
    """Size of the file, in pixels."""


def thumbnail_name(sha256: str | None) -> str:
    """Return the name of a file's thumbnail, without its suffix; empty without a hash."""
    return f"{sha256[:2]}/{sha256[2:18]}" if sha256 else ""


def list_names(storage: Storage, folder: str, suffix: str) -> set[str]:
    """Return the names of the files in a folder, without their suffix."""
    start = len(folder) + 1
    return {entry.uri[start:].removesuffix(suffix) for entry in storage.list(folder)}


def make_thumbnails(
    rows: pa.Table, count: int, storage: Storage, folder: str, progress: Progress
) -> set[str]:
    """Write thumbnails of the first ``count`` sources, and of their pictures without crop boxes.

    A file that can't be read any more gets none.

    Args:
        rows: rows of the images manifest, the first ones first.
        count: how many sources get thumbnails.
        storage: reads the files and writes the thumbnails.
        folder: URI of the folder that the thumbnails are written to.
        progress: is told how many are to be made, and of each.

    Returns:
        The names of all thumbnails in the folder.
    """
    existing = list_names(storage, folder, ".jpg")
    requests = {
        each.name: each
        for row in rows.slice(0, count).to_pylist()
        for each in _requests(row)
        if each.name not in existing
    }
    progress.note("thumbnails")
    progress.start(len(requests), 0, 0)

    def make(each: ThumbnailRequest) -> str | None:
        try:
            storage.write(f"{folder}/{each.name}.jpg", _thumbnail(each, storage), "image/jpeg")
        except SourceError:
            progress.advance(1, 1)
            return None
        progress.advance(1, 0)
        return each.name

    with ThreadPoolExecutor(THREADS) as pool:
        made = pool.map(make, requests.values())
        return existing | {name for name in made if name is not None}


def _requests(row: ImageRow) -> Iterator[ThumbnailRequest]:
    if row["sha256"] and row["width"] and row["height"]:
        size = Size(row["width"], row["height"])
        yield ThumbnailRequest(row["source_uri"], thumbnail_name(row["sha256"]), size)
    for picture in pictures_of(row["variants"]):
        variant = picture.shown
        if variant["x0"] is None:
            size = Size(variant["width"], variant["height"])
            name = thumbnail_name(variant["sha256"])
            yield ThumbnailRequest(variant["variant_uri"], name, size)


def _thumbnail(request: ThumbnailRequest, storage: Storage) -> bytes:
    size = request.size.fit(LONGEST_EDGE)
    picture = image.decode(storage.read(request.uri), at_least=size)
    # Pillow's filter, because ours imports torch, which takes seconds.
    small = Image.fromarray(picture.rgb).resize((size.width, size.height), Image.Resampling.BICUBIC)
    return image.encode(numpy.asarray(small), "jpeg", quality=JPEG_QUALITY)

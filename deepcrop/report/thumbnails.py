"""Small pictures beside the page, named by the hash of what they show, made once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy
import pyarrow as pa
from PIL import Image

from .. import image
from ..errors import SourceError
from ..geometry import Size
from ..progress import Progress
from ..storage import Storage

LONGEST = 480
"""Longest edge in pixels."""
QUALITY = 72
THREADS = 8


@dataclass(frozen=True)
class Wanted:
    """A picture to be made small."""

    uri: str
    name: str
    size: Size


def name_of(sha256: str | None) -> str:
    """Return the name of the thumbnail of a file with this hash, without its suffix."""
    return f"{sha256[:2]}/{sha256[2:18]}" if sha256 else ""


def stored(storage: Storage, folder: str, suffix: str) -> set[str]:
    """Return the names of the pictures that lie in a folder."""
    start = len(folder) + 1
    return {entry.uri[start:].removesuffix(suffix) for entry in storage.list(folder)}


def make_thumbnails(
    rows: pa.Table, count: int, storage: Storage, folder: str, progress: Progress
) -> set[str]:
    """Make the thumbnails of the first ``count`` sources, and of the variants without boxes.

    What can't be read (any more) gets none.

    Returns:
        The names of all thumbnails that there are.
    """
    there = stored(storage, folder, ".jpg")
    wanted = {
        each.name: each
        for row in rows.slice(0, count).to_pylist()
        for each in _pictures(row)
        if each.name not in there
    }
    progress.note("thumbnails")
    progress.start(len(wanted), 0, 0)

    def make(each: Wanted) -> str | None:
        try:
            storage.write(f"{folder}/{each.name}.jpg", _small(each, storage), "image/jpeg")
        except SourceError:
            progress.advance(1, 1)
            return None
        progress.advance(1, 0)
        return each.name

    with ThreadPoolExecutor(THREADS) as pool:
        made = pool.map(make, wanted.values())
        return there | {name for name in made if name is not None}


def _pictures(row: dict[str, Any]) -> Iterator[Wanted]:
    if row["sha256"] and row["width"]:
        size = Size(row["width"], row["height"])
        yield Wanted(row["source_uri"], name_of(row["sha256"]), size)
    for variant in row["variants"]:
        if variant["x0"] is None:
            size = Size(variant["width"], variant["height"])
            yield Wanted(variant["variant_uri"], name_of(variant["sha256"]), size)


def _small(wanted: Wanted, storage: Storage) -> bytes:
    size = wanted.size.fit(LONGEST)
    picture = image.decode(storage.read(wanted.uri), at_least=size)
    # Pillow, because the library's own filter waits seconds for torch.
    small = Image.fromarray(picture.rgb).resize((size.width, size.height), Image.Resampling.BICUBIC)
    return image.encode(numpy.asarray(small), "jpeg", quality=QUALITY)

"""A job's results as a table that shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import pyarrow as pa
from PIL import Image

from .. import image
from ..errors import RequestError, SourceError
from ..geometry import Box, Size
from ..methods.notebook import photo_html
from ..storage import Storage, StorageOptions, canonical
from .rows import ImageRow
from .store import Manifest

SHOWN_ROWS = 12
"""Sources of a table that are shown."""
THUMBNAIL = 200
"""Longest edge of a shown thumbnail, in pixels."""


class Results:
    """The rows of an output."""

    def __init__(self, output: str, endpoint: str | None = None) -> None:
        """Open the output of a job; nothing is read before the first use.

        Args:
            output: the output, a path or URI.
            endpoint: URL of the S3 server, if it is not AWS's.
        """
        self.manifest = Manifest(
            canonical(output.rstrip("/")), Storage(StorageOptions(endpoint=endpoint))
        )

    def table(self) -> pa.Table:
        """Return the images manifest: one row a source.

        Raises:
            RequestError: there is no job at the output.
        """
        output = self.manifest.output
        if self.manifest.read_record() is None:
            raise RequestError(
                f"output {output}: no job there (no job.json); expected a job's output"
            )
        self.manifest.load_parts()
        return self.manifest.table()

    def _repr_html_(self) -> str:
        """Return the first rows with thumbnails and crop boxes, for a notebook."""
        table = self.table()
        rows: list[ImageRow] = table.slice(0, SHOWN_ROWS).to_pylist()
        names = ("photo", "source", "status", "size", "scores", "flags, note or error")
        head = "".join(f"<th>{name}</th>" for name in names)
        body = "".join(f"<tr>{self._row(row)}</tr>" for row in rows)
        more = table.num_rows - len(rows)
        rest = f"<p>and {more:,} more</p>" if more > 0 else ""
        return f"<table><tr>{head}</tr>{body}</table>{rest}"

    def _row(self, row: ImageRow) -> str:
        scores = [
            f"{each['aspect']} {each['score']:.2f}"
            for each in row["variants"]
            if each["score"] is not None
        ]
        told = [*(row["flags"] or ()), row["note"] or "", row["error_message"] or ""]
        size = "" if row["width"] is None else f"{row['width']}x{row['height']}"
        texts = [
            row["source_uri"].rpartition("/")[2],
            row["status"],
            size,
            ", ".join(scores),
            "; ".join(filter(None, told)),
        ]
        cells = "".join(f"<td>{escape(each)}</td>" for each in texts)
        return f"<td>{self._photo(row)}</td>{cells}"

    def _photo(self, row: ImageRow) -> str:
        """Return a source with its crop boxes; a dash where it can't be read."""
        if row["width"] is None or row["height"] is None:
            return "-"
        size = Size(row["width"], row["height"])
        try:
            data = self.manifest.storage.read(row["source_uri"])
            shown = Image.fromarray(image.decode(data, at_least=size.fit(THUMBNAIL)).rgb)
        except SourceError:
            return "-"
        x, y = row["focal_x"], row["focal_y"]
        focal = None if x is None or y is None else (x, y)
        return photo_html(shown, size, _boxes(row), focal, THUMBNAIL)


def _boxes(row: ImageRow) -> Mapping[str, Box]:
    boxes = {}
    for each in row["variants"]:
        x0, y0, x1, y1 = each["x0"], each["y0"], each["x1"], each["y1"]
        if x0 is not None and y0 is not None and x1 is not None and y1 is not None:
            boxes[each["aspect"]] = Box(x0, y0, x1, y1)
    return boxes

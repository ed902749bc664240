"""The same stages on one photo after the other, in this process: no Ray, a quick start."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from glob import glob
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import RequestError
from ..storage import Storage, canonical
from .actors import Analyst, Decoder
from .fetch import Fetcher
from .job import Job, Request
from .render import Renderer, suffix_of
from .work import Work

STDIN = "-"
"""The name of a photo whose bytes come from the standard input."""


class Single:
    """A method, loaded once, and a folder for the variants.

    ```python
    work = single.look("photo.jpg", "photo")
    single.answer(work)      # boxes, scores, focal point
    single.write(work)       # the variants' paths
    ```
    """

    def __init__(self, job: Job, device: str | None = None) -> None:
        """Load the method."""
        self.job = job
        self.storage = job.storage
        self.fetcher = Fetcher(self.storage)
        self.analyst = Analyst(job, device)
        self.decoder = Decoder(job, self.analyst.analysis, keep_pictures=True)
        self.renderer = Renderer(job, self.storage, self._place)

    def look(self, photo: str, key: str, data: bytes | None = None) -> Work:
        """Fetch and decode a photo, and ask the method about it.

        Args:
            photo: a path or URI.
            key: how its variants' names begin.
            data: its bytes, where they are here already.

        Raises:
            SourceError: it can't be read, or the method failed on it.
        """
        source = dict.fromkeys(("source_bytes", "source_etag", "caption", "focal_x", "focal_y"))
        uri = photo if photo == STDIN else canonical(photo)
        work = Work(source | {"source_uri": uri, "key": key, "given": photo})
        if data is None:
            self.fetcher([work])
        else:
            work.data, work.bytes = data, len(data)
            work.sha256 = hashlib.sha256(data).hexdigest()
        for stage in (self.decoder, self.analyst):
            stage([work])
        _raise(work)
        return work

    def answer(self, work: Work) -> dict[str, Any]:
        """Return a photo's crop boxes, scores and focal point.

        Raises:
            RequestError: the method makes pixels, and has no boxes.
        """
        if self.job.kind == "retarget":
            raise RequestError(
                f"method {self.job.method!r}: makes pixels, and has no boxes to print"
            )
        assert work.size is not None
        return {
            "source": work.source["given"],
            "width": work.size.width,
            "height": work.size.height,
            "method": self.job.method,
            "focal": [round(each, 4) for each in work.crops[0].focal],
            "crops": [
                {
                    "aspect": request.slug,
                    "box": list(crop.box.corners),
                    "score": round(crop.score, 4),
                    "flags": list(crop.flags),
                }
                for request, crop in zip(self.job.requests, work.crops, strict=True)
            ],
        }

    def write(self, work: Work) -> list[str]:
        """Write a photo's variants as ``KEY-1x1.jpg``; return their paths.

        Raises:
            SourceError: a variant can't be written.
        """
        self.renderer([work])
        _raise(work)
        return [variant["variant_uri"] for variant in work.variants]

    def _place(self, work: Work, request: Request, form: str) -> str:
        return f"{self.job.output}/{work.source['key']}-{request.slug}{suffix_of(form)}"


def find_photos(names: Sequence[str], storage: Storage) -> list[str]:
    """Return the photos that paths, URIs and globs name, in their order.

    Raises:
        RequestError: a glob names none.
    """
    photos: list[str] = []
    for name in names:
        if "://" in name:
            several = storage.is_glob(name)
            found = [entry.uri for entry in storage.list(name)] if several else [name]
        else:
            several = name != STDIN and not Path(name).exists() and any(c in name for c in "*?[")
            found = sorted(glob(name, recursive=True)) if several else [name]
        if not found:
            raise RequestError(f"{name}: no photo matches")
        photos += found
    return photos


def distinct_stems(photos: Sequence[str]) -> list[str]:
    """Return a name for each photo: its stem, numbered where two share one."""
    seen: dict[str, int] = {}
    names = []
    for photo in photos:
        stem = "stdin" if photo == STDIN else PurePosixPath(photo).stem
        seen[stem] = seen.get(stem, 0) + 1
        names.append(stem if seen[stem] == 1 else f"{stem}-{seen[stem]}")
    return names


def _raise(work: Work) -> None:
    if work.error is not None:
        raise work.error

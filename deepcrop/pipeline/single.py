"""The same stages on one photo after the other, in this process: no Ray, a quick start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import RequestError
from ..storage import canonical
from .actors import Analyst, Decoder
from .fetch import Fetcher
from .job import Job, Request
from .render import Renderer, suffix_of
from .work import Work


class Single:
    """A method, loaded once, and a folder for the variants."""

    def __init__(self, job: Job, device: str | None = None) -> None:
        """Load the method."""
        self.job = job
        storage = job.storage
        self.fetcher = Fetcher(storage)
        self.decoder = Decoder(job, keep_pictures=True)
        self.analyst = Analyst(job, device)
        self.renderer = Renderer(job, storage, self._place)

    def answer(self, photo: Path) -> dict[str, Any]:
        """Return a photo's crop boxes, scores and focal point.

        Raises:
            SourceError: it can't be read.
            RequestError: the method makes pixels, and has no boxes.
        """
        if self.job.kind == "retarget":
            raise RequestError(
                f"method {self.job.method!r}: makes pixels, and has no boxes to print"
            )
        work = self._look(photo)
        assert work.size is not None
        return {
            "source": str(photo),
            "width": work.size.width,
            "height": work.size.height,
            "method": self.job.method,
            "focal": [round(each, 4) for each in work.crops[0].focal],
            "crops": [
                {
                    "aspect": request.slug,
                    "box": list(crop.box.corners),
                    "score": round(crop.score, 4),
                }
                for request, crop in zip(self.job.requests, work.crops, strict=True)
            ],
        }

    def write(self, photo: Path, key: str) -> list[str]:
        """Write a photo's variants as ``KEY-1x1.jpg``; return their paths.

        Raises:
            SourceError: it can't be read, or a variant can't be written.
        """
        work = self._look(photo, key)
        self.renderer([work])
        _raise(work)
        return [variant["variant_uri"] for variant in work.variants]

    def _look(self, photo: Path, key: str = "") -> Work:
        source = dict.fromkeys(("source_bytes", "source_etag", "caption", "focal_x", "focal_y"))
        work = Work(source | {"source_uri": canonical(str(photo)), "key": key})
        for stage in (self.fetcher, self.decoder, self.analyst):
            stage([work])
        _raise(work)
        return work

    def _place(self, work: Work, request: Request, form: str) -> str:
        return f"{self.job.output}/{work.source['key']}-{request.slug}{suffix_of(form)}"


def distinct_stems(photos: Sequence[Path]) -> list[str]:
    """Return a name for each photo: its stem, numbered where two share one."""
    seen: dict[str, int] = {}
    names = []
    for photo in photos:
        seen[photo.stem] = seen.get(photo.stem, 0) + 1
        count = seen[photo.stem]
        names.append(photo.stem if count == 1 else f"{photo.stem}-{count}")
    return names


def _raise(work: Work) -> None:
    if work.error is not None:
        raise work.error

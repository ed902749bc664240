"""The stages of a job on one photo after the other, in this process: no Ray, a quick start."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from ..errors import RequestError
from ..job import Job
from ..storage import canonical
from .decode import Decoder
from .fetch import Fetcher
from .infer import Analyst
from .item import Work
from .render import Renderer, suffix_of

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

    def __init__(
        self, job: Job, device: str | None = None, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """Load the method; ``say`` is told which stage begins."""
        self.job = job
        self.say = say
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
        self.say("fetch")
        if data is None:
            self.fetcher([work])
        else:
            work.data, work.bytes = data, len(data)
            work.sha256 = hashlib.sha256(data).hexdigest()
        for name, stage in (("decode", self.decoder), ("infer", self.analyst)):
            self.say(name)
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
        with self.renderer.synced([work]):
            self.say("render")
            writes = self.renderer.begin(work)
            self.say("write")
            self.renderer.finish(work, writes)
        _raise(work)
        return [variant["variant_uri"] for variant in work.variants]

    def _place(self, work: Work, name: str, form: str) -> str:
        return f"{self.job.output}/{work.source['key']}-{name}{suffix_of(form)}"


def _raise(work: Work) -> None:
    if work.error is not None:
        raise work.error

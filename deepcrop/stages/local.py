"""The stages of a job in this process, on one photo after the other: without Ray."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from ..errors import RequestError
from ..job import Job
from ..storage import canonical
from .decode import Decoder
from .fetch import Fetcher
from .infer import Predictor
from .item import ImageTask
from .render import Renderer, suffix_of

STDIN = "-"
"""The name of a photo that is read from the standard input."""


class LocalPipeline:
    """Crops photos with a method that is loaded once.

    ```python
    task = pipeline.process("photo.jpg", "photo")
    pipeline.to_dict(task)  # boxes, scores, focal point
    pipeline.write(task)    # the variants' paths
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
        self.predictor = Predictor(job, device)
        self.decoder = Decoder(job, self.predictor.analysis, keep_pictures=True)
        self.renderer = Renderer(job, self.storage, self._uri)

    def process(self, photo: str, key: str, data: bytes | None = None) -> ImageTask:
        """Fetch and decode a photo, and run the method on it.

        Args:
            photo: a path or URI.
            key: the start of its variants' names.
            data: its bytes, where they have been read already.

        Raises:
            SourceError: it can't be read, or the method failed on it.
        """
        source = dict.fromkeys(("source_bytes", "source_etag", "caption", "focal_x", "focal_y"))
        uri = photo if photo == STDIN else canonical(photo)
        task = ImageTask(source | {"source_uri": uri, "key": key, "given": photo})
        self.say("fetch")
        if data is None:
            self.fetcher([task])
        else:
            task.data, task.bytes = data, len(data)
            task.sha256 = hashlib.sha256(data).hexdigest()
        for name, stage in (("decode", self.decoder), ("infer", self.predictor)):
            self.say(name)
            stage([task])
        _raise(task)
        return task

    def to_dict(self, task: ImageTask) -> dict[str, object]:
        """Return a photo's crop boxes, scores and focal point, as ``crop --json`` prints them.

        Raises:
            RequestError: the method makes pixels, and has no boxes.
        """
        if self.job.kind == "retarget":
            raise RequestError(
                f"method {self.job.method!r}: makes pixels, and has no boxes to print"
            )
        assert task.size is not None
        by_slug = {
            request.slug: crop
            for request, crop in zip(self.job.requests, task.crops, strict=True)
            if crop is not None
        }
        crops = list(by_slug.values())
        return {
            "source": task.source["given"],
            "width": task.size.width,
            "height": task.size.height,
            "method": self.job.method,
            "focal": [round(each, 4) for each in crops[0].focal],
            "crops": [
                {
                    "aspect": slug,
                    "box": list(crop.box.corners),
                    "score": round(crop.score, 4),
                    "preference": crop.preference and round(crop.preference, 4),
                    "flags": list(crop.flags),
                }
                for slug, crop in by_slug.items()
            ],
        }

    def write(self, task: ImageTask) -> list[str]:
        """Write a photo's variants; return their paths: ``KEY-1x1.jpg``, ``KEY-card-320w.avif``.

        Raises:
            SourceError: a variant can't be written.
        """
        with self.renderer.durable([task]):
            self.say("render")
            writes = self.renderer.submit(task)
            self.say("write")
            self.renderer.complete(task, writes)
        _raise(task)
        return [variant["variant_uri"] for variant in task.variants]

    def _uri(self, task: ImageTask, name: str, image_format: str) -> str:
        name = name.replace("/", "-")
        return f"{self.job.output}/{task.source['key']}-{name}{suffix_of(image_format)}"


def _raise(task: ImageTask) -> None:
    if task.error is not None:
        raise task.error

"""Crops that follow: the job's method searches a source's crops anew for the marks of a person.

What the network saw of a source is kept, so that only the search runs again while a person drags.
The boxes are those that a run with these marks makes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import pyarrow.compute as pc
from starlette.requests import Request
from starlette.responses import JSONResponse

from .. import image
from ..errors import DeepcropError, RequestError
from ..methods import registry
from ..methods.base import Crop, CropMethod, Finder, finder_of
from ..recipes import Recipes
from ..sources.captions import Captions
from ..sources.corrections import Correction
from ..sources.marks import Changes, changed, check_changes, statements_of
from ..sources.rows import ListingRow
from ..stages.infer import adjusted_crops, follows_safe, hints_of
from ..stages.item import ImageTask
from ..stages.pictures import decoded
from .requests import WrongRequest, read_json, text_field
from .session import ReviewSession

KEPT = 32
"""Sources of which what the network saw is kept, those that were asked for last."""
HINTS = ("caption", "focal_x", "focal_y")
"""Columns of the listing that the method is told of."""


@dataclass(frozen=True)
class Seen:
    """A source that the method has looked at."""

    task: ImageTask
    find: Finder


class CropSearch:
    """Searches crops of one job's sources; used by one thread at a time."""

    def __init__(self, session: ReviewSession) -> None:
        """Take the session; the method is loaded when it is first asked."""
        self.session = session
        self.job = session.job
        self._kept: OrderedDict[str, Seen] = OrderedDict()

    @cached_property
    def method(self) -> CropMethod:
        """The job's method, with its network on a GPU where there is one."""
        job = self.job
        return registry.load_crop(job.method, weights=job.weights, **job.options)

    @cached_property
    def _listing(self) -> dict[str, ListingRow]:
        """What the input list says of sources, of those only that it says something of."""
        table = self.session.manifest.read_listing()
        if table is None:
            return {}
        told = None
        for name in HINTS:
            valid = pc.is_valid(table[name])
            told = valid if told is None else pc.or_(told, valid)
        rows = table.select(["source_uri", *HINTS]).filter(told).to_pylist()
        return {row["source_uri"]: row for row in rows}

    def crops(self, uri: str, changes: Changes) -> list[Crop | None]:
        """Return the crops of a source for marks, one a request; None where it is rejected.

        Args:
            uri: the source.
            changes: all fields of its marks, checked.

        Raises:
            SourceError: it can't be read any more.
        """
        seen = self.seen(uri)
        size = seen.task.size
        assert size is not None
        stated = Correction.of(statements_of(changed({}, changes))).within(size)
        hints = hints_of(self.job, seen.task, stated)
        requests = self.job.first_requests
        found = adjusted_crops(seen.find(hints), requests, size, stated, follows_safe(self.method))
        crops: list[Crop | None] = []
        for request, crop in zip(requests, found, strict=True):
            own = stated.crop(request, size, crop.focal)
            crops.append(None if stated.rejects(request) else own or crop)
        return crops

    def seen(self, uri: str) -> Seen:
        """Return a source that the method has looked at, now or before."""
        if uri not in self._kept:
            self._kept[uri] = self._look(uri)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(uri)
        return self._kept[uri]

    def _look(self, uri: str) -> Seen:
        """Read and decode a source as a run does, and have the method look at it."""
        job, method = self.job, self.method
        source = dict.fromkeys(HINTS) | self._listing.get(uri, {}) | {"source_uri": uri, "key": ""}
        task = ImageTask(source)
        data = self.session.storage.read(uri)
        probe = image.probe(data, max_pixels=job.max_pixels)
        task.size, task.format = probe.size, probe.format
        picture = decoded(data, job, Recipes(job).least(probe.size))
        task.caption = Captions(job.caption).of(source, picture.metadata)
        if registry.needs_pixels(job.method):
            pixels = image.thumbnail(picture, method.analysis)
        else:
            look = probe.size.fit(method.analysis)
            pixels = np.zeros((look.height, look.width, 3), np.uint8)
        ratios = [request.aspect for request in job.first_requests]
        return Seen(task, finder_of(method, pixels, ratios, probe.size))


class SearchApi:
    """Answers requests for crops."""

    def __init__(self, session: ReviewSession) -> None:
        """Take the session."""
        self.session = session
        self.search = CropSearch(session)
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="search")

    async def read(self, request: Request) -> JSONResponse:
        """Answer ``POST api/boxes``: the crops of a source for marks."""
        body = await read_json(request)
        session = self.session
        uri = text_field(body, "source", 8192)
        fields = body.get("fields", {})
        if uri not in session.sources:
            raise WrongRequest(404, "source: is no source of this job")
        if session.job.kind != "crop":
            raise WrongRequest(422, "the job's method makes pixels, and has no crops to search")
        if not isinstance(fields, dict):
            raise WrongRequest(400, "fields: expected an object")
        changes = cast("Changes", fields)
        try:
            check_changes(changes, session.aspects, session.job.kind)
            loop = asyncio.get_running_loop()
            crops = await loop.run_in_executor(self.thread, self.search.crops, uri, changes)
        except RequestError as error:
            raise WrongRequest(422, str(error)) from None
        except DeepcropError as error:
            raise WrongRequest(422, f"{type(error).__name__}: {error}") from None
        return JSONResponse(
            {
                "crops": {
                    name: _told(crop)
                    for name, crop in zip(session.aspects, crops, strict=True)
                    if crop is not None
                }
            }
        )


def _told(crop: Crop) -> dict[str, object]:
    return {
        "box": list(crop.box.corners),
        "score": round(crop.score, 4),
        "flags": [str(flag) for flag in crop.flags],
        "focal": [round(each, 4) for each in crop.focal],
    }

"""Pictures of sources for the page: scaled down and encoded here, never the files themselves."""

from __future__ import annotations

import asyncio

import numpy
from starlette.requests import Request
from starlette.responses import Response

from .. import image
from ..errors import SourceError
from ..geometry import Size
from .requests import WrongRequest
from .session import ReviewSession

EDGES = (480, 1600)
"""Longest edges of pictures that may be asked for, in pixels."""
JPEG_QUALITY = 80
AT_ONCE = 2
"""Pictures that are decoded at the same time."""


class PicturesApi:
    """Answers requests for pictures of a session's sources."""

    def __init__(self, session: ReviewSession) -> None:
        """Take the session."""
        self.session = session
        self.places = asyncio.Semaphore(AT_ONCE)

    async def read(self, request: Request) -> Response:
        """Answer ``GET api/picture?source=URI&edge=480``."""
        uri = request.query_params.get("source", "")
        edge = request.query_params.get("edge", str(EDGES[0]))
        if uri not in self.session.sources:
            raise WrongRequest(404, "source: is no source of this job")
        if edge not in map(str, EDGES):
            raise WrongRequest(400, f"edge: expected one of {', '.join(map(str, EDGES))}")
        async with self.places:
            try:
                data = await asyncio.to_thread(self._picture, uri, int(edge))
            except SourceError as error:
                raise WrongRequest(422, f"{type(error).__name__}: {error}") from None
        headers = {"cache-control": "private, max-age=600"}
        return Response(data, media_type="image/jpeg", headers=headers)

    def _picture(self, uri: str, edge: int) -> bytes:
        data = self.session.storage.read(uri)
        size = image.probe(data, max_pixels=self.session.job.max_pixels).size.fit(edge)
        return image.encode(small(data, size), "jpeg", quality=JPEG_QUALITY)


def small(data: bytes, size: Size) -> numpy.ndarray:
    """Decode a photo and scale it down: uint8 (H, W, 3).

    Raises:
        DecodeError: it can't be decoded.
    """
    from PIL import Image

    picture = image.decode(data, at_least=size)
    shown = Image.fromarray(picture.rgb)
    return numpy.asarray(shown.resize((size.width, size.height), Image.Resampling.BICUBIC))

"""The review server's application: the page, what it loads, and what it asks for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from html import escape

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ..errors import DeepcropError
from .answers import bug, http_error, wrong_request
from .applying import ApplyApi
from .files import read_served
from .guard import Guard, policy
from .marks_api import MarksApi
from .pictures import PicturesApi
from .requests import WrongRequest
from .search import SearchApi
from .session import ReviewSession

REFRESH_S = 1.5
"""Seconds between two looks at what others marked, while a page is open."""
IDLE_S = 60.0
"""Seconds without a request after which nobody seems to have the page open."""

logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


class ReviewApp:
    """Answers the requests of the page of one session."""

    def __init__(self, session: ReviewSession, reviewer: str) -> None:
        """Take the session, and the name of the person who started the server."""
        self.session = session
        self.reviewer = reviewer
        self.applying = ApplyApi(session)
        self.marks = MarksApi(session, self.applying)
        self.pictures = PicturesApi(session)
        self.search = SearchApi(session)
        self.asked = time.monotonic()

    def routes(self) -> list[Route]:
        """Return what is answered."""
        return [
            Route("/", self._home, methods=["GET"]),
            Route("/report/", self._page, methods=["GET"]),
            Route("/report/index.html", self._page, methods=["GET"]),
            Route("/api/marks", self._noted(self.marks.read), methods=["GET"]),
            Route("/api/marks", self._noted(self.marks.add), methods=["POST"]),
            Route("/api/apply", self._noted(self.applying.start), methods=["POST"]),
            Route("/api/boxes", self._noted(self.search.read), methods=["POST"]),
            Route("/api/picture", self._noted(self.pictures.read), methods=["GET"]),
            Route("/{path:path}", self._file, methods=["GET"]),
        ]

    async def _home(self, request: Request) -> Response:
        return RedirectResponse("report/")

    async def _page(self, request: Request) -> Response:
        served = escape(json.dumps(self.facts(), ensure_ascii=False))
        page = self.session.page.replace(
            '<html lang="en">', f'<html lang="en" data-served="{served}">', 1
        )
        return HTMLResponse(page, headers={"content-security-policy": policy(page)})

    def facts(self) -> dict[str, object]:
        """Return what the page is told that it would not know from a file."""
        return {"reviewer": self.reviewer, "refresh": REFRESH_S}

    async def _file(self, request: Request) -> Response:
        session = self.session
        path = request.path_params["path"]
        found = await asyncio.to_thread(read_served, session.storage, session.manifest.output, path)
        headers = {"cache-control": found.caching}
        return Response(found.data, media_type=found.content_type, headers=headers)

    def _noted(self, endpoint: Endpoint) -> Endpoint:
        """Note that a page is open when it asks."""

        async def answer(request: Request) -> Response:
            self.asked = time.monotonic()
            return await endpoint(request)

        return answer

    async def refresh(self) -> None:
        """Look for others' marks, and for runs that ended, while a page is open."""
        while True:
            await asyncio.sleep(REFRESH_S)
            if time.monotonic() - self.asked > IDLE_S:
                continue
            try:
                await asyncio.to_thread(self.session.refresh)
                await asyncio.to_thread(self.session.rebuild_if_run)
            except DeepcropError as error:
                logger.warning("others' marks can't be read: %s", error)


def review_app(review: ReviewApp, token: str, hosts: Collection[str] | None) -> ASGIApp:
    """Return the application, which answers to those who know the token.

    Args:
        review: answers.
        token: the first part of every path.
        hosts: values of the header ``Host`` that are answered; None: any.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(review.refresh())
        try:
            yield
        finally:
            review.applying.stop()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    app = Starlette(
        routes=review.routes(),
        lifespan=lifespan,
        exception_handlers={
            WrongRequest: wrong_request,
            HTTPException: http_error,
            Exception: bug,
        },
    )
    return Guard(app, token, hosts)

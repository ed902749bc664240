"""The server of a blind comparison: pairs without names, and what people choose."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from html import escape
from importlib.resources import files

import numpy
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .. import image
from ..errors import SourceError
from ..manifest.mark_log import Entry, MarkLog
from .answers import bug, http_error, wrong_request
from .guard import Guard, policy
from .judgements import SIDES, entry_of, latest, side_of, win_rates
from .pair_pictures import PairPictures
from .pairs import Comparison
from .requests import WrongRequest, read_json, text_field

ASSETS = files("deepcrop.review") / "assets"
MAX_NAME = 80
"""Characters of a person's name."""
WHAT = ("photo", "left", "right")
"""Pictures of a pair."""


class CompareApp:
    """Answers the requests of the page of a comparison."""

    def __init__(
        self, comparison: Comparison, log: MarkLog, pictures: PairPictures, reviewer: str
    ) -> None:
        """Take what is compared, where the judgements go, and who started the server."""
        self.comparison = comparison
        self.log = log
        self.pictures = pictures
        self.reviewer = reviewer
        self.places = asyncio.Semaphore(2)
        style = (files("deepcrop.report") / "assets" / "page.css").read_text(encoding="utf-8")
        template = (ASSETS / "compare.html").read_text(encoding="utf-8")
        script = (ASSETS / "compare.js").read_text(encoding="utf-8")
        own = (ASSETS / "compare.css").read_text(encoding="utf-8")
        self.page = (
            template.replace("/*style*/", style + own)
            .replace("/*script*/", script)
            .replace("REVIEWER", escape(reviewer))
        )

    def routes(self) -> list[Route]:
        """Return what is answered."""
        return [
            Route("/", self._page, methods=["GET"]),
            Route("/api/pairs", self._pairs, methods=["GET"]),
            Route("/api/pair/{number:int}/{what}", self._picture, methods=["GET"]),
            Route("/api/judgements", self._judge, methods=["POST"]),
            Route("/api/results", self._results, methods=["GET"]),
        ]

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(self.page, headers={"content-security-policy": policy(self.page)})

    async def _pairs(self, request: Request) -> Response:
        """Tell the ratio of each pair, and what a person chose: nothing that tells the outputs."""
        by = _name(request.query_params.get("by", ""))
        await asyncio.to_thread(self.log.refresh)
        chosen = latest(self.log)
        told = [
            {
                "ratio": pair.ratio,
                "chosen": (found := chosen.get((by, pair.key))) and side_of(pair, found),
            }
            for pair in self.comparison.pairs
        ]
        return JSONResponse({"pairs": told})

    async def _picture(self, request: Request) -> Response:
        number, what = request.path_params["number"], request.path_params["what"]
        if not 0 <= number < len(self.comparison.pairs) or what not in WHAT:
            raise WrongRequest(404, "there is no such pair")
        async with self.places:
            try:
                data = await asyncio.to_thread(self._drawn, number, what)
            except SourceError as error:
                raise WrongRequest(422, f"{type(error).__name__}: {error}") from None
        return Response(data, media_type="image/jpeg", headers={"cache-control": "private"})

    def _drawn(self, number: int, what: str) -> bytes:
        pair = self.comparison.pairs[number]
        if what == "photo":
            shown = self.pictures.photo(pair)
        else:
            shown = self.pictures.crop(pair, WHAT.index(what) - 1)
        return image.encode(numpy.asarray(shown.convert("RGB")), "jpeg", quality=88)

    async def _judge(self, request: Request) -> Response:
        """Store a judgement, or take one back."""
        body = await read_json(request)
        number, side = body.get("number"), body.get("better")
        by, identity = _name(text_field(body, "by", MAX_NAME)), text_field(body, "id", 64)
        pairs = self.comparison.pairs
        if not isinstance(number, int) or not 0 <= number < len(pairs):
            raise WrongRequest(422, f"number: expected 0 to {len(pairs) - 1}")
        if side is not None and side not in SIDES:
            raise WrongRequest(422, f"better: expected {', '.join(SIDES)} or null")
        entry: Entry = entry_of(pairs[number], str(side or "alike"), by, identity)
        if side is None:
            entry["set"] = {"better": None}
        try:
            await asyncio.to_thread(self.log.append, [entry])
        except SourceError as error:
            raise WrongRequest(503, f"the judgement could not be stored: {error}") from None
        return JSONResponse({"stored": identity})

    async def _results(self, request: Request) -> Response:
        """Tell the win rates to a person who has judged all pairs; before, names would tell."""
        by = _name(request.query_params.get("by", ""))
        await asyncio.to_thread(self.log.refresh)
        mine = {key for name, key in latest(self.log) if name == by}
        if missing := sum(pair.key not in mine for pair in self.comparison.pairs):
            raise WrongRequest(403, f"{missing} pairs are not judged yet; the results wait")
        rates = win_rates(self.comparison, self.log)
        return JSONResponse(
            {
                "names": list(self.comparison.names),
                "rates": {name: each.record() for name, each in rates.items()},
            }
        )


def _name(text: str) -> str:
    return " ".join(text.split())[:MAX_NAME] or "?"


def compare_app(app: CompareApp, token: str, hosts: Collection[str] | None) -> ASGIApp:
    """Return the application, which answers to those who know the token.

    Args:
        app: answers.
        token: the first part of every path.
        hosts: values of the header ``Host`` that are answered; None: any.
    """
    handlers = {WrongRequest: wrong_request, HTTPException: http_error, Exception: bug}
    return Guard(Starlette(routes=app.routes(), exception_handlers=handlers), token, hosts)

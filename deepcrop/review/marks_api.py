"""The requests of the page about marks: to read the log, and to add to it."""

from __future__ import annotations

import asyncio
import re
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse

from ..errors import RequestError, SourceError
from ..manifest.mark_log import Entry
from ..sources.marks import Changes, Value, check_changes
from .applying import ApplyApi
from .requests import WrongRequest, read_json, text_field
from .session import ReviewSession

MAX_ENTRIES = 500
"""Entries in one request to add some."""
PAGE_ENTRIES = 5000
"""Entries in one answer."""
MAX_NAME = 80
"""Characters of a person's name."""
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class MarksApi:
    """Answers requests about the marks of a session."""

    def __init__(self, session: ReviewSession, applying: ApplyApi) -> None:
        """Take the session, and what applies its marks."""
        self.session = session
        self.applying = applying

    async def read(self, request: Request) -> JSONResponse:
        """Answer ``GET api/marks?after=N``: the entries that this server learned of after N."""
        text = request.query_params.get("after", "0")
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise WrongRequest(400, f"after={text[:20]!r}: expected a count")
        start = int(text)
        entries = self.session.arrivals[start : start + PAGE_ENTRIES]
        build = self.session.build
        return JSONResponse(
            {
                "entries": [self.session.shown(each) for each in entries],
                "next": min(start, len(self.session.arrivals)) + len(entries),
                "total": len(self.session.arrivals),
                "build": build and build["build"],
                "applying": self.applying.state,
            }
        )

    async def add(self, request: Request) -> JSONResponse:
        """Answer ``POST api/marks``: store entries, and tell them with their times."""
        body = await read_json(request)
        given = body.get("entries")
        if not isinstance(given, list) or not 0 < len(given) <= MAX_ENTRIES:
            raise WrongRequest(400, f"entries: expected a list of 1 to {MAX_ENTRIES}")
        entries = [self._checked(each) for each in given]
        try:
            stored = await asyncio.to_thread(self.session.mark, entries)
        except SourceError as error:
            raise WrongRequest(503, f"the marks could not be stored: {error}") from None
        return JSONResponse({"entries": [self.session.shown(each) for each in stored]})

    def _checked(self, value: object) -> Entry:
        """Return an entry of a request.

        Raises:
            WrongRequest: it is none, or makes no sense for the job.
        """
        if not isinstance(value, dict):
            raise WrongRequest(400, "entries: expected objects")
        identity = text_field(value, "id", 64)
        if not _ID.fullmatch(identity):
            raise WrongRequest(400, "id: expected 8 to 64 letters, digits, - or _")
        source = text_field(value, "source", 8192)
        if source not in self.session.sources:
            raise WrongRequest(422, f"source {source[:200]!r}: is no source of this job")
        entry: Entry = {
            "id": identity,
            "at": 0.0,
            "by": " ".join(text_field(value, "by", MAX_NAME).split()) or "?",
            "source": source,
            "set": self._changes(value.get("set")),
            "was": self._changes(value.get("was", {})),
        }
        if "undoes" in value:
            entry["undoes"] = text_field(value, "undoes", 64)
        if "redoes" in value:
            entry["redoes"] = text_field(value, "redoes", 64)
        return entry

    def _changes(self, value: object) -> dict[str, Value]:
        if not isinstance(value, dict):
            raise WrongRequest(400, "set, was: expected objects")
        changes = cast("Changes", value)
        try:
            check_changes(changes, self.session.aspects, self.session.job.kind)
        except RequestError as error:
            raise WrongRequest(422, str(error)) from None
        return dict(changes)

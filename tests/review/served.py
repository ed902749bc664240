"""A review server in a thread of the test's process, on any port, and requests to it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("starlette", reason="not installed: starlette (the extra review)")
pytest.importorskip("uvicorn", reason="not installed: uvicorn (the extra review)")

from deepcrop.review.app import ReviewApp, review_app
from deepcrop.review.guard import new_token
from deepcrop.review.server import listen, server_of
from deepcrop.review.session import ReviewSession


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass(frozen=True)
class Served:
    """A running server."""

    port: int
    token: str
    session: ReviewSession

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.token}/report/"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request to a path below the token, unless it begins with a slash."""
        whole = path if path.startswith("/") else f"/{self.token}/{path}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, whole, body, named)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, told, response.read())
        finally:
            connection.close()

    def post(self, path: str, value: object) -> Answer:
        return self.ask("POST", path, json.dumps(value).encode(), content_type="application/json")


@contextmanager
def serving(
    output: object, reviewer: str = "anna", port: int = 0, **options: Any
) -> Iterator[Served]:
    """Serve the page of an output."""
    session = ReviewSession(str(output), **options)
    session.open()
    place, token = listen("127.0.0.1", port), new_token()
    server = server_of(review_app(ReviewApp(session, reviewer), token, place.hosts))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place.socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Served(place.port, token, session)
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


def entry(source: object, identity: str = "id-000001", by: str = "anna", **fields: Any) -> dict:
    """An entry as the page sends it; by default it says good."""
    values = {"set": {"good": True}, "was": {"good": None}} | fields
    return {"id": identity, "by": by, "source": str(source), **values}

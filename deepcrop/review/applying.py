"""The request to apply the pending marks, and the state of what it started."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import TypedDict

from starlette.requests import Request
from starlette.responses import JSONResponse

from ..errors import DeepcropError
from .requests import WrongRequest, read_json
from .session import ReviewSession

MODULE = "deepcrop.review.apply_process"


class Applying(TypedDict):
    """How far applying is."""

    running: bool
    done: int
    total: int
    """Sources to make again; 0 while that is not known."""
    text: str
    """What goes on, or how it ended; empty where nothing was applied yet."""


NOTHING: Applying = {"running": False, "done": 0, "total": 0, "text": ""}
"""The state before anything was applied."""


@dataclass
class ApplyApi:
    """Applies the marks of a session's output, one run at a time."""

    session: ReviewSession
    state: Applying = field(default_factory=NOTHING.copy)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: subprocess.Popen[str] | None = None

    async def start(self, request: Request) -> JSONResponse:
        """Answer ``POST api/apply``: start to apply, and tell the state."""
        await read_json(request)
        with self._lock:
            if self.state["running"]:
                raise WrongRequest(409, "marks are being applied already")
            self.state = {"running": True, "done": 0, "total": 0, "text": "starting"}
        threading.Thread(target=self._run, name="apply", daemon=True).start()
        return JSONResponse(self.state)

    def stop(self) -> None:
        """End a run that goes on; the same again resumes it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _run(self) -> None:
        text = "not applied: the run ended without a word"
        try:
            text = self._follow(text)
            self.session.refresh()
            # Also where nothing was made again: marks that are applied are pending no more.
            self.session.rebuild()
        except (DeepcropError, OSError) as error:
            text = f"{text}; the page could not be updated: {error}"
        finally:
            done, total = self.state["done"], self.state["total"]
            self.state = {"running": False, "done": done, "total": total, "text": text}

    def _follow(self, text: str) -> str:
        """Run the process to its end; return how it ended."""
        endpoint = self.session.job.s3_endpoint
        command = [sys.executable, "-m", MODULE, self.session.manifest.output]
        self._process = subprocess.Popen(
            [*command, endpoint] if endpoint else command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if not line.startswith("{"):
                    continue  # a library's own words
                told = json.loads(line)
                if "ok" in told:
                    text = told["text"]
                else:
                    self.state = {
                        "running": True,
                        "done": told["done"],
                        "total": told["total"],
                        "text": told["text"],
                    }
        self._process.wait()
        return text

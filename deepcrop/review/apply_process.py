"""Apply an output's pending marks in a process of its own, which tells how far it is.

```text
python -m deepcrop.review.apply_process OUTPUT [S3-ENDPOINT]
```

Each line of its standard output is a JSON object: ``{"done": 3, "total": 10, "text": "..."}`` while
it works, then ``{"text": "...", "ok": true}``. The server starts it, because a run starts a Ray
cluster and takes signals.
"""

from __future__ import annotations

import json
import sys

from ..errors import DeepcropError

WAIT_S = 600.0
"""Seconds for which to wait until another run on the output ends."""


class LineProgress:
    """Writes the progress of a run as lines of JSON."""

    def __init__(self) -> None:
        """Start with nothing done."""
        self.total, self.done, self.text = 0, 0, "waiting for the cluster"

    def start(self, total: int, done: int, failed: int) -> None:
        """Take how many sources there are, and how many of them are done."""
        self.total, self.done, self.text = total - done, 0, "sources made again"
        self._tell()

    def advance(self, done: int, failed: int) -> None:
        """Take that further sources are done."""
        self.done += done
        self._tell()

    def note(self, text: str) -> None:
        """Take what the run waits for."""
        self.text = text or "sources made again"
        self._tell()

    def _tell(self) -> None:
        tell({"done": self.done, "total": self.total, "text": self.text})


def tell(values: dict[str, object]) -> None:
    """Write a line."""
    print(json.dumps(values), flush=True)


def main(output: str, endpoint: str | None = None) -> None:
    """Apply the marks."""
    from ..engine.correct import apply_marks

    tell({"done": 0, "total": 0, "text": "looking what the marks change"})
    try:
        summary, _ = apply_marks(output, endpoint, LineProgress(), WAIT_S)
    except DeepcropError as error:
        tell({"text": f"not applied: {error}", "ok": False})
        return
    made = summary.done - summary.resumed
    failed = f"; {summary.failed:,} sources of the job failed" if summary.failed else ""
    tell({"text": f"applied: {made:,} sources were made again{failed}", "ok": True})


if __name__ == "__main__":
    main(*sys.argv[1:])

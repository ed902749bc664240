"""The logs that actors write on their nodes: one JSON object per line, for Loki and the like.

The manifest says what became of every source; the log says when and where it happened.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from ..stages.item import ImageTask
from ..storage import redact, strip_credentials

logger = logging.getLogger("deepcrop")


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level and event, then the facts that it was given."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(line | getattr(record, "facts", {}))


@contextmanager
def quiet_loggers(*names: str, level: int = logging.WARNING) -> Iterator[None]:
    """Raise the level of other packages' loggers, and put it back as it was."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(level)
    try:
        yield
    finally:
        for each, before in zip(loggers, levels, strict=True):
            each.setLevel(before)


def log_to_node() -> None:
    """Send this process's events to its standard error, which Ray keeps as a log of the node."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger.handlers, logger.propagate = [handler], False


def log_failures(tasks: Sequence[ImageTask]) -> None:
    """Log which of these sources failed, at which stage, and why."""
    for task in tasks:
        if task.error is not None:
            facts = {
                "source_id": task.source["source_id"],
                "source_uri": strip_credentials(task.uri),
                "stage": task.error.stage,
                "error": type(task.error).__name__,
                "message": redact(str(task.error)),
                "attempts": task.attempts,
            }
            logger.warning("source failed", extra={"facts": facts})

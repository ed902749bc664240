"""Errors of the actors themselves, which travel to the driver as data.

An error of a source is caught in its stage and ends in the source's row. What remains is the
actor's own: the method can't be loaded, the GPU has no memory left, a bug. Ray Data would hand such
an error over as text, and only after it has given the actor up. So an actor catches it and answers
a record of it in a column of its own, which the actors after it pass on; the driver raises it.
"""

from __future__ import annotations

import traceback
from dataclasses import asdict, dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import JobIncomplete, RequestError
from ..storage import redact
from .logs import logger

ACTOR_ERROR = "actor_error"
"""Column of the tables between actors: the record of an error, null in the rows of sources."""

Phase = Literal["start", "call"]


@dataclass(frozen=True)
class ActorError:
    """An exception that an actor raised, as it travels to the driver."""

    phase: Phase
    """``start``: the actor could not be constructed; ``call``: it failed on a batch."""
    type: str
    """The name of the exception's class."""
    message: str
    is_request_error: bool
    """Whether the request is wrong, in a way that only an actor could find out."""

    @classmethod
    def of(cls, error: Exception, phase: Phase) -> ActorError:
        """Describe an exception; its traceback goes to the node's log."""
        message = redact(str(error))
        trace = "".join(traceback.format_exception(error))
        facts = {"phase": phase, "error": type(error).__name__, "traceback": redact(trace)}
        logger.error("actor failed", extra={"facts": facts})
        return cls(phase, type(error).__name__, message, isinstance(error, RequestError))

    def __str__(self) -> str:
        """Return the class and the message, in one line."""
        return " ".join(f"{self.type}: {self.message}".split())

    def exception(self) -> RequestError | JobIncomplete:
        """Return what ends a job of which no actor can start."""
        if self.is_request_error:
            return RequestError(self.message)
        return JobIncomplete(f"an actor could not start ({self})")


def with_errors(table: pa.Table | None, errors: list[ActorError]) -> pa.Table:
    """Return a table with records of errors below its rows.

    Args:
        table: the answer of an actor, or None where there is none.
        errors: the records; without any, the table is returned as it is.
    """
    if not errors and table is not None:
        return table
    records = pa.table({ACTOR_ERROR: pa.array([asdict(each) for each in errors])})
    return (
        records if table is None else pa.concat_tables([table, records], promote_options="default")
    )


def split_errors(table: pa.Table) -> tuple[pa.Table, list[ActorError]]:
    """Return the rows of sources, and the errors of the actors that they came through."""
    if ACTOR_ERROR not in table.column_names:
        return table, []
    failed = pc.is_valid(table[ACTOR_ERROR])
    errors = [ActorError(**each) for each in table[ACTOR_ERROR].filter(failed).to_pylist()]
    return table.filter(pc.invert(failed)).drop_columns(ACTOR_ERROR), errors

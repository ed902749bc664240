"""A survey in a process of its own, which gives its memory back when it ends.

It is the target of :class:`deepcrop.stages.child.Child`, and imports nothing of the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ..storage import Storage
from .survey import Question, Survey, list_and_survey

SERIAL_LISTING_S = 60.0
"""Seconds for which one process lists folders; after that, the cluster does."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class TakesCluster(Exception):
    """Listing takes more than one process: many folders, archives, files to hash."""


def make(say: object, storage: Storage, output: str) -> Callable[[Question], Survey]:
    """Return the function that makes a survey.

    Args:
        say: tells which stage begins; a survey has none.
        storage: the store of input and output.
        output: canonical URI of the output.
    """

    def work(question: Question) -> Survey:
        return list_and_survey(
            question, storage, output, parallel_map=_refuse, serial_seconds=SERIAL_LISTING_S
        )

    return work


def _refuse(
    function: Callable[[Item], Answer], items: Iterable[Item], *, cpus: float = 1.0
) -> list[Answer]:
    """Refuse to apply a function to items, if there are any.

    Raises:
        TakesCluster: there are.
    """
    if list(items):
        raise TakesCluster
    return []

"""How work on many items is spread: one after the other, or over the processes of an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class ParallelMap(Protocol):
    """Applies a function to many items, in other processes where there are some."""

    def __call__(
        self, function: Callable[[Item], Answer], items: Iterable[Item], *, cpus: float
    ) -> list[Answer]:
        """Return the answers in the order of the items; raise what a call raised.

        Args:
            function: can be pickled.
            items: the arguments, which can be pickled.
            cpus: share of a CPU that one call takes.
        """
        ...


def serial_map(
    function: Callable[[Item], Answer], items: Iterable[Item], *, cpus: float = 1.0
) -> list[Answer]:
    """Apply a function to one item after the other, in this process."""
    return [function(item) for item in items]

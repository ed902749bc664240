"""Maps a function over many items: one after the other, or in parallel on an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class ParallelMap(Protocol):
    """Applies a function to many items, in other processes if the engine has them."""

    def __call__(
        self, function: Callable[[Item], Answer], items: Iterable[Item], *, cpus: float
    ) -> list[Answer]:
        """Return the results in the order of the items; an exception of a call is raised.

        Args:
            function: a function that can be pickled.
            items: its arguments, which can be pickled.
            cpus: the share of a CPU that one call takes.
        """
        ...


def serial_map(
    function: Callable[[Item], Answer], items: Iterable[Item], *, cpus: float = 1.0
) -> list[Answer]:
    """Apply a function to one item after the other, in this process."""
    return [function(item) for item in items]

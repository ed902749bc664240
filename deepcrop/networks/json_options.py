"""Options of a network as JSON, the form in which weights files carry them."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class JsonOptions:
    """The base of dataclasses of options that are written to the metadata of weights files."""

    network: ClassVar[str]
    """The name of the network, for messages."""

    def to_json(self: DataclassInstance) -> str:
        """Return the options as a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse options from the result of :meth:`to_json`; lists become tuples.

        Raises:
            ValueError: the object has an unknown option.
        """
        values = json.loads(text)
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown {cls.network} options: {', '.join(unknown)}")
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})

"""Prices of machines and of a store, from a table that users edit."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import RequestError
from ..job import read_yaml

TABLE = Path(__file__).with_name("prices.yaml")
"""The table that comes with the package."""


class Machine(BaseModel):
    """A kind of machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpus: int = Field(ge=1)
    gpus: int = Field(default=0, ge=0)
    hour: float = Field(ge=0)
    """Dollars an hour."""


class Requests(BaseModel):
    """Prices of requests to the store, in dollars a thousand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read: float = Field(ge=0)
    write: float = Field(ge=0)


class Prices(BaseModel):
    """The table of prices."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    """The provider and region of the prices."""
    date: str
    machines: dict[str, Machine]
    requests: Requests
    storage_month: float = Field(ge=0)
    """Dollars for a GiB a month."""

    @classmethod
    def read(cls, path: Path = TABLE) -> Prices:
        """Read a table.

        Raises:
            RequestError: it can't be read, or a price is missing or wrong.
        """
        try:
            return cls.model_validate(read_yaml(path))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise RequestError(f"prices {path}: {field}: {first['msg']}") from None

    def machine(self, name: str) -> Machine:
        """Return a machine by its name.

        Raises:
            RequestError: the table has none of that name.
        """
        if name not in self.machines:
            known = ", ".join(self.machines)
            raise RequestError(f"machine {name!r}: not in the table of prices; one of: {known}")
        return self.machines[name]

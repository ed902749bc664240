"""The contract of an export format: the options that it takes, and the function that writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..manifest.store import Manifest

OptionName = Literal["base", "map", "key", "salt", "orientation"]


@dataclass(frozen=True)
class ExportOptions:
    """What a person may ask of an export; a format ignores the options that it does not take."""

    base: str | None = None
    """What every URL begins with: the image server, or a folder of the site."""
    map: tuple[str, ...] = ()
    """Rules ``SOURCE=PATH``: where a folder of sources lies on the server or site."""
    key: bytes | None = None
    """The key that signs URLs, as the user gave it."""
    salt: bytes | None = None
    """The salt that signs URLs, as the user gave it."""
    orientation: Literal["shown", "stored"] | None = None
    """Whether coordinates count the pixels of a photo as it is shown, or as it is stored."""


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote."""

    files: list[str]
    """URIs of the files written."""
    notes: list[str] = field(default_factory=list)
    """Lines for the user: what the program that reads the files needs to know."""


@dataclass(frozen=True)
class ExportFormat:
    """A format that a job's results can be exported to."""

    options: frozenset[OptionName]
    """The options of :class:`ExportOptions` that the format takes."""
    write: Callable[[Manifest, str, ExportOptions], ExportResult]
    """Writes the export of a manifest, whose parts were found, to the URI of a file or folder.

    Raises :class:`~deepcrop.errors.RequestError` where an option's value is wrong or a source
    cannot be exported, and :class:`~deepcrop.errors.WriteError` where a file can't be written.
    """

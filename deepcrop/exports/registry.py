"""The export formats by name; a format's module is imported when it is asked for."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module

from .base import ExportFormat, OptionName


class FormatName(StrEnum):
    """The export formats: each value is the name of a module of this folder."""

    css = "css"
    thumbor = "thumbor"
    imgproxy = "imgproxy"
    picture = "picture"
    xmp = "xmp"
    webdataset = "webdataset"


def find(name: FormatName) -> ExportFormat:
    """Return the format of a name."""
    found: ExportFormat = import_module(f".{name}", __package__).FORMAT
    return found


def formats_with(option: OptionName) -> list[FormatName]:
    """Return the names of the formats that take an option."""
    return [name for name in FormatName if option in find(name).options]

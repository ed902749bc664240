"""What is known of the page beside it, for the server that shows it: ``report/build.json``."""

from __future__ import annotations

import json
from typing import TypedDict

from .. import __version__
from ..errors import NotFound
from ..manifest.store import Manifest


class Build(TypedDict):
    """One build of the page."""

    build: str
    """Its name."""
    version: str
    """Version of deepcrop that wrote it."""
    started: float
    """When its data began to be read, in seconds since 1970."""
    updated: float
    """The value ``updated`` of ``job.json`` at that time."""


def write_build(manifest: Manifest, name: str, started: float, updated: float) -> None:
    """Write what is known of a build.

    Args:
        manifest: of the output.
        name: of the build.
        started: when its data began to be read, in seconds since 1970.
        updated: the value ``updated`` of ``job.json`` at that time.
    """
    told: Build = {"build": name, "version": __version__, "started": started, "updated": updated}
    uri = f"{manifest.output}/report/build.json"
    manifest.storage.write(uri, json.dumps(told).encode(), "application/json")


def read_build(manifest: Manifest) -> Build | None:
    """Return the build of an output's page; None where there is none, or an older page."""
    try:
        text = manifest.storage.read(f"{manifest.output}/report/build.json")
    except NotFound:
        return None
    found: Build = json.loads(text)
    return found

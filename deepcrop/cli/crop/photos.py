"""Photos that are named on the command line, and what their variants are called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...errors import RequestError
from ...stages.local import STDIN
from ...storage import Storage
from ...storage.uri import local_path


def find_photos(names: Sequence[str], storage: Storage) -> list[str]:
    """Return the photos that paths, URIs and globs name, in their order.

    Raises:
        RequestError: a glob names none, or a name is that of a folder.
    """
    photos: list[str] = []
    for name in names:
        if "://" in name:
            several = storage.is_glob(name)
            found = [entry.uri for entry in storage.list(name)] if several else [name]
        else:
            if Path(name).is_dir():
                raise RequestError(
                    f"{name}: is a folder; name its photos, such as {name.rstrip('/')}/*.jpg, "
                    f"or crop all of them: deepcrop run --input {name} --output FOLDER"
                )
            several = name != STDIN and not Path(name).exists() and any(c in name for c in "*?[")
            found = _matches(name, storage) if several else [name]
        if not found:
            raise RequestError(f"{name}: no photo matches")
        photos += found
    return photos


def _matches(name: str, storage: Storage) -> list[str]:
    """Return the paths that a glob names, hidden ones left out unless it begins with a dot.

    Not by Python's glob, which follows a link to a folder above itself again and again.
    """
    found = [local_path(entry.uri) for entry in storage.list(name)]
    if not Path(name).is_absolute():
        found = [os.path.relpath(path) for path in found]
    hidden = Path(name).name.startswith(".")
    return sorted(path for path in found if hidden or not Path(path).name.startswith("."))


def distinct_stems(photos: Sequence[str]) -> list[str]:
    """Return a name for each photo: its stem, numbered where two share one."""
    seen: dict[str, int] = {}
    names = []
    for photo in photos:
        stem = "stdin" if photo == STDIN else PurePosixPath(photo).stem
        seen[stem] = seen.get(stem, 0) + 1
        names.append(stem if seen[stem] == 1 else f"{stem}-{seen[stem]}")
    return names

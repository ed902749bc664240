"""The selection of sources: which files are photos, judged by their paths.

Computers and storage devices leave other files among photos. These are ignored by default:

=====================================  ===========================================================
ignored                                because
=====================================  ===========================================================
``._*``, ``.AppleDouble/``             AppleDouble: a Mac's metadata of a file on a foreign disk
``__MACOSX/``                          the same, in a zip archive that a Mac packed
``.DS_Store``, ``Icon`` with a CR,     a Mac's settings and icon of a folder, its search index,
``.Spotlight-V100/``, ``.fseventsd/``  its journal, earlier versions of documents, and unfinished
``.DocumentRevisions-V100/``           files
``.TemporaryItems/``
``@eaDir/``, ``SYNOPHOTO_*``,          thumbnails of Synology
``SYNOFILE_THUMB*``
``.@__thumb/``                         thumbnails of QNAP
``.wdmc/``                             thumbnails of Western Digital
``.thumbnails/``                       thumbnails of Android and of Linux desktops
``#recycle/``, ``@Recycle/``,          recycle bins of Synology, QNAP, Windows, Macs, Linux,
``$RECYCLE.BIN/``, ``.Trashes/``,      Android and digiKam: what people threw away
``.Trash/``, ``.Trash-*/``,
``.trashed-*``, ``.dtrash/``
``Thumbs.db``, ``desktop.ini``,        Windows' thumbnails and settings of a folder
``System Volume Information/``
=====================================  ===========================================================

Case is ignored in these names. Folders match at any depth below the input, and everything in them
is ignored. Files that may be photos of a person are not in the table: hidden files in general,
snapshots, and ``.picasaoriginals``, where Picasa keeps the originals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from re import Pattern

from ..job import Job
from ..storage.pattern import below_folder, compile_glob, has_magic
from .keys import EXTENSIONS

APPLE_DOUBLE = "AppleDouble (._*)"
ZIPPED = "Mac's metadata (__MACOSX)"
MAC = "Mac's settings and indexes (.DS_Store)"
SYNOLOGY = "Synology thumbnails (@eaDir)"
QNAP = "QNAP thumbnails (.@__thumb)"
WESTERN_DIGITAL = "Western Digital thumbnails (.wdmc)"
THUMBNAILS = "thumbnails (.thumbnails)"
BIN = "in recycle bins"
WINDOWS = "Windows' settings and thumbnails (Thumbs.db)"
OTHER = "other files"
"""Files whose extension is not that of an image."""
EXCLUDED = "excluded (--exclude)"
NOT_INCLUDED = "not included (--include)"
REPEATED = "repeated"
"""Rows of a list with the URI of an earlier row."""
NO_URI = "rows without a URI"
_SINGULAR = {
    OTHER: "other file",
    NO_URI: "row without a URI",
    SYNOLOGY: "Synology thumbnail (@eaDir)",
    QNAP: "QNAP thumbnail (.@__thumb)",
    WESTERN_DIGITAL: "Western Digital thumbnail (.wdmc)",
    THUMBNAILS: "thumbnail (.thumbnails)",
}

_FOLDERS = {
    ".appledouble": APPLE_DOUBLE,
    "__macosx": ZIPPED,
    ".spotlight-v100": MAC,
    ".fseventsd": MAC,
    ".documentrevisions-v100": MAC,
    ".temporaryitems": MAC,
    "@eadir": SYNOLOGY,
    ".@__thumb": QNAP,
    ".wdmc": WESTERN_DIGITAL,
    ".thumbnails": THUMBNAILS,
    "#recycle": BIN,
    "@recycle": BIN,
    "$recycle.bin": BIN,
    ".trash": BIN,
    ".trashes": BIN,
    ".dtrash": BIN,
    "system volume information": WINDOWS,
}
_TRASH = ".trash-"
"""Start of the name of a Linux user's recycle bin (freedesktop.org's Trash specification)."""
_NAMES = {
    ".ds_store": MAC,
    "icon\r": MAC,
    "thumbs.db": WINDOWS,
    "ehthumbs.db": WINDOWS,
    "desktop.ini": WINDOWS,
}
_NAME_STARTS = {
    "._": APPLE_DOUBLE,
    "synophoto_": SYNOLOGY,
    "synofile_thumb": SYNOLOGY,
    ".trashed-": BIN,
}
_STARTS = tuple(_NAME_STARTS)


@dataclass(frozen=True)
class Selection:
    """Which files of an input are its sources: the job's globs, and the module's table.

    A glob is matched against the path below the input, with case. A glob without a slash is matched
    against the name alone, at any depth; one that ends in a slash matches everything below a folder
    of this name. ``*`` and ``?`` stop at slashes, ``**`` spans folders, ``[abc]`` is one of these.

    Files that are ignored by default are sources where an ``include`` glob names them, such as
    ``**/._*``, ``@eaDir/`` or ``*.dat``, but not where it only spans them, such as ``2024/**``.
    """

    include: tuple[str, ...] = ()
    """Only files that one of these matches are sources; all where empty."""
    exclude: tuple[str, ...] = ()
    """Files that one of these matches are not sources, even where they are included."""

    @classmethod
    def of(cls, job: Job) -> Selection:
        """Return the selection that a job asks for."""
        return cls(job.include, job.exclude)

    def refuse(self, path: str, *, any_name: bool = False) -> str | None:
        """Return the kind as which a file is ignored; None where it is a source.

        Args:
            path: relative to the input.
            any_name: whether a source may have any extension.
        """
        kinds = [*_kinds(path, any_name)]
        kind = kinds[0] if kinds else None
        if any(pattern.match(path) for pattern in self._excluded):
            return kind or EXCLUDED
        if self.include:
            matching = [named for pattern, named in self._included if pattern.match(path)]
            if not matching:
                return kind or NOT_INCLUDED
            kind = next((each for each in kinds if not any(each in one for one in matching)), None)
        return kind

    @cached_property
    def _excluded(self) -> list[Pattern[str]]:
        return [compile_glob(glob) for glob in self.exclude]

    @cached_property
    def _included(self) -> list[tuple[Pattern[str], set[str]]]:
        return [(compile_glob(glob), {*_kinds(below_folder(glob), False)}) for glob in self.include]


def _kinds(path: str, any_name: bool) -> Iterator[str]:
    """Yield the kinds as which a path, or what a glob names, is ignored; folders come first."""
    *folders, name = path.lower().split("/")
    if not _FOLDERS.keys().isdisjoint(folders) or _TRASH in path.lower():
        for folder in folders:
            if kind := BIN if folder.startswith(_TRASH) else _FOLDERS.get(folder):
                yield kind
    if name in _NAMES:
        yield _NAMES[name]
    if name.startswith(_STARTS):
        yield next(kind for start, kind in _NAME_STARTS.items() if name.startswith(start))
    _, dot, extension = name.rpartition(".")
    if not any_name and dot and extension not in EXTENSIONS and not has_magic(extension):
        yield OTHER


def in_words(kinds: Mapping[str, int]) -> str:
    """Return counts of ignored files as text, such as ``3: 2 other files, 1 repeated``."""
    most_first = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    parts = [
        f"{count:,} {_SINGULAR.get(kind, kind) if count == 1 else kind}"
        for kind, count in most_first
        if count
    ]
    return f"{sum(kinds.values()):,}: {', '.join(parts)}" if parts else "0"

"""The discovery of a job's sources: every image is listed once, with an id and a key.

The input is a folder or prefix, whose sub-folders are listed in parallel; a list file, whose rows
are taken (:mod:`deepcrop.sources.list_files`); or tar archives (WebDataset), each of which is read
once. Files that are not photos, by their names, are left out and counted
(:mod:`deepcrop.sources.selection`). The id is a hash of the URI, so it is the same in every
listing. The key names the source's variants; it is safe as a path, and unique.
"""

from __future__ import annotations

import posixpath
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..errors import RequestError, SourceError
from ..schema import SOURCES
from ..storage import Entry, Prefix, Storage, below, iter_tar_members, strip_credentials
from .keys import distinct_keys
from .list_files import LISTS, keep_columns
from .list_rows import list_rows
from .mapping import ParallelMap, serial_map
from .rows import CHUNK_ROWS, Listed, append, no_rows
from .selection import OTHER, REPEATED, Selection, in_words

__all__ = [
    "Sources",
    "is_redacted",
    "list_small",
    "list_sources",
    "select",
    "with_secrets",
    "without_secrets",
]

ARCHIVE = ".tar"
"""Suffix of inputs that are archives."""
REDACTED = "[redacted]"
"""Stands for a secret in a URI that was written down."""
LOCAL_LISTING_MAX = 2000
"""Files that are listed in the calling process at most; a process of a cluster takes longer to
start than these take to list."""
LOCAL_LIST_BYTES = 1 << 17
"""Bytes of a list file that is read in the calling process at most."""
SERIAL_LISTING_S = 3.0
"""Seconds after which the remaining folders are listed in parallel. The processes that do so take
two seconds of a CPU to start, more than all of a small listing."""
EVERY = Selection()
"""The default selection."""


@dataclass(frozen=True)
class Sources:
    """The sources that an input has, ordered by URI."""

    table: pa.Table
    """Columns of :data:`SOURCES`, then the columns carried over from the input list."""
    kinds: Mapping[str, int]
    """Ignored files and rows by kind; see :mod:`deepcrop.sources.selection`."""

    @property
    def ignored(self) -> int:
        """Files and rows that were ignored."""
        return sum(self.kinds.values())


def list_sources(
    uri: str,
    storage: Storage,
    previous: pa.Table | None = None,
    selection: Selection = EVERY,
    parallel_map: ParallelMap = serial_map,
    serial_seconds: float = SERIAL_LISTING_S,
) -> Sources:
    """List every source under ``uri``.

    Args:
        uri: the job's ``input``.
        storage: the store to list.
        previous: an earlier listing; its sources keep their keys, and its columns their types.
        selection: which files are sources.
        parallel_map: lists folders, or reads archives, in parallel.
        serial_seconds: seconds after which the folders that are left are listed in parallel.

    Raises:
        RequestError: there is nothing there, it can't be read, or a list lacks its columns.
    """
    if uri.lower().endswith(LISTS):
        listed = list_rows(uri, storage, selection)
    elif uri.lower().endswith(ARCHIVE):
        listed = _list_archives(uri, storage, selection, parallel_map)
    else:
        listed = _list_store(uri, storage, selection, parallel_map, serial_seconds)
    return _sources(uri, *listed, previous)


def list_small(
    uri: str,
    storage: Storage,
    previous: pa.Table | None = None,
    selection: Selection = EVERY,
) -> Sources | None:
    """List every source under ``uri`` as :func:`list_sources` does; None where that takes long.

    Archives and globs take long, and folders of more than :data:`LOCAL_LISTING_MAX` files.
    """
    if uri.lower().endswith(ARCHIVE) or storage.is_glob(uri):
        return None  # all bytes of an archive are read, all files below a glob's root are listed
    if uri.lower().endswith(LISTS):
        entry = storage.stat(uri)
        if entry is not None and (entry.size or 0) > LOCAL_LIST_BYTES:
            return None
        listed = list_rows(uri, storage, selection)
    else:
        entries = []
        deadline = time.monotonic() + SERIAL_LISTING_S
        for entry in storage.list(uri):
            entries.append(entry)
            if len(entries) > LOCAL_LISTING_MAX or time.monotonic() > deadline:
                return None
        listed = _entries_table(entries, storage.root(uri), selection)
    return _sources(uri, *listed, previous)


def _sources(uri: str, table: pa.Table, kinds: Counter[str], previous: pa.Table | None) -> Sources:
    """Order the listed sources by URI, drop repeated ones, and give each a key of its own."""
    if not table.num_rows:
        raise RequestError(
            f"input {uri}: no images there (ignored {in_words(kinds)}); "
            "put photos there, or give another folder, s3://bucket/prefix, glob or list of URIs"
        )
    if previous is not None:
        table = keep_columns(uri, table, previous.schema)
    table = table.sort_by("source_uri")
    unique, table_ids = _first_of_each(table)
    kinds = kinds + Counter({REPEATED: table.num_rows - unique.num_rows})
    if len(np.unique(table_ids)) != len(table_ids):
        raise RequestError(
            f"input {uri}: two URIs have one id; do they differ in a signature only?"
        )
    return Sources(distinct_keys(unique, previous), kinds)


def select(sources: pa.Table, limit: int | None, sample: int | None) -> pa.Table:
    """Return the first ``limit`` sources, and of those ``sample``, drawn evenly by their ids."""
    if limit is not None:
        sources = sources.slice(0, limit)
    if sample is not None and sample < sources.num_rows:
        ranks = np.argsort(sources["source_id"].to_numpy(), kind="stable")
        sources = sources.take(pa.array(np.sort(ranks[:sample])))
    return sources


def without_secrets(sources: pa.Table) -> pa.Table:
    """Return a listing without the credentials in its URIs, as it may be written down."""
    # Paths and S3 URIs have none, which one pass of Arrow tells for a million of them.
    if pc.all(pc.match_substring_regex(sources["source_uri"], "^(/|s3://)")).as_py():
        return sources
    names = pa.chunked_array(
        [
            [strip_credentials(uri) for uri in chunk.to_pylist()]
            for chunk in sources["source_uri"].chunks
        ],
        pa.string(),
    )
    return sources if names.equals(sources["source_uri"]) else _with_uris(sources, names)


def is_redacted(sources: pa.Table) -> bool:
    """Return whether credentials were left out of rows of a listing that was written down."""
    return bool(pc.any(pc.match_substring(sources["source_uri"], REDACTED)).as_py())


def with_secrets(
    sources: pa.Table,
    uri: str,
    storage: Storage,
    selection: Selection = EVERY,
    parallel_map: ParallelMap = serial_map,
) -> pa.Table:
    """Return a listing that was written down, with the credentials read from the input again."""
    names = sources["source_uri"].to_pylist()
    table = list_sources(uri, storage, sources, selection, parallel_map).table
    columns = (table[name].to_pylist() for name in ("source_id", "source_uri"))
    uri_of = dict(zip(*columns, strict=True))
    ids = sources["source_id"].to_pylist()
    uris = [uri_of.get(identity, name) for identity, name in zip(ids, names, strict=True)]
    return _with_uris(sources, pa.array(uris, pa.string()))


def _with_uris(sources: pa.Table, uris: pa.Array | pa.ChunkedArray) -> pa.Table:
    return sources.set_column(sources.schema.get_field_index("source_uri"), "source_uri", uris)


def _first_of_each(table: pa.Table) -> tuple[pa.Table, NDArray[np.int64]]:
    """Return a table sorted by URI without repeated URIs, and its ids, int64 (sources,)."""
    uris = table["source_uri"].combine_chunks()
    if table.num_rows > 1:
        new = pc.not_equal(uris.slice(1), uris.slice(0, len(uris) - 1))
        table = table.filter(pa.concat_arrays([pa.array([True]), new]))
    return table, table["source_id"].to_numpy()


def _list_store(
    uri: str,
    storage: Storage,
    selection: Selection,
    parallel_map: ParallelMap,
    serial_seconds: float,
) -> Listed:
    root = storage.root(uri)
    if storage.is_glob(uri) or storage.exists(uri):
        return _entries_table(storage.list(uri), root, selection)
    folders: list[str] = []
    listed = [_entries_table(_entries(storage.children(root), folders), root, selection)]
    deadline = time.monotonic() + serial_seconds
    while folders and time.monotonic() < deadline:
        listed.append(_list_folder(folders.pop(), root, storage, selection))
    if folders:
        each = partial(_list_folder, root=root, storage=storage, selection=selection)
        listed += parallel_map(each, folders, cpus=0.25)
    return _merged(listed)


def _entries(items: Iterable[Entry | Prefix], folders: list[str]) -> Iterator[Entry]:
    """Yield the objects of one level; append its folders to ``folders``."""
    for item in items:
        if isinstance(item, Entry):
            yield item
        else:
            folders.append(item.uri)


def _list_archives(
    uri: str, storage: Storage, selection: Selection, parallel_map: ParallelMap
) -> Listed:
    """List the images in tar archives: one, or all that a glob matches."""
    each = partial(_list_archive, root=storage.root(uri), storage=storage, selection=selection)
    try:
        return _merged(parallel_map(each, storage.list(uri), cpus=0.5))
    except SourceError as error:
        raise RequestError(f"input {uri}: {error}") from error


def _list_archive(archive: Entry, root: str, storage: Storage, selection: Selection) -> Listed:
    """List the images of one archive; ``NAME.txt`` is the caption of ``NAME.jpg`` (WebDataset)."""
    rows, kinds, captions = no_rows(), Counter[str](), {}
    stems: list[str] = []
    shard = below(archive.uri, root).removesuffix(ARCHIVE)
    for name, uri, size, data in iter_tar_members(archive.uri, storage.read(archive.uri)):
        stem, extension = posixpath.splitext(name)
        path = f"{shard}/{name}"
        if extension == ".txt":
            captions[stem] = data.decode("utf-8", "replace").strip()
        elif kind := selection.refuse(path) or (None if extension else OTHER):
            kinds[kind] += 1
        else:
            append(rows, uri, size, archive, path)
            stems.append(stem)
    rows["caption"] = [captions.get(stem) for stem in stems]
    return pa.table(rows, schema=SOURCES), kinds


def _list_folder(folder: str, root: str, storage: Storage, selection: Selection) -> Listed:
    return _entries_table(storage.list(folder), root, selection)


def _entries_table(entries: Iterable[Entry], root: str, selection: Selection) -> Listed:
    tables, rows, kinds = [], no_rows(), Counter[str]()
    for entry in entries:
        path = below(entry.uri, root)
        if kind := selection.refuse(path):
            kinds[kind] += 1
            continue
        append(rows, entry.uri, entry.size, entry, path)
        if len(rows["key"]) == CHUNK_ROWS:  # as Python objects they take ten times the memory
            tables.append(pa.table(rows, schema=SOURCES))
            rows = no_rows()
    return pa.concat_tables([*tables, pa.table(rows, schema=SOURCES)]), kinds


def _merged(listed: Sequence[Listed]) -> Listed:
    """Return the sources and counts of several listings as one."""
    tables, kinds = [SOURCES.empty_table()], Counter[str]()
    for table, counts in listed:
        tables.append(table)
        kinds += counts
    return pa.concat_tables(tables), kinds

"""The sources of a job: every image listed once, with an id, a key and what the list says of it.

A folder or prefix is listed in parallel, a Ray task for each of its sub-folders; a list file
(``.txt``, ``.csv``, ``.parquet``) is read as it is, a tar archive (WebDataset) is read whole, once.
The id is a hash of the URI, so it is the same in every listing; the key names the source's
variants, is safe as a path, and no two sources share it.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import ray

from ..errors import RequestError, SourceError
from ..storage import Entry, Prefix, Storage, below, canonical, common_folder, members, public
from .key import EXTENSIONS, distinct_keys, safe_key

LISTS = (".txt", ".csv", ".parquet")
ARCHIVE = ".tar"
REDACTED = "[redacted]"
FEW = 2000
"""Files that are listed at once by whoever asks: a process of a cluster takes longer to start."""
FEW_BYTES = 1 << 17
"""Of a list of so few."""
PATIENCE = 3.0
"""Seconds after which what is left is listed by tasks, side by side: a process for these takes two
seconds of a CPU to start, more than all of a small listing."""
SHARE = 1000
"""Rows that are gathered as Python's objects."""

SCHEMA = pa.schema(
    [
        ("source_id", pa.int64()),
        ("source_uri", pa.string()),
        ("source_bytes", pa.int64()),
        ("source_etag", pa.string()),
        ("key", pa.string()),
        ("caption", pa.string()),
        ("focal_x", pa.float64()),
        ("focal_y", pa.float64()),
        ("sha256", pa.string()),
        ("duplicate_of", pa.string()),
    ]
)


@dataclass(frozen=True)
class Sources:
    """All sources that are there, ordered by URI."""

    table: pa.Table
    """Columns of :data:`SCHEMA`, then the columns carried over from the input list."""
    ignored: int
    """Files of the input that are no images by their name, and repeated lines of a list."""


def source_id(uri: str) -> int:
    """Return the id of a URI: the first eight bytes of its SHA-256, as a signed integer."""
    digest = hashlib.sha256(uri.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def list_sources(uri: str, storage: Storage, known: pa.Table | None = None) -> Sources:
    """List every source under ``uri``.

    Args:
        uri: what the job's ``input`` says.
        storage: the store to list.
        known: an earlier listing; its sources keep their keys.

    Raises:
        RequestError: there is nothing there, it can't be read, or a list lacks its columns.
    """
    if uri.lower().endswith(LISTS):
        listed = _read_list(uri, storage)
    elif uri.lower().endswith(ARCHIVE):
        listed = _list_archives(uri, storage)
    else:
        listed = _list_store(uri, storage)
    return _sources(uri, *listed, known)


def list_few(uri: str, storage: Storage, known: pa.Table | None = None) -> Sources | None:
    """Do as :func:`list_sources` where that is soon done, without a cluster; else return None."""
    if uri.lower().endswith(ARCHIVE) or storage.is_glob(uri):
        return None  # what is read or looked through for them may be much
    if uri.lower().endswith(LISTS):
        entry = storage.stat(uri)
        if entry is not None and (entry.size or 0) > FEW_BYTES:
            return None
        listed = _read_list(uri, storage)
    else:
        entries = []
        patience = time.monotonic() + PATIENCE
        for entry in storage.list(uri):
            entries.append(entry)
            if len(entries) > FEW or time.monotonic() > patience:
                return None
        listed = _entries_table(entries, storage.root(uri))
    return _sources(uri, *listed, known)


def _sources(uri: str, table: pa.Table, ignored: int, known: pa.Table | None) -> Sources:
    """Order what was listed, each once, and give each a key."""
    if not table.num_rows:
        raise RequestError(
            f"input {uri}: no images there ({ignored} other files); "
            "expected a folder, s3://bucket/prefix, a glob or a list of URIs"
        )
    table = table.sort_by("source_uri")
    unique, table_ids = _first_of_each(table)
    ignored += table.num_rows - unique.num_rows
    if len(numpy.unique(table_ids)) != len(table_ids):
        raise RequestError(
            f"input {uri}: two URIs have one id; do they differ in a signature only?"
        )
    return Sources(distinct_keys(unique, known), ignored)


def select(sources: pa.Table, limit: int | None, sample: int | None) -> pa.Table:
    """Return the first ``limit`` sources, or of them ``sample``, drawn evenly by their ids."""
    if limit is not None:
        sources = sources.slice(0, limit)
    if sample is not None and sample < sources.num_rows:
        ranks = numpy.argsort(sources["source_id"].to_numpy(), kind="stable")
        sources = sources.take(pa.array(numpy.sort(ranks[:sample])))
    return sources


def without_secrets(sources: pa.Table) -> pa.Table:
    """Return a listing as it may be written down."""
    # Of a million names of these, none needs a look.
    if pc.all(pc.match_substring_regex(sources["source_uri"], "^(/|s3://)")).as_py():
        return sources
    names = pa.chunked_array(
        [[public(uri) for uri in chunk.to_pylist()] for chunk in sources["source_uri"].chunks],
        pa.string(),
    )
    return sources if names.equals(sources["source_uri"]) else _with_uris(sources, names)


def is_redacted(sources: pa.Table) -> bool:
    """Tell whether rows of a listing that was written down lack a secret."""
    return bool(pc.any(pc.match_substring(sources["source_uri"], REDACTED)).as_py())


def with_secrets(sources: pa.Table, uri: str, storage: Storage) -> pa.Table:
    """Return a listing that was written down, with what was left out read from the input again."""
    names = sources["source_uri"].to_pylist()
    table = list_sources(uri, storage, sources).table
    columns = (table[name].to_pylist() for name in ("source_id", "source_uri"))
    whole = dict(zip(*columns, strict=True))
    ids = sources["source_id"].to_pylist()
    uris = [whole.get(identity, name) for identity, name in zip(ids, names, strict=True)]
    return _with_uris(sources, pa.array(uris, pa.string()))


def _with_uris(sources: pa.Table, uris: pa.Array | pa.ChunkedArray) -> pa.Table:
    return sources.set_column(sources.schema.get_field_index("source_uri"), "source_uri", uris)


def _first_of_each(table: pa.Table) -> tuple[pa.Table, numpy.ndarray]:
    """Drop repeated URIs of a table sorted by URI."""
    uris = table["source_uri"].combine_chunks()
    if table.num_rows > 1:
        new = pc.not_equal(uris.slice(1), uris.slice(0, len(uris) - 1))
        table = table.filter(pa.concat_arrays([pa.array([True]), new]))
    return table, table["source_id"].to_numpy()


def _list_store(uri: str, storage: Storage) -> tuple[pa.Table, int]:
    root = storage.root(uri)
    if storage.is_glob(uri) or storage.exists(uri):
        return _entries_table(storage.list(uri), root)
    folders: list[str] = []
    listed = [_entries_table(_entries(storage.children(root), folders), root)]
    patience = time.monotonic() + PATIENCE
    while folders and time.monotonic() < patience:
        listed.append(_list_folder(folders.pop(), root, storage))
    if folders:
        task = ray.remote(num_cpus=0.25)(_list_folder)
        listed += ray.get([task.remote(folder, root, storage) for folder in folders])
    tables, ignored = zip(*listed, strict=True)
    return pa.concat_tables(tables), sum(ignored)


def _entries(items: Iterable[Entry | Prefix], folders: list[str]) -> Iterator[Entry]:
    """Yield the objects of one level as they come; note its folders."""
    for item in items:
        if isinstance(item, Entry):
            yield item
        else:
            folders.append(item.uri)


def _list_archives(uri: str, storage: Storage) -> tuple[pa.Table, int]:
    """List the images in tar archives, one or a glob of them: a task reads each archive whole."""
    root = storage.root(uri)
    task = ray.remote(num_cpus=0.5)(_list_archive)
    try:
        listed = ray.get([task.remote(each, root, storage) for each in storage.list(uri)])
    except ray.exceptions.RayTaskError as error:
        raise RequestError(f"input {uri}: {error.cause}") from error
    if not listed:
        return SCHEMA.empty_table(), 0
    tables, ignored = zip(*listed, strict=True)
    return pa.concat_tables(tables), sum(ignored)


def _list_archive(archive: Entry, root: str, storage: Storage) -> tuple[pa.Table, int]:
    """List the images of one archive; WebDataset's ``NAME.txt`` is the caption of ``NAME.jpg``."""
    rows, ignored, captions = _no_rows(), 0, {}
    stems = []
    shard = below(archive.uri, root).removesuffix(ARCHIVE)
    for name, uri, size, data in members(archive.uri, storage.read(archive.uri)):
        stem, _, extension = name.rpartition(".")
        if extension.lower() in EXTENSIONS:
            _append(rows, uri, size, archive.etag, f"{shard}/{name}")
            stems.append(stem)
        elif extension == "txt":
            captions[stem] = data.decode("utf-8", "replace").strip()
        else:
            ignored += 1
    rows["caption"] = [captions.get(stem) for stem in stems]
    return pa.table(rows, schema=SCHEMA), ignored


def _list_folder(folder: str, root: str, storage: Storage) -> tuple[pa.Table, int]:
    return _entries_table(storage.list(folder), root)


def _entries_table(entries: Iterable[Entry], root: str) -> tuple[pa.Table, int]:
    tables, rows, ignored = [], _no_rows(), 0
    for entry in entries:
        name = entry.uri.rpartition("/")[2]
        _, dot, extension = name.rpartition(".")
        if dot and extension.lower() not in EXTENSIONS:
            ignored += 1
            continue
        _append(rows, entry.uri, entry.size, entry.etag, below(entry.uri, root))
        if len(rows["key"]) == SHARE:  # as Python's objects they take ten times the memory
            tables.append(pa.table(rows, schema=SCHEMA))
            rows = _no_rows()
    return pa.concat_tables([*tables, pa.table(rows, schema=SCHEMA)]), ignored


def _no_rows() -> dict[str, list[object]]:
    return {name: [] for name in SCHEMA.names}


def _append(
    rows: dict[str, list[object]], uri: str, size: int | None, etag: str | None, relative: str
) -> None:
    rows["source_id"].append(source_id(public(uri)))
    rows["source_uri"].append(uri)
    rows["source_bytes"].append(size)
    rows["source_etag"].append(etag)
    rows["key"].append(safe_key(relative))
    for name in ("caption", "focal_x", "focal_y", "sha256", "duplicate_of"):
        rows[name].append(None)


def _read_list(uri: str, storage: Storage) -> tuple[pa.Table, int]:
    try:
        data = storage.get(uri).data
    except SourceError as error:
        raise RequestError(f"input {uri}: {error}") from error
    table = _parse_list(uri, data)
    if "uri" not in table.column_names and "url" in table.column_names:
        # What img2dataset and many crawls call it.
        table = table.rename_columns({"url": "uri"})
    if "uri" not in table.column_names:
        found = ", ".join(table.column_names)
        raise RequestError(f"input {uri}: no column 'uri'; it has: {found}")
    given = table["uri"].cast(pa.string())
    table = table.filter(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(given), ""), False))
    uris = [canonical(text) for text in table["uri"].to_pylist()]
    names = [public(each) for each in uris]
    root = common_folder(names)
    rows = _no_rows()
    for each, name in zip(uris, names, strict=True):
        _append(rows, each, None, None, below(name, root))
    listed = pa.table(rows, schema=SCHEMA)
    for name in table.column_names:
        if name == "uri":
            continue
        listed = _carry(listed, name, table[name], uri)
    return listed, len(given) - len(uris)


def _carry(listed: pa.Table, name: str, column: pa.ChunkedArray, uri: str) -> pa.Table:
    """Add a column of the input list: a hint that we know, or one to carry over."""
    from .manifest import IMAGES

    if name in ("caption", "focal_x", "focal_y"):
        kind = SCHEMA.field(name).type
        try:
            values = column.cast(kind)
        except pa.ArrowInvalid as error:
            raise RequestError(f"input {uri}: column {name!r}: {error}; expected {kind}") from None
        return listed.set_column(SCHEMA.get_field_index(name), name, values)
    taken = name in IMAGES.names or name in SCHEMA.names
    return listed.append_column(f"input_{name}" if taken else name, column)


def _parse_list(uri: str, data: bytes) -> pa.Table:
    try:
        if uri.lower().endswith(".parquet"):
            return pa.parquet.read_table(pa.BufferReader(data))
        if uri.lower().endswith(".csv"):
            return pa.csv.read_csv(io.BytesIO(data))
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise RequestError(f"input {uri}: cannot be read as a list ({error})") from None
    return pa.table({"uri": pa.array([line for line in lines if line], pa.string())})

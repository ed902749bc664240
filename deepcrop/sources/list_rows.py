"""The sources in a list file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from ..errors import RequestError
from ..schema import IMAGES, SOURCES
from ..storage import Storage, below, canonical, common_folder, strip_credentials
from .corrections import CORRECTIONS_COLUMN
from .list_files import HINT_COLUMNS, read_list
from .rows import CHUNK_ROWS, Listed, append, no_rows
from .selection import NO_URI, Selection


def list_rows(uri: str, storage: Storage, selection: Selection) -> Listed:
    """List the sources in a list file, with the list's other columns.

    Raises:
        RequestError: the list can't be read, or a row is wrong.
    """
    table = read_list(uri, storage)
    uris, root = _canonical(uri, table["uri"])
    tables, chosen, kinds = [SOURCES.empty_table()], [], Counter[str]()
    for chunk in uris.chunks:
        rows = no_rows()
        for each in chunk.to_pylist():
            name = strip_credentials(each) if each is not None else ""
            path = below(name, root)
            kind = _refuse(name, root, selection) if name else NO_URI
            chosen.append(kind is None)
            if kind is None:
                append(rows, each, None, None, path)
            else:
                kinds[kind] += 1
        tables.append(pa.table(rows, schema=SOURCES))
    listed, table = pa.concat_tables(tables), table.filter(pa.array(chosen, pa.bool_()))
    names = _names_of(table.column_names)
    for name, own in names.items():
        if name in HINT_COLUMNS:
            listed = listed.set_column(SOURCES.get_field_index(name), name, table[name])
        elif name != "uri":
            listed = listed.append_column(own, table[name])
    return listed, kinds


def _canonical(uri: str, given: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str]:
    """Return the canonical URIs of a list, and the folder that all of them lie in."""
    chunks, root, row = [], None, 0
    for start in range(0, len(given), CHUNK_ROWS):
        chunk_uris = []
        for text in given.slice(start, CHUNK_ROWS).to_pylist():
            row += 1
            try:
                chunk_uris.append(None if text is None else canonical(text))
            except RequestError as error:
                raise RequestError(f"input {uri}: row {row}: {error}") from None
        names = [strip_credentials(each) for each in chunk_uris if each is not None]
        if names:
            root = common_folder(names if root is None else [root, *names])
        chunks.append(pa.array(chunk_uris, pa.string()))
    return pa.chunked_array(chunks, pa.string()), root or ""


def _refuse(name: str, root: str, selection: Selection) -> str | None:
    """Return the kind as which a row of a list is ignored; None where it is a source.

    Web addresses are judged by their path.
    """
    if name.startswith(("http://", "https://")):
        name = name.partition("?")[0].partition("#")[0]
    return selection.refuse(below(name, root), any_name=True)


def _names_of(columns: Sequence[str]) -> dict[str, str]:
    """Return the names that a list's columns are carried over with: none of the manifest's own."""
    reserved = {*IMAGES.names, *SOURCES.names, CORRECTIONS_COLUMN}
    names = {}
    for column in columns:
        name = column
        while name in reserved or (name != column and name in columns):
            name = f"input_{name}"
        names[column] = name
    return names

"""Listings of many levels, put together from the pages of a store: whole trees, and globs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import pattern
from .base import Entry, Prefix, Store, StoreError
from .uri import relative


class Walker:
    """Lists what lies below a folder or prefix."""

    def __init__(self, store_for: Callable[[str], Store]) -> None:
        """Take the function that returns the store of a URI."""
        self._store_for = store_for

    def level(self, uri: str, name_prefix: str = "") -> Iterator[Entry | Prefix]:
        """Yield one level of a folder: names that start with ``name_prefix``."""
        return self._pages(uri, recursive=False, name_prefix=name_prefix)

    def _pages(
        self, uri: str, *, recursive: bool, name_prefix: str = ""
    ) -> Iterator[Entry | Prefix]:
        store, token = self._store_for(uri), ""
        while True:
            page = store.list_page(uri, recursive=recursive, name_prefix=name_prefix, token=token)
            yield from page.items
            token = page.next_token
            if not token:
                return

    def walk(self, uri: str) -> Iterator[Entry]:
        """Yield the objects below a folder, folder by folder where a store lists no deeper."""
        pending = [uri]
        while pending:
            folder = pending.pop()
            deeper = []
            try:
                for child in self._pages(folder, recursive=True):
                    if isinstance(child, Prefix):
                        deeper.append(child.uri)
                    else:
                        yield child
            except StoreError as error:
                if folder != uri:
                    error.message = f"folder {folder.removesuffix('/')}: {error.message}"
                raise
            pending.extend(reversed(deeper))

    def match(self, base: str, rest: str) -> Iterator[Entry]:
        """Descend a glob name by name, so that folders that can't match are never listed."""
        segment, _, below = rest.partition("/")
        if segment == "**":
            whole = pattern.compile_path(rest)
            for entry in self.walk(base):
                if whole.match(relative(entry.uri, base)):
                    yield entry
            return
        name = pattern.compile_path(segment)
        for child in self.level(base, pattern.literal_start(segment)):
            if not name.match(relative(child.uri, base).removesuffix("/")):
                continue
            if isinstance(child, Entry) and not below:
                yield child
            elif isinstance(child, Prefix) and below:
                yield from self.match(child.uri, below)

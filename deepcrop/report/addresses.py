"""Where other programs find a job's sources: paths on a site or an image server.

```python
>>> places = Places.of(["s3://media/in=images"], "s3://media/in/")
>>> places.path("s3://media/in/2020/cat.jpg")
'images/2020/cat.jpg'
```

A path is plain text, without percent-encoding; bytes of a file's name that are not UTF-8 stand in
it as surrogate escapes (PEP 383), and :func:`quoted` writes them as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from ..errors import RequestError
from ..storage import canonical
from ..storage.uri import local_path, scheme

PATH = "/!$&'()*+,;=:@~"
"""What a path may hold beside letters and digits (RFC 3986, section 3.3)."""


@dataclass(frozen=True)
class Places:
    """Which path a source has elsewhere."""

    rules: tuple[tuple[str, str], ...]
    """What a source's plain URI begins with, and what stands there instead; the longest first."""
    root: str
    """The folder of all sources, with its slash: without rules, paths begin below it."""

    @classmethod
    def of(cls, assignments: Sequence[str], root: str) -> Places:
        """Read rules such as ``s3://media/in=images``.

        Args:
            assignments: SOURCE=PATH; the source is a folder or a prefix up to a slash.
            root: the folder of all sources, as :func:`root_of` gives it.

        Raises:
            RequestError: one has no equals sign, or no source before it.
        """
        rules = []
        for text in assignments:
            source, equals, path = text.rpartition("=")
            if not equals or not source:
                raise RequestError(
                    f"--map {text!r}: expected SOURCE=PATH, such as s3://media/in=images/"
                )
            folder = plain(canonical(source.rstrip("/") if scheme(source) == "file" else source))
            rules.append((folder.rstrip("/") + "/", path.strip("/") + "/" if path else ""))
        rules.sort(key=lambda rule: -len(rule[0]))
        return cls(tuple(rules), root)

    def path(self, uri: str) -> str:
        """Return the path of a source, without a slash at its beginning.

        Raises:
            RequestError: there are rules, and none is about this source.
        """
        text = plain(uri)
        for folder, path in self.rules:
            if text.startswith(folder):
                return (path + text[len(folder) :]).lstrip("/")
        if self.rules:
            raise RequestError(
                f"--map: no rule is about {uri}; give one for each folder or bucket, "
                f"such as --map {os.path.dirname(uri)}=images/"
            )
        return text.removeprefix(self.root).lstrip("/")


def root_of(uris: Iterable[str]) -> str:
    """Return the longest folder, with its slash, that all sources lie in, as plain text."""
    prefix = os.path.commonprefix([plain(uri) for uri in uris])  # noqa: RUF071
    return prefix[: prefix.rfind("/") + 1]


def plain(uri: str) -> str:
    """Return a URI without percent-encoding, as files and keys are named.

    What follows the path of a web address is dropped: it names no other source.
    """
    if scheme(uri) == "file":
        path = local_path(uri)
        return path + "/" if uri.endswith("/") and not path.endswith("/") else path
    if scheme(uri) in ("http", "https"):
        return unquote(uri.partition("?")[0].partition("#")[0], errors="surrogateescape")
    return uri


def quoted(path: str, safe: str = "/") -> str:
    """Percent-encode a plain path, byte for byte."""
    return quote(os.fsencode(path), safe=safe)

"""Where other programs find a job's sources: paths on a site or an image server.

```python
>>> paths = SourcePaths.parse(["s3://media/in=images"], "s3://media/in/")
>>> paths.path_of("s3://media/in/2020/cat.jpg")
'images/2020/cat.jpg'
```

A path is text without percent-encoding. Bytes of a file's name that are not UTF-8 stand in it as
surrogate escapes (PEP 383); :func:`percent_encoded` writes them as the original bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from ..errors import RequestError
from ..storage import canonical
from ..storage.uri import local_path, scheme

PATH_CHARACTERS = "/!$&'()*+,;=:@~"
"""Characters that a URL's path may hold beside letters and digits (RFC 3986, section 3.3)."""


@dataclass(frozen=True)
class SourcePaths:
    """The path of each source on a site or server."""

    rules: tuple[tuple[str, str], ...]
    """Prefixes of decoded source URIs and what replaces them, the longest prefix first."""
    root: str
    """The folder that all sources lie in, with its slash; without rules, paths begin below it."""

    @classmethod
    def parse(cls, assignments: Sequence[str], root: str) -> SourcePaths:
        """Read rules such as ``s3://media/in=images``.

        Args:
            assignments: SOURCE=PATH; the source is a folder, or a prefix that ends in a slash.
            root: the folder that all sources lie in, as :func:`common_root` returns it.

        Raises:
            RequestError: a rule has no equals sign, or no source before it.
        """
        rules = []
        for text in assignments:
            source, equals, path = text.rpartition("=")
            if not equals or not source:
                raise RequestError(
                    f"--map {text!r}: expected SOURCE=PATH, such as s3://media/in=images/"
                )
            folder = canonical(source.rstrip("/") if scheme(source) == "file" else source)
            prefix = decoded_uri(folder).rstrip("/") + "/"
            rules.append((prefix, path.strip("/") + "/" if path else ""))
        rules.sort(key=lambda rule: -len(rule[0]))
        return cls(tuple(rules), root)

    def path_of(self, uri: str) -> str:
        """Return the path of a source, without a slash at its beginning.

        Raises:
            RequestError: there are rules, and none of them matches this source.
        """
        text = decoded_uri(uri)
        for prefix, path in self.rules:
            if text.startswith(prefix):
                return (path + text[len(prefix) :]).lstrip("/")
        if self.rules:
            raise RequestError(
                f"--map: no rule is about {uri}; give one for each folder or bucket, "
                f"such as --map {os.path.dirname(uri)}=images/"
            )
        return text.removeprefix(self.root).lstrip("/")


def common_root(uris: Iterable[str]) -> str:
    """Return the longest folder, with its slash, that all sources lie in, as decoded text."""
    prefix = os.path.commonprefix([decoded_uri(uri) for uri in uris])  # noqa: RUF071
    return prefix[: prefix.rfind("/") + 1]


def decoded_uri(uri: str) -> str:
    """Return a URI without percent-encoding, as files and keys are named.

    The query and fragment of a web address are dropped: they are no part of a file's path.
    """
    if scheme(uri) == "file":
        path = local_path(uri)
        return path + "/" if uri.endswith("/") and not path.endswith("/") else path
    if scheme(uri) in ("http", "https"):
        return unquote(uri.partition("?")[0].partition("#")[0], errors="surrogateescape")
    return uri


def percent_encoded(path: str, safe: str = "/") -> str:
    """Percent-encode a decoded path, byte for byte, all but letters, digits and ``safe``."""
    return quote(os.fsencode(path), safe=safe)

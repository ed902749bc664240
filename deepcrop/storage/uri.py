"""URIs as text, parsed no further than needed.

- ``s3://bucket/key``: the key is everything after the bucket's slash, byte for byte. ``?``, ``#``,
  ``%2F``, ``..``, spaces and leading slashes are part of it, so no URL parser ever sees it.
- A local file is its plain absolute path. ``file://`` is understood too (percent-decoded, RFC
  8089); it is also how a name that is not UTF-8 is written, since such a name has no plain text.
- ``scheme://...`` of other stores is left as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes

from ..errors import RequestError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
"""A byte that is not UTF-8, as Python's file system encoding holds it (PEP 383)."""
_USERINFO = re.compile(r"(?<=://)[^/@\s\"']+@")
_QUERY = re.compile(r"(https?://[^\s?\"'<>]*)\?[^\s\"'<>)]*")
_SECRET = re.compile(
    r"(?i)(?<![a-z0-9])(x-amz-(?:signature|credential|security-token)|signature|awsaccesskeyid|sig|token"
    r"|access_key(?:_id)?|secret(?:_access)?(?:_key)?|password)=[^\s&\"'<>]+"
)


def scheme(uri: str) -> str:
    """Return the scheme in lower case; ``"file"`` for a plain path."""
    match = _SCHEME.match(uri)
    return match[1].lower() if match else "file"


def split_bucket(uri: str) -> tuple[str, str]:
    """Split ``s3://bucket/key`` into bucket and key, the key untouched.

    Raises:
        RequestError: there is no bucket.
    """
    bucket, _, key = uri.partition("://")[2].partition("/")
    if not bucket:
        raise RequestError(f"{uri!r}: expected s3://bucket/prefix")
    return bucket, key


def local_path(uri: str) -> str:
    """Return the absolute path of a plain path or a ``file://`` URI.

    A name that is not UTF-8 comes with surrogate escapes, as the ``os`` functions take it.
    """
    match = _SCHEME.match(uri)
    if match:
        host, _, path = uri[match.end() :].partition("/")
        if host not in ("", "localhost"):
            raise RequestError(f"{uri!r}: expected file:///path, without a host")
        uri = os.fsdecode(unquote_to_bytes("/" + path))
    if not uri or "\0" in uri:
        raise RequestError(f"{uri!r}: expected the path of a file or folder")
    return os.path.abspath(os.path.expanduser(uri))


def local_uri(path: str) -> str:
    """Write an absolute path as a URI: itself, or percent-encoded where it is not UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "file://" + quote(os.fsencode(path))
    return path


def canonical(uri: str) -> str:
    """Write a URI in the one form that the manifest uses.

    Local paths become absolute, without ``.`` and ``..``; schemes become lower case; keys of
    object stores stay as they are.
    """
    name = scheme(uri)
    if name == "file":
        return local_uri(local_path(uri))
    if name == "s3":
        split_bucket(uri)
    return name + uri[len(name) :]


def join(uri: str, key: str) -> str:
    """Append a relative key to a folder or prefix.

    Raises:
        RequestError: on a file system, the key would lead out of the folder.
    """
    if scheme(uri) != "file":
        return (uri if uri.endswith("/") else uri + "/") + key
    folder = local_path(uri)
    path = os.path.abspath(os.path.join(folder, key.lstrip("/")))
    if os.path.commonpath([folder, path]) != folder:
        raise RequestError(f"key {key!r} leads out of {folder}")
    return local_uri(path)


def relative(uri: str, parent: str) -> str:
    """Return what ``uri`` adds to ``parent``: the key below it, without the separating slash.

    The inverse of ``join``. A local name that is not UTF-8 comes percent-encoded.

    Raises:
        ValueError: ``uri`` is not below ``parent``.
    """
    uri, parent = canonical(uri), canonical(parent)
    if scheme(uri) == "file" and uri.startswith("file://"):
        parent = "file://" + quote(os.fsencode(local_path(parent)))
    base = parent if parent.endswith("/") else parent + "/"
    if not uri.startswith(base):
        raise ValueError(f"{uri!r} is not below {parent!r}")
    return uri[len(base) :]


def common_folder(uris: Iterable[str]) -> str:
    """Return the longest folder, with its slash, that all URIs lie in; a local one as a path."""
    prefix = os.path.commonprefix([_readable(uri) for uri in uris])  # noqa: RUF071
    return prefix[: prefix.rfind("/") + 1]


def below(uri: str, folder: str) -> str:
    """Return what a URI adds to a folder (which ends in a slash), as readable text.

    Of a local name that is not UTF-8, the bytes that are no text come percent-encoded. What does
    not lie below the folder comes whole.
    """
    if "file://" in (uri[:7], folder[:7]):
        uri, folder = _readable(uri), _readable(folder)
    return uri.removeprefix(folder)


def quoted_below(uri: str, folder: str) -> str:
    """Return what a URI adds to a folder, percent-encoded byte for byte as in a web address."""
    if uri.startswith("file://"):
        folder = folder.removeprefix("file://")
        return uri.removeprefix("file://").removeprefix(quote(os.fsencode(folder)))
    return quote(uri.removeprefix(folder))


def without_surrogates(text: str) -> str:
    """Return text in which bytes that are not UTF-8 (surrogate escapes) are percent-encoded."""
    return _ESCAPED_BYTE.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)


def _readable(uri: str) -> str:
    """Write a ``file://`` URI as a path; return any other URI as it is."""
    if not uri.startswith("file://"):
        return uri
    path = without_surrogates(local_path(uri))
    return path + "/" if uri.endswith("/") and not path.endswith("/") else path


def is_inside(uri: str, parent: str) -> bool:
    """Return whether ``uri`` is ``parent`` or lies below it; symbolic links are followed."""
    if scheme(uri) != scheme(parent):
        return False
    if scheme(uri) == "file":
        inner, outer = (os.path.realpath(local_path(one)) for one in (uri, parent))
        return os.path.commonpath([inner, outer]) == outer
    inner, outer = canonical(uri).rstrip("/") + "/", canonical(parent).rstrip("/") + "/"
    return inner.startswith(outer)


def strip_credentials(uri: str) -> str:
    """Return a URI without user, password, token and signature, fit for manifests and logs.

    Keys of S3 and paths hold no secrets, whatever they look like.
    """
    if scheme(uri).removeprefix("tar+") in ("file", "s3"):
        return uri
    return _SECRET.sub(r"\1=[redacted]", _USERINFO.sub("[redacted]@", uri))


def redact(text: str) -> str:
    """Replace what may be secret in a text: user and password, web queries, signatures."""
    text = _USERINFO.sub("[redacted]@", text)
    text = _QUERY.sub(r"\1?[redacted]", text)
    return _SECRET.sub(r"\1=[redacted]", text)

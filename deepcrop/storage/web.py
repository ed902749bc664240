"""The web: objects by http:// and https://, asked for byte for byte as their URL is written.

A signature is of a URL's bytes. Clients "normalise" a URL (they decode ``%2F``, write ``%3a`` as
``%3A``, drop a ``?`` at the end), which breaks those of CloudFront, Google and image servers. So
the request's target is cut out of the text here, and handed to the client as it is. Characters that
a request line can't hold (RFC 9112, section 3) are percent-encoded as UTF-8: spaces, control
characters and everything that is not ASCII. A fragment is not sent.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..errors import AccessDenied, FetchError, NotFound, Unreachable
from .attributes import Attributes
from .base import Blob, Entry, Page, Retry, StorageOptions, Store, StoreError, check_length

if TYPE_CHECKING:
    import httpx2

MAX_REDIRECTS = 10
"""Redirects that one request may follow."""
_URL = re.compile(r"(?i)(https?)://([^/?#\s]*)(/[^?#]*)?(\?[^#]*)?(?:#.*)?", re.DOTALL)
_NOT_IN_REQUEST_LINE = re.compile(rb"[^\x21-\x7e]")
_REDIRECTS = (301, 302, 303, 307, 308)
_TRANSIENT = (408, 425, 429)


class WebStore:
    """Reads objects of web servers; lists what a server's index page links to."""

    def __init__(self, options: StorageOptions, listings: Store) -> None:
        """Remember the options.

        Args:
            options: timeouts and number of connections.
            listings: the store that lists what pages link to.
        """
        self._options = options
        self._listings = listings
        self._lock = threading.Lock()
        self._pooled: httpx2.Client | None = None
        self._pid = 0

    def get(self, uri: str) -> Blob:
        """Read an object; as many bytes as the server announces must arrive."""
        return self._get(uri, {})

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read a part of an object, also from a server that sends it whole."""
        blob = self._get(uri, {"Range": f"bytes={start}-{start + length - 1}"}, start)
        return Blob(check_length(blob.data[:length], length), blob.etag, blob.attempts)

    def stat(self, uri: str) -> Entry:
        """Describe an object; where a server refuses HEAD, by the headers of its answer to GET."""
        with _translated_errors():
            with self._open_response("HEAD", uri, {}) as response:
                # A URL may be signed for GET alone.
                if response.status_code not in (400, 401, 403, 405, 501):
                    return _entry(uri, response)
            with self._open_response("GET", uri, {}) as response:
                return _entry(uri, response)

    def put(
        self, uri: str, data: bytes, content_type: str | None, sync: bool, attributes: Attributes
    ) -> int:
        """Refuse: the web is only read."""
        raise StoreError("this kind of store can't do that", FetchError)

    def copy(self, source: str, target: str, attributes: Attributes) -> int:
        """Refuse: the web is only read."""
        raise StoreError("this kind of store can't do that", FetchError)

    def durable_writes(self, uri: str) -> AbstractContextManager[None]:
        """Do nothing: nothing is written."""
        return nullcontext()

    def delete(self, uris: Sequence[str]) -> None:
        """Refuse: the web is only read."""
        raise StoreError("this kind of store can't do that", FetchError)

    def is_prefix(self, uri: str) -> bool:
        """Return whether this is a page that links to what lies below it."""
        return self._listings.is_prefix(uri)

    def list_page(
        self, uri: str, *, recursive: bool, name_prefix: str = "", token: str = ""
    ) -> Page:
        """List what a page links to below it."""
        return self._listings.list_page(
            uri, recursive=recursive, name_prefix=name_prefix, token=token
        )

    def _get(self, uri: str, headers: dict[str, str], start: int = 0) -> Blob:
        with _translated_errors(), self._open_response("GET", uri, headers) as response:
            _raise_for_status(response)
            data = response.read()
            is_part = response.status_code == 206
            return Blob(data if is_part else data[start:], _etag(response))

    @contextlib.contextmanager
    def _open_response(
        self, method: str, url: str, headers: dict[str, str]
    ) -> Iterator[httpx2.Response]:
        """Send a request, follow its redirects, and open the response."""
        for _ in range(MAX_REDIRECTS + 1):
            server, credentials, target = split_url(url)
            with self._client().stream(
                method,
                server,
                headers=headers,
                auth=credentials,
                extensions={"target": target},
            ) as response:
                location = _redirect_location(response)
                if location is None:
                    yield response
                    return
            url = resolve_redirect(url, location)
        raise StoreError(f"more than {MAX_REDIRECTS} redirects", FetchError)

    def _client(self) -> httpx2.Client:
        """Return the client of this process."""
        with self._lock:
            if self._pooled is None or self._pid != os.getpid():
                self._pooled, self._pid = _new_client(self._options), os.getpid()
                weakref.finalize(self, self._pooled.close)
            return self._pooled


def _new_client(options: StorageOptions) -> httpx2.Client:
    import httpx2

    from .. import __version__

    # At level DEBUG it logs headers, which hold the signed URLs that servers redirect to.
    logging.getLogger("httpcore2").setLevel(logging.INFO)
    return httpx2.Client(
        # An encoded body has another length than its Content-Length says.
        headers={"User-Agent": f"deepcrop/{__version__}", "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(options.read_timeout, connect=options.connect_timeout, pool=None),
        limits=httpx2.Limits(
            max_connections=options.connections, max_keepalive_connections=options.connections
        ),
        # No source gets the cookies of another one.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def split_url(url: str) -> tuple[str, tuple[str, str] | None, bytes]:
    """Split a URL into what to connect to, the user and password, and the request's target.

    The target is the URL's path and query, byte for byte where a request line can hold them.

    Raises:
        StoreError: it names no host.
    """
    match = _URL.fullmatch(url)
    user, at, host = match[2].rpartition("@") if match else ("", "", "")
    if match is None or not host:
        raise StoreError("not a URL with a host", NotFound)
    name, _, password = user.partition(":")
    credentials = (unquote(name), unquote(password)) if at else None
    target = (match[3] or "/") + (match[4] or "")
    return f"{match[1].lower()}://{host}/", credentials, _percent_encode(target.encode())


def resolve_redirect(url: str, location: bytes) -> str:
    """Return the URL that a redirect leads to, its bytes those of the header ``Location``.

    A relative one is merged as RFC 3986, section 5.2, says, except that dot segments are kept.

    Args:
        url: the URL that was asked for.
        location: the header's value, as it was sent.

    Raises:
        StoreError: it leads to another scheme than HTTP.
    """
    target = _percent_encode(location.strip()).decode()
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", target):
        if _URL.fullmatch(target) is None:
            raise StoreError("redirected to what is no web address", FetchError)
        return target
    match = _URL.fullmatch(url)
    assert match is not None  # it was opened
    if target.startswith("//"):
        return f"{match[1]}:{target}"
    origin = f"{match[1]}://{match[2]}"
    path = match[3] or "/"
    if target.startswith("/"):
        return origin + target
    if target.startswith("?"):
        return origin + path + target
    if target.startswith("#") or not target:
        return origin + path + (match[4] or "")
    return origin + path[: path.rindex("/") + 1] + target


def _percent_encode(target: bytes) -> bytes:
    """Percent-encode the bytes that a request line can't hold, and no others."""
    return _NOT_IN_REQUEST_LINE.sub(lambda match: b"%%%02X" % match[0][0], target)


def _redirect_location(response: httpx2.Response) -> bytes | None:
    """Return the header ``Location`` of a redirect, as the bytes that were sent."""
    if response.status_code not in _REDIRECTS:
        return None
    found = [value for name, value in response.headers.raw if name.lower() == b"location"]
    return found[0] if found else None


def _entry(uri: str, response: httpx2.Response) -> Entry:
    if response.status_code == 410:
        raise StoreError("no such object", NotFound)
    _raise_for_status(response)
    length = response.headers.get("Content-Length", "")
    return Entry(uri, int(length) if length.isdigit() else 0, _etag(response))


def _etag(response: httpx2.Response) -> str:
    return str(response.headers.get("ETag", "")).strip('"')


def _raise_for_status(response: httpx2.Response) -> None:
    """Raise the error that a response's status stands for.

    Raises:
        StoreError: the status is not one of success.
    """
    status = response.status_code
    if 200 <= status < 300:
        return
    text = f"status {status}"
    if status == 404:
        raise StoreError("no such object", NotFound)
    if status in (401, 403):
        raise StoreError(text, AccessDenied)
    if status in _TRANSIENT or status >= 500:
        raise StoreError(text, Unreachable, Retry.FULL)
    raise StoreError(text, FetchError)


@contextlib.contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise what the client raises as a ``StoreError``.

    The client's text may hold the URL and its signature, so it isn't shown.
    """
    import httpx2

    try:
        yield
    except httpx2.TimeoutException:
        raise StoreError("timed out", Unreachable, Retry.FULL) from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError):
        raise StoreError("not a valid web address", NotFound) from None
    except httpx2.RemoteProtocolError:
        text = "the answer was cut short or is not HTTP"
        raise StoreError(text, Unreachable, Retry.FULL) from None
    except httpx2.ConnectError:
        raise StoreError("the server can't be reached", Unreachable, Retry.FULL) from None
    except httpx2.HTTPError as error:
        raise StoreError(type(error).__name__, Unreachable, Retry.FULL) from None

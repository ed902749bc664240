"""The web: objects by http:// and https://, asked for byte for byte as their URL is written.

A signature is of a URL's bytes. Clients "normalise" a URL (they decode ``%2F``, write ``%3a`` as
``%3A``, drop a ``?`` at the end), which breaks those of CloudFront, Google and image servers. So
the request's target is cut out of the text here, and handed to the client as it is. What can't
stand in a request line (RFC 9112, section 3) is percent-encoded as UTF-8: spaces, control
characters and what is not ASCII. A fragment is not sent.
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
from .base import Blob, Entry, Failure, Hope, Prefix, StorageOptions, Store, check_length
from .retry import persist

if TYPE_CHECKING:
    import httpx2

REDIRECTS = 10
"""Of one request at most."""
_URL = re.compile(r"(?i)(https?)://([^/?#\s]*)(/[^?#]*)?(\?[^#]*)?(?:#.*)?", re.DOTALL)
_UNFIT = re.compile(rb"[^\x21-\x7e]")
_MOVED = (301, 302, 303, 307, 308)
_TRANSIENT = (408, 425, 429)


class WebStore:
    """Reads objects of web servers; lists what a server's index page links to."""

    def __init__(self, options: StorageOptions, listings: Store) -> None:
        """Remember the options.

        Args:
            options: limits of time and tries.
            listings: does all but reading.
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

    def stat(self, uri: str) -> Entry | None:
        """Describe an object; where a server refuses HEAD, by the head of its answer to GET."""

        def once() -> Entry | None:
            for method in ("HEAD", "GET"):
                with _failures(), self._opened(method, uri, {}) as answer:
                    if answer.status_code in (404, 410):
                        return None
                    if method == "HEAD" and answer.status_code in (400, 401, 403, 405, 501):
                        continue  # a URL may be signed for GET alone
                    _check(answer)
                    length = answer.headers.get("Content-Length", "")
                    return Entry(uri, int(length) if length.isdigit() else 0, _etag(answer))
            return None

        return persist(once, self._options)[0]

    def put(self, uri: str, data: bytes, content_type: str | None, sync: bool) -> int:
        """Refuse: the web is only read."""
        raise Failure("this kind of store can't do that", FetchError)

    def synced(self, uri: str) -> AbstractContextManager[None]:
        """Do nothing: nothing is written."""
        return nullcontext()

    def delete(self, uris: Sequence[str]) -> None:
        """Refuse: the web is only read."""
        raise Failure("this kind of store can't do that", FetchError)

    def is_prefix(self, uri: str) -> bool:
        """Tell whether this is a page that links to what lies below it."""
        return self._listings.is_prefix(uri)

    def walk(self, uri: str) -> Iterator[Entry | Failure]:
        """Yield what a page links to below it, and what those pages link to."""
        return self._listings.walk(uri)

    def children(self, uri: str, starting: str = "") -> Iterator[Entry | Prefix]:
        """Yield what a page links to below it."""
        return self._listings.children(uri, starting)

    def temporaries(self, uri: str, older_than: float) -> Iterator[str]:
        """Yield nothing: nothing is written."""
        yield from ()

    def _get(self, uri: str, headers: dict[str, str], start: int = 0) -> Blob:
        def once() -> tuple[bytes, str]:
            with _failures(), self._opened("GET", uri, headers) as answer:
                _check(answer)
                data = answer.read()
                return data if answer.status_code == 206 else data[start:], _etag(answer)

        (data, etag), attempts = persist(once, self._options)
        return Blob(data, etag, attempts)

    @contextlib.contextmanager
    def _opened(self, method: str, url: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
        """Send a request, follow its redirects, and open the answer."""
        for _ in range(REDIRECTS + 1):
            server, credentials, target = split(url)
            with self._client().stream(
                method,
                server,
                headers=headers,
                auth=credentials,
                extensions={"target": target},
            ) as answer:
                place = _place(answer)
                if place is None:
                    yield answer
                    return
            url = follow(url, place)
        raise Failure(f"more than {REDIRECTS} redirects", FetchError)

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

    # Its debugging shows answers' headers, so the signed URLs that servers redirect to.
    logging.getLogger("httpcore2").setLevel(logging.INFO)
    return httpx2.Client(
        # An encoded body has another length than its Content-Length says.
        headers={"User-Agent": f"deepcrop/{__version__}", "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(options.read_timeout, connect=options.connect_timeout, pool=None),
        limits=httpx2.Limits(
            max_connections=options.connections, max_keepalive_connections=options.connections
        ),
        # One source's cookies are no other's.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def split(url: str) -> tuple[str, tuple[str, str] | None, bytes]:
    """Split a URL into what to connect to, the user and password, and the request's target.

    The target is the URL's path and query, byte for byte where they can stand in a request line.

    Raises:
        Failure: it names no host.
    """
    match = _URL.fullmatch(url)
    user, at, host = match[2].rpartition("@") if match else ("", "", "")
    if match is None or not host:
        raise Failure("not a URL with a host", NotFound)
    name, _, password = user.partition(":")
    credentials = (unquote(name), unquote(password)) if at else None
    target = (match[3] or "/") + (match[4] or "")
    return f"{match[1].lower()}://{host}/", credentials, _fit(target.encode())


def follow(url: str, place: bytes) -> str:
    """Return the URL that a redirect leads to, its bytes those of the header ``Location``.

    A relative one is merged as RFC 3986, section 5.2, says, short of removing dot segments.

    Raises:
        Failure: it leads out of the web.
    """
    location = _fit(place.strip()).decode()
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", location):
        if _URL.fullmatch(location) is None:
            raise Failure("redirected to what is no web address", FetchError)
        return location
    match = _URL.fullmatch(url)
    assert match is not None  # it was opened
    if location.startswith("//"):
        return f"{match[1]}:{location}"
    origin = f"{match[1]}://{match[2]}"
    path = match[3] or "/"
    if location.startswith("/"):
        return origin + location
    if location.startswith("?"):
        return origin + path + location
    if location.startswith("#") or not location:
        return origin + path + (match[4] or "")
    return origin + path[: path.rindex("/") + 1] + location


def _fit(target: bytes) -> bytes:
    """Percent-encode the bytes that can't stand in a request line, and no others."""
    return _UNFIT.sub(lambda match: b"%%%02X" % match[0][0], target)


def _place(answer: httpx2.Response) -> bytes | None:
    """Return where an answer redirects to, as the bytes that were sent."""
    if answer.status_code not in _MOVED:
        return None
    places = [value for name, value in answer.headers.raw if name.lower() == b"location"]
    return places[0] if places else None


def _etag(answer: httpx2.Response) -> str:
    return str(answer.headers.get("ETag", "")).strip('"')


def _check(answer: httpx2.Response) -> None:
    """Raise the failure that an answer's status tells.

    Raises:
        Failure: it is none of success.
    """
    status = answer.status_code
    if 200 <= status < 300:
        return
    text = f"status {status}"
    if status == 404:
        raise Failure("no such object", NotFound)
    if status in (401, 403):
        raise Failure(text, AccessDenied)
    if status in _TRANSIENT or status >= 500:
        raise Failure(text, Unreachable, Hope.GOOD)
    raise Failure(text, FetchError)


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Translate what the client raises; its text may hold a URL, so it isn't shown.

    Raises:
        Failure: always a new try may help, unless the URL itself is wrong.
    """
    import httpx2

    try:
        yield
    except httpx2.TimeoutException:
        raise Failure("timed out", Unreachable, Hope.GOOD) from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError):
        raise Failure("not a valid web address", NotFound) from None
    except httpx2.RemoteProtocolError:
        raise Failure("the answer was cut short or is not HTTP", Unreachable, Hope.GOOD) from None
    except httpx2.ConnectError:
        raise Failure("the server can't be reached", Unreachable, Hope.GOOD) from None
    except httpx2.HTTPError as error:
        raise Failure(type(error).__name__, Unreachable, Hope.GOOD) from None

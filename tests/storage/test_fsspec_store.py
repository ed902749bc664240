"""Tests of other schemes, through fsspec."""

import http.server
import threading
from collections import Counter
from typing import ClassVar

import pytest

from deepcrop.errors import AccessDenied, FetchError, NotFound, RequestError, Unreachable
from deepcrop.storage import Storage, StorageOptions
from deepcrop.storage.fsspec_store import FsspecStore

storage = Storage(StorageOptions(backoff=0.001, max_attempts=4))


def test_one_process_has_one_file_system_for_each_server():
    store = FsspecStore()
    first, path = store._locate("memory://one/in/a.jpg")
    assert path == "/one/in/a.jpg"
    assert store._locate("memory://one/b::c.jpg") == (first, "/one/b::c.jpg")
    assert store._locate("memory://two/in/")[0] is not first


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers /STATUS, /flaky (503 twice, then well) and /photo.jpg; cuts /short."""

    requests: ClassVar[Counter] = Counter()

    def do_GET(self):
        name = self.path.partition("?")[0].strip("/")
        self.requests[name] += 1
        status = int(name) if name.isdigit() else 200
        if name == "flaky" and self.requests[name] <= 2:
            status = 503
        self.send_response(status)
        self.send_header("Content-Length", "10" if name == "short" else "4")
        self.end_headers()
        self.wfile.write(b"data")

    def log_message(self, *_):
        """Be quiet."""


@pytest.fixture
def web():
    Handler.requests = Counter()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_web(web):
    assert storage.read(f"{web}/photo.jpg") == b"data"
    assert storage.get(f"{web}/flaky?size=[1]*").attempts == 3


@pytest.mark.parametrize(
    ("name", "kind", "requests"),
    [
        ("404", NotFound, 1),
        ("403", AccessDenied, 1),
        ("410", FetchError, 1),
        ("503", Unreachable, 4),
        ("429", Unreachable, 4),
        ("short", Unreachable, 4),
    ],
)
def test_the_web_refuses(web, name, kind, requests):
    with pytest.raises(kind) as caught:
        storage.read(f"{web}/{name}?X-Amz-Signature=hush")
    assert type(caught.value) is kind
    assert "hush" not in str(caught.value)
    assert caught.value.attempts == requests == Handler.requests[name]


def test_the_web_is_not_written_to(web):
    with pytest.raises(RequestError, match=r"^output .*can't be written"):
        storage.check_writable(f"{web}/out")


def test_unknown_schemes():
    with pytest.raises(RequestError, match="pip install gcsfs"):
        storage.check_readable("gs://bucket/x")
    with pytest.raises(RequestError, match="not known"):
        storage.read("nonsense://bucket/x")

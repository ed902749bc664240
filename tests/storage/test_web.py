"""The web: what is sent is what is written, byte for byte."""

from __future__ import annotations

import pickle
import socketserver
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepcrop.errors import AccessDenied, FetchError, NotFound, Unreachable
from deepcrop.sources.discovery import list_sources
from deepcrop.storage import Storage, StorageOptions, iter_tar_members
from deepcrop.storage.base import StoreError
from deepcrop.storage.web import resolve_redirect, split_url
from tests.storage.archives import FILES, archive

storage = Storage(StorageOptions(backoff=0.001, max_attempts=3, read_timeout=0.5))
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "v1"\r\n\r\ndata'


class Raw(socketserver.StreamRequestHandler):
    """Records heads of requests as bytes; answers with what the server holds for the path."""

    def handle(self):
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            self.server.heads.append(head)
            target = head.split(b" ")[1]
            method = head.split(b" ")[0]
            answers = self.server.answers
            answer = answers.get((method, target), answers.get(target, OK))
            if callable(answer):
                answer = answer(head)
            self.wfile.write(
                answer if method != b"HEAD" else answer.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
            )
            if not answer.startswith(b"HTTP/1.1 2"):
                return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Raw)
        self.heads: list[bytes] = []
        self.answers: dict = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def targets(self) -> list[bytes]:
        """The targets of the requests that came."""
        return [
            head.split(b"\r\n")[0].removesuffix(b" HTTP/1.1").partition(b" ")[2]
            for head in self.heads
        ]


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def web(running) -> Server:
    running.heads, running.answers = [], {}
    return running


def moved(place: bytes, status: bytes = b"302") -> bytes:
    return (
        b"HTTP/1.1 " + status + b" Moved\r\nContent-Length: 0\r\nLocation: " + place + b"\r\n\r\n"
    )


SIGNED = "X-Amz-Credential=AK%2F2026%2Feu&X-Amz-Signature=0aF&Expires=1"
HOSTILE = [
    f"/c%3Ad.jpg?{SIGNED}", f"/c%3ad.jpg?{SIGNED}", f"/c:d.jpg?{SIGNED}",
    "/a%2Fb.jpg", "/a%2fb.jpg", "/a%20b.jpg", "/a+b.jpg?q=a+b", "/%2525.jpg", "/100%.jpg",
    "/%zz.jpg", "/a.jpg?", "/a.jpg??", "/a.jpg?x=", "/a.jpg?x=&y", "/a.jpg?&&", "/a;v=1;w.jpg?a;b",
    "/a/../b.jpg", "/a/./b.jpg", "/a//b.jpg", "//a.jpg", "/..", "/%2e%2e/a.jpg", "/", "/?", "/?x#y",
    "/%C3%A9.jpg", "/%c3%a9.jpg", "/%E9.jpg", "/!$&'()*+,;=:@-._~.jpg", "/[a]{b}|^`<c>\"\\.jpg",
    "/unsafe/300x200/https%3A%2F%2Fhost%2Fa%2520b.jpg", "/a.jpg?url=https://h/x?y=z&w=/",
    "/a.jpg?Policy=eyJ_-~&Key-Pair-Id=A~B__", "/%00.jpg", "/%0A.jpg", "/a.jpg?x=%F0%9F%96%BC",
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_the_request_is_the_url_byte_for_byte(web, path):
    assert storage.get(web.url + path).data == b"data"
    assert web.targets == [path.partition("#")[0].encode()]


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/a b.jpg", b"/a%20b.jpg"),
        ("/é/🖼.jpg?q=ü", b"/%C3%A9/%F0%9F%96%BC.jpg?q=%C3%BC"),
        ("/é%C3%A9%c3.jpg", b"/%C3%A9%C3%A9%c3.jpg"),
        ("/a\r\nHost: evil\t.jpg", b"/a%0D%0AHost:%20evil%09.jpg"),
        ("", b"/"),
        ("?x=1", b"/?x=1"),
        ("#x", b"/"),
    ],
)
def test_what_a_request_line_cannot_hold_is_encoded(web, path, target):
    assert storage.get(web.url + path).data == b"data"
    assert web.targets == [target]


fit = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40
)


@given(path=fit, query=st.none() | fit)
@settings(max_examples=300)
def test_every_target_that_fits_is_left_alone(path, query):
    target = "/" + path.replace("?", "") + ("" if query is None else f"?{query}")
    assert split_url(f"https://host{target}#part") == ("https://host/", None, target.encode())


@pytest.mark.parametrize("path", HOSTILE)
@pytest.mark.parametrize("status", [b"301", b"307"])
def test_redirects_are_followed_byte_for_byte(web, path, status):
    web.answers[b"/start"] = moved(web.url.encode() + path.encode(), status)
    web.answers[b"/near"] = moved(path.encode(), status)
    expected = path.partition("#")[0].encode()
    storage.get(f"{web.url}/start")
    assert web.targets == [b"/start", expected]
    if not path.startswith("//"):
        storage.get(f"{web.url}/near")
        assert web.targets[2:] == [b"/near", expected]


@pytest.mark.parametrize(
    ("location", "url"),
    [
        (b"https://other/%2f?", "https://other/%2f?"),
        (b"HTTPS://other/a", "HTTPS://other/a"),
        (b"//other/%3a", "http://other/%3a"),
        (b"/x/../%2F", "http://u:p@host/x/../%2F"),
        (b"b%20c?y", "http://u:p@host/d/b%20c?y"),
        (b"?y=", "http://u:p@host/d/a?y="),
        (b"", "http://u:p@host/d/a?x"),
        (b"#f", "http://u:p@host/d/a?x"),
        (b"/caf\xe9 \xc3\xa9", "http://u:p@host/caf%E9%20%C3%A9"),
        (b"b:c", None),
        (b"file:///etc/passwd", None),
        (b"ftp://host/a", None),
    ],
)
def test_a_redirect_is_merged_as_the_standard_says(location, url):
    if url is None:
        with pytest.raises(StoreError, match="no web address"):
            resolve_redirect("http://u:p@host/d/a?x#z", location)
    else:
        assert resolve_redirect("http://u:p@host/d/a?x#z", location) == url


def test_redirects_end(web):
    web.answers[b"/loop"] = moved(b"/loop")
    with pytest.raises(FetchError, match="more than 10 redirects") as caught:
        storage.get(f"{web.url}/loop")
    assert type(caught.value) is FetchError and len(web.heads) == 11


def test_user_and_password_go_to_their_own_server_alone(web):
    web.answers[b"/away"] = moved(web.url.replace("127.0.0.1", "localhost").encode() + b"/there")
    web.answers[b"/near"] = moved(b"/here")
    url = web.url.replace("http://", "http://an%40n:pa%3Ass@")
    storage.get(f"{url}/near")
    storage.get(f"{url}/away")
    sent = [b"Basic YW5AbjpwYTpzcw==" in head for head in web.heads]
    assert web.targets == [b"/near", b"/here", b"/away", b"/there"]
    assert sent == [True, True, True, False]


def test_no_cookie_is_kept(web):
    web.answers[b"/sets"] = OK.replace(b"ETag", b"Set-Cookie: a=b\r\nETag")
    storage.get(f"{web.url}/sets")
    storage.get(f"{web.url}/next")
    assert b"ookie" not in web.heads[1]


def test_head_where_it_is_allowed_and_else_get(web):
    assert storage.stat(f"{web.url}/a.jpg?").size == 4
    assert [head.split(b" ")[0] for head in web.heads] == [b"HEAD"]
    web.answers[(b"HEAD", b"/signed?x=%2f")] = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    assert storage.stat(f"{web.url}/signed?x=%2f").etag == "v1"
    assert web.targets[1:] == [b"/signed?x=%2f"] * 2
    web.answers[b"/gone"] = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    assert storage.stat(f"{web.url}/gone") is None


@pytest.mark.parametrize("ranges", [True, False])
def test_members_of_an_archive_on_the_web(web, ranges):
    data = archive()

    def answer(head: bytes) -> bytes:
        part, status = data, b"200 OK"
        if ranges and b"Range: bytes=" in head:
            first, last = head.split(b"Range: bytes=")[1].split(b"\r\n")[0].split(b"-")
            part, status = data[int(first) : int(last) + 1], b"206 Partial Content"
        return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(part), part)

    url = f"{web.url}/x%2Fy.tar"
    web.answers[b"/x%2Fy.tar"] = answer
    found = list(iter_tar_members(url, storage.read(url)))
    assert {name: storage.read(uri) for name, uri, size, _ in found if size} == {
        name: each for name, each in FILES.items() if each
    }
    assert set(web.targets) == {b"/x%2Fy.tar"}


@pytest.mark.parametrize(
    ("answer", "kind", "tries"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ndata", Unreachable, 3),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", Unreachable, 3),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", Unreachable, 3),
        (b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n", AccessDenied, 1),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", FetchError, 1),
        (b"HTTP/1.1 304 Same\r\n\r\n", FetchError, 1),
        (b"SSH-2.0-x\r\n\r\n", Unreachable, 3),
        (b"", Unreachable, 3),
    ],
)
def test_what_goes_wrong_is_tried_again_where_that_can_help(web, answer, kind, tries):
    web.answers[b"/a?sig=hush"] = answer
    with pytest.raises(kind) as caught:
        Storage(StorageOptions(backoff=0, max_attempts=3, read_timeout=0.2)).get(
            f"{web.url}/a?sig=hush"
        )
    assert type(caught.value) is kind and caught.value.attempts == tries == len(web.heads)
    assert "hush" not in str(caught.value) and "127.0.0.1" in str(caught.value)


def test_a_server_that_is_not_there(web):
    with pytest.raises(Unreachable, match="can't be reached") as caught:
        storage.get("http://127.0.0.1:9/a.jpg?sig=hush")
    assert caught.value.attempts == 3


@pytest.mark.parametrize(
    "url", ["http://", "https:///a.jpg", "http://?x", "http://a b/", "http://[::1/"]
)
def test_what_is_no_address_is_not_tried_again(url):
    with pytest.raises(NotFound) as caught:
        storage.get(url)
    assert caught.value.attempts == 1


def test_what_the_client_logs_holds_no_secret(web, caplog):
    caplog.set_level("DEBUG")
    web.answers[b"/start?sig=hush"] = moved(b"/a?sig=hush")
    storage.get(f"{web.url.replace('//', '//ann:hush@')}/start?sig=hush")
    assert web.targets[1] == b"/a?sig=hush" and caplog.records
    assert "hush" not in caplog.text


def test_a_proxy_gets_the_same_bytes(web, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", web.url)
    monkeypatch.setenv("http_proxy", web.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    urls = [f"http://media.example{path}" for path in HOSTILE if "#" not in path]
    for url in urls:
        assert Storage(storage.options).get(url).data == b"data"
    assert web.targets == [url.encode() for url in urls]


def test_connections_are_kept_and_not_sent_along(web):
    own = Storage(storage.options)
    for number in range(3):
        own.get(f"{web.url}/{number}")
    again = pickle.loads(pickle.dumps(own))
    assert again.get(f"{web.url}/again").data == b"data" and len(web.heads) == 4


def test_a_list_of_signed_urls_is_fetched_as_it_is_written(web, tmp_path):
    urls = sorted(f"{web.url}{path}" for path in HOSTILE if "#" not in path)
    (tmp_path / "list.txt").write_text("\n".join(urls))
    listed = list_sources(str(tmp_path / "list.txt"), Storage()).table["source_uri"].to_pylist()
    for uri in listed:
        storage.get(uri)
    assert [target.decode() for target in web.targets] == [
        url.removeprefix(web.url) for url in urls
    ]

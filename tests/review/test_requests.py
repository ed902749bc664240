"""What the review server answers, and what it refuses: each wrong request gets a clear answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.synthetic import row, write_output, write_photo
from tests.review.served import Served, entry, serving


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("job") / "out"
    rows = []
    for name in "abc":
        path = folder.parent / "in" / f"{name}.jpg"
        rows.append(row(str(folder), str(path), sha256=write_photo(path)))
        for variant in rows[-1]["variants"]:
            write_photo(Path(variant["variant_uri"]), (30, 30))
    write_output(folder, rows)
    (folder.parent / "secret.jpg").write_bytes(b"not of the output")
    (folder / "variants" / "link.jpg").symlink_to(folder.parent / "secret.jpg")
    (folder / "variants" / "a.jxl").write_bytes(b"a preset's file")
    (folder / "variants" / "evil.js").write_text("alert(1)")
    return folder


@pytest.fixture(scope="module")
def served(output: Path) -> Iterator[Served]:
    with serving(output) as running:
        yield running


def source(served: Served) -> str:
    return min(served.session.sources)


def test_the_page_and_what_it_loads(served):
    page = served.ask("GET", "report/")
    assert page.status == 200 and b'data-served="{' in page.data
    for path, kind in (
        ("report/data/index-0000.js", "text/javascript"),
        ("variants/1x1/a.jpg", "image/jpeg"),
        ("variants/a.jxl", "image/jxl"),
        (f"api/picture?edge=480&source={source(served)}", "image/jpeg"),
    ):
        found = served.ask("GET", path)
        assert found.status == 200 and found.headers["content-type"].startswith(kind), path
    assert served.ask("GET", "").headers["location"] == "report/"
    assert served.ask("HEAD", "report/").data == b""


def test_every_answer_has_the_headers_that_a_browser_expects(served):
    for path in ("report/", "api/marks", "nowhere", "/wrong/report/"):
        headers = served.ask("GET", path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert "'sha256-" in served.ask("GET", "report/").headers["content-security-policy"]


def posted(served: Served, **changes: object) -> tuple[str, str, bytes, dict[str, str]]:
    """A right request to add a mark, with changes of its entry."""
    body = json.dumps({"entries": [entry(source(served)) | changes]}).encode()
    return "POST", "api/marks", body, {"content_type": "application/json"}


WRONG = {
    "no token": (lambda s: ("GET", "/report/", None, {}), 403, "token"),
    "another token": (lambda s: ("GET", f"/{'x' * 32}/report/", None, {}), 403, "token"),
    "a token that is no ASCII": (lambda s: ("GET", "/%C3%A9/report/", None, {}), 403, "token"),
    "another host": (
        lambda s: ("GET", "report/", None, {"Host": "rebound.example"}), 421, "address",
    ),
    "a page of another origin": (
        lambda s: (*posted(s)[:3], {**posted(s)[3], "Origin": "http://other.example"}),
        403, "another origin",
    ),
    "a method that changes things": (lambda s: ("DELETE", "api/marks", None, {}), 405, "DELETE"),
    "a post to a file": (lambda s: ("POST", "report/", b"{}", {}), 405, "Method"),
    "a path out of the output": (
        lambda s: ("GET", "variants/../../secret.jpg", None, {}), 404, "no such file",
    ),
    "the same, encoded": (
        lambda s: ("GET", "variants/%2e%2e/%2e%2e/secret.jpg", None, {}), 404, "no such file",
    ),
    "with encoded slashes": (
        lambda s: ("GET", "variants%2f..%2f..%2fsecret.jpg", None, {}), 404, "no such file",
    ),
    "a link out of the output": (
        lambda s: ("GET", "variants/link.jpg", None, {}), 404, "no such file",
    ),
    "an absolute path": (lambda s: ("GET", "variants//etc/passwd.jpg", None, {}), 404, "no such"),
    "a file that is not the page's": (lambda s: ("GET", "job.json", None, {}), 404, "no such"),
    "the manifest": (
        lambda s: ("GET", "manifest/images/part-000000.parquet", None, {}), 404, "no such",
    ),
    "a script among the variants": (
        lambda s: ("GET", "variants/evil.js", None, {}), 404, "no such file",
    ),
    "a source that is none": (
        lambda s: ("GET", "api/picture?edge=480&source=/etc/hostname", None, {}), 404, "no source",
    ),
    "a picture as large as one likes": (
        lambda s: ("GET", f"api/picture?edge=99999&source={source(s)}", None, {}), 400, "edge",
    ),
    "a form": (
        lambda s: ("POST", "api/marks", b"a=1",
                   {"content_type": "application/x-www-form-urlencoded"}), 415, "json",
    ),
    "what is no JSON": (
        lambda s: ("POST", "api/marks", b"{", {"content_type": "application/json"}), 400, "JSON",
    ),
    "JSON that nests too deep": (
        lambda s: ("POST", "api/marks", b"[" * 200_000, {"content_type": "application/json"}),
        400, "JSON",
    ),
    "a body that is too large": (
        lambda s: ("POST", "api/marks", b" " * 600_000, {"content_type": "application/json"}),
        413, "at most",
    ),
    "too many entries": (
        lambda s: ("POST", "api/marks", json.dumps({"entries": [{}] * 501}).encode(),
                   {"content_type": "application/json"}), 400, "1 to 500",
    ),
    "a mark on what is no source": (
        lambda s: posted(s, source="/etc/passwd"), 422, "no source of this job",
    ),
    "a mark of an unknown ratio": (
        lambda s: posted(s, set={"rejected/4x5": True}), 422, "expected one of 16x9, 1x1",
    ),
    "a box without an area": (
        lambda s: posted(s, set={"box/1x1": [5, 5, 5, 9]}), 422, "x0 < x1",
    ),
    "a focal point in pixels": (
        lambda s: posted(s, set={"focal": [200, 100]}), 422, "looks like pixels",
    ),
    "an unknown field": (lambda s: posted(s, set={"note": "x"}), 422, "unknown"),
    "an id with a line break": (lambda s: posted(s, id="a\nb-000000"), 400, "id"),
    "a count that is none": (lambda s: ("GET", "api/marks?after=-1", None, {}), 400, "after"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_gets_a_clear_answer(served, output, name):
    make, status, words = WRONG[name]
    method, path, body, headers = make(served)
    answer = served.ask(method, path, body, **headers)
    assert answer.status == status, answer.data
    text = answer.data.decode()
    assert words in text and len(text) < 400 and "Traceback" not in text
    assert b"not of the output" not in answer.data
    assert not (output / "marks").exists()


def test_a_body_without_end_is_given_up(served):
    """A chunked body tells no length: no more of it is read than is allowed."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        head = f"POST /{served.token}/api/marks HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        sent = 0
        try:
            while sent < 8_000_000:
                connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent += 0x10000
        except OSError:
            pass  # the server has closed it
        answer = connection.recv(65536)
    assert b" 413 " in answer.split(b"\r\n")[0] or not answer
    assert served.ask("GET", "api/marks").status == 200


def test_headers_without_end_are_refused(served):
    long = "x" * 40_000
    assert served.ask("GET", "report/", None, X_Long=long).status in (400, 431)
    assert served.ask("GET", "api/marks").status == 200

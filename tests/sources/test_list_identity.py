"""What stores say of the sources in a list file."""

import http.server
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from deepcrop.sources.discovery import list_sources
from deepcrop.sources.list_identity import with_identity
from deepcrop.storage import Storage, StorageOptions


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (folder / name).write_bytes(name.encode() * 3)
    return folder


def listed(tmp_path: Path, uris: list[str]) -> pa.Table:
    path = tmp_path / "list.txt"
    path.write_text("\n".join(uris))
    return list_sources(str(path), Storage()).table


def test_only_sources_that_are_done_are_asked_for(photos, tmp_path):
    table = listed(tmp_path, [str(path) for path in sorted(photos.iterdir())])
    assert table["source_etag"].null_count == 3
    told = with_identity(table, table["source_id"].slice(0, 1), Storage())
    assert told.schema == table.schema and told["source_etag"].null_count == 2
    blob = Storage().get(str(photos / "a.jpg"))
    assert told["source_etag"][0].as_py() == blob.etag and told["source_bytes"][0].as_py() == 15
    assert with_identity(table, pa.array([], pa.int64()), Storage()) is table


def test_a_source_that_is_gone_or_does_not_answer_is_unknown(photos, tmp_path):
    uris = [str(photos / "a.jpg"), "http://127.0.0.1:9/b.jpg"]
    table = listed(tmp_path, uris)
    (photos / "a.jpg").unlink()
    told = with_identity(table, table["source_id"], Storage(StorageOptions(max_attempts=1)))
    assert told.equals(table)


class Tagged(http.server.BaseHTTPRequestHandler):
    """Answers HEAD requests with an ETag."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("ETag", '"second"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_web_server_is_asked_for_the_etag_alone(tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tagged) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        table = listed(tmp_path, [f"http://127.0.0.1:{server.server_port}/a.jpg"])
        told = with_identity(table, table["source_id"], Storage())
        server.shutdown()
    assert told["source_etag"].to_pylist() == ["second"]
    assert told["source_bytes"].to_pylist() == [None]

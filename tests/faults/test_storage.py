"""Storage over a network that fails: every fault is survived, nothing is tried in vain."""

import concurrent.futures
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import S3FileSystem

from deepcrop.errors import AccessDenied, DeepcropError, NotFound, Unreachable, WriteError
from deepcrop.storage import Storage, StorageOptions
from jobs.faults.proxy import KINDS, FaultProxy, Faults

DATA = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def running_proxy(best_server):
    with FaultProxy(best_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def proxy(running_proxy, best_s3):
    running_proxy.reset_counts()
    running_proxy.faults = Faults(stall_s=1.5)
    yield running_proxy
    running_proxy.reset_counts()


@pytest.fixture
def storage(proxy, best_s3):
    return replace(best_s3, endpoint=proxy.endpoint).storage(read_timeout=1)


@pytest.fixture
def impatient(proxy, best_s3):
    return replace(best_s3, endpoint=proxy.endpoint).storage(max_attempts=4)


def requests(proxy, method):
    return sum(count for name, count in proxy.requests.items() if name.startswith(method))


READ_FAULTS = [kind for kind in KINDS if kind != "corrupt_upload"]
WRITE_FAULTS = [kind for kind in KINDS if kind not in ("truncate", "corrupt")]


@pytest.mark.parametrize("kind", READ_FAULTS)
def test_reading_survives(best_s3, proxy, storage, kind):
    uri = f"{best_s3.uri}/photo.jpg"
    best_s3.storage().write(uri, DATA)
    proxy.script([kind] * 2)
    blob = storage.get(uri)
    assert blob.data == DATA
    assert blob.attempts == 3 == requests(proxy, "GET")
    assert proxy.counts == {kind: 2}


@pytest.mark.parametrize("kind", WRITE_FAULTS)
def test_writing_survives(best_s3, proxy, storage, kind):
    uri = f"{best_s3.uri}/photo.jpg"
    proxy.script([kind] * 2)
    assert storage.write(uri, DATA) == 3 == requests(proxy, "PUT")
    assert proxy.counts == {kind: 2}
    assert best_s3.storage().read(uri) == DATA


@pytest.mark.parametrize("kind", ["slowdown", "deny", "reset", "lost"])
def test_listing_asking_and_deleting_survive(best_s3, proxy, storage, kind):
    uris = [f"{best_s3.uri}/in/{number}.jpg" for number in range(3)]
    for uri in uris:
        best_s3.storage().write(uri, b"x")
    proxy.script([kind] * 3)
    assert [entry.uri for entry in storage.list(f"{best_s3.uri}/in/")] == uris
    proxy.script([kind] * 3)
    assert len(list(storage.children(f"{best_s3.uri}/in/"))) == 3
    proxy.script([kind] * 3)
    assert storage.stat(uris[0]).size == 1
    proxy.script([kind] * 3)
    storage.delete(uris)
    assert proxy.counts == {kind: 12}
    assert list(best_s3.storage().list(best_s3.uri)) == []


@pytest.mark.parametrize("kind", [kind for kind in READ_FAULTS if kind not in ("deny", "stall")])
def test_tries_are_bounded(best_s3, proxy, impatient, kind):
    uri = f"{best_s3.uri}/photo.jpg"
    best_s3.storage().write(uri, DATA)
    proxy.script([kind] * 100)
    with pytest.raises(Unreachable) as caught:
        impatient.read(uri)
    assert caught.value.attempts == 4 == requests(proxy, "GET")
    assert caught.value.retryable
    assert uri in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["slowdown", "lost", "corrupt_upload"])
def test_tries_of_a_write_are_bounded(best_s3, proxy, impatient, kind):
    proxy.script([kind] * 100)
    with pytest.raises(WriteError) as caught:
        impatient.write(f"{best_s3.uri}/photo.jpg", DATA)
    assert caught.value.attempts == 4 == requests(proxy, "PUT")


def test_a_damaged_upload_never_becomes_an_object(radosgw_s3):
    uri = f"{radosgw_s3.uri}/photo.jpg"
    with FaultProxy(radosgw_s3.endpoint) as proxy:
        storage = replace(radosgw_s3, endpoint=proxy.endpoint).storage(max_attempts=3)
        proxy.script(["corrupt_upload"] * 3)
        with pytest.raises(WriteError, match=r"BadDigest|SHA256Mismatch"):
            storage.write(uri, DATA)
        assert not storage.exists(uri)
        storage.write(uri, DATA)
        proxy.script(["corrupt_upload"] * 3)
        with pytest.raises(WriteError):
            storage.write(uri, DATA[::-1])
    assert radosgw_s3.storage().read(uri) == DATA


def test_refusals_are_tried_again_a_little(best_s3, proxy, storage):
    uri = f"{best_s3.uri}/photo.jpg"
    storage.write(uri, DATA)
    proxy.script(["deny"] * 3)
    assert storage.get(uri).attempts == 4
    proxy.script(["deny"] * 100)
    for _ in range(2):
        with pytest.raises(AccessDenied) as caught:
            storage.read(uri)
        assert caught.value.attempts == 4
    assert not caught.value.retryable


def test_rights_to_a_folder_suffice(best_s3, proxy, storage):
    """Who may read ``in/*`` is often not allowed to ask for an object named ``in``."""
    uri = f"{best_s3.uri}/in/photo.jpg"
    storage.write(uri, DATA)
    proxy.denied = {"HEAD"}
    for act in (
        lambda: [entry.uri for entry in storage.list(f"{best_s3.uri}/in")] == [uri],
        lambda: storage.root(f"{best_s3.uri}/in") == f"{best_s3.uri}/in/",
        lambda: storage.check_readable(f"{best_s3.uri}/in") is None,
    ):
        assert act()


def test_a_closed_bucket_is_not_asked_in_vain(best_s3, proxy, storage):
    proxy.script(["deny"] * 100)
    for number in range(20):
        with pytest.raises(AccessDenied):
            storage.read(f"{best_s3.uri}/{number}.jpg")
    assert requests(proxy, "GET") == 4 + 19


def test_what_cannot_succeed_is_asked_once(best_s3, proxy, storage):
    with pytest.raises(NotFound):
        storage.read(f"{best_s3.uri}/none")
    assert storage.stat(f"{best_s3.uri}/none") is None
    with pytest.raises(WriteError, match="no such bucket"):
        storage.write("s3://no-such-bucket-here/x", b"x")
    with pytest.raises(NotFound, match="no such bucket"):
        list(storage.list("s3://no-such-bucket-here"))
    assert proxy.requests == {
        f"GET /{best_s3.bucket}/none": 1,
        f"HEAD /{best_s3.bucket}/none": 1,
        "PUT /no-such-bucket-here/x": 1,
        "GET /no-such-bucket-here": 1,
    }


def test_wrong_credentials_are_asked_once(radosgw_s3, monkeypatch):
    radosgw_s3.storage().write(f"{radosgw_s3.uri}/x", b"x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-wrong-secret")
    with FaultProxy(radosgw_s3.endpoint) as proxy:
        storage = Storage(StorageOptions(endpoint=proxy.endpoint))
        with pytest.raises(AccessDenied):
            storage.read(f"{radosgw_s3.uri}/x")
        with pytest.raises(WriteError):
            storage.write(f"{radosgw_s3.uri}/x", b"y")
        assert set(proxy.requests.values()) == {1}


def test_a_server_that_comes_back_is_waited_for(best_s3):
    uri = f"{best_s3.uri}/x"
    with FaultProxy(best_s3.endpoint) as proxy:
        endpoint = proxy.endpoint
        patient = replace(best_s3, endpoint=endpoint).storage(backoff=0.2, max_attempts=20)
        patient.write(uri, b"x")
    revived = FaultProxy(best_s3.endpoint, port=int(endpoint.rpartition(":")[2]))
    timer = threading.Timer(0.5, revived.__enter__)
    timer.start()
    try:
        blob = patient.get(uri)
    finally:
        timer.join()
        revived.__exit__()
    assert blob.data == b"x"
    assert blob.attempts > 1


def test_waits_are_drawn_by_chance(best_s3, proxy, impatient):
    """So that many workers that were throttled together don't come back together."""
    proxy.script(["slowdown"] * 1000)
    seconds = []
    for _ in range(10):
        start = time.monotonic()
        with pytest.raises(Unreachable):
            impatient.read(f"{best_s3.uri}/x")
        seconds.append(time.monotonic() - start)
    # Three waits: from 0 to 0.01, 0.02 and 0.04 s.
    assert max(seconds) - min(seconds) > 0.005


def test_secrets_stay_out_of_errors(best_s3, proxy, monkeypatch, capfd, caplog):
    caplog.set_level("DEBUG", "deepcrop")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "hush-token")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "HUSHKEY")
    storage = Storage(StorageOptions(endpoint=proxy.endpoint, backoff=0, max_attempts=2))
    seen = [repr(storage), repr(storage.options), storage.options.model_dump_json()]
    for kind in (None, *(kind for kind in KINDS if kind != "stall")):
        for act in (
            lambda: storage.read(f"{best_s3.uri}/none"),
            lambda: storage.write("s3://no-such-bucket-here/x", DATA),
            lambda: list(storage.list("s3://no-such-bucket-here")),
            lambda: storage.check_readable("s3://no-such-bucket-here/x"),
            lambda: storage.check_writable("s3://no-such-bucket-here/x"),
            lambda: storage.read("https://user:hush@127.0.0.1:9/x?X-Amz-Signature=hush"),
        ):
            proxy.script([kind] * 100)
            with pytest.raises(DeepcropError) as caught:
                act()
            seen.append(f"{caught.value} {caught.value!r} {caught.value.__cause__!r}")
    seen += [caplog.text, *capfd.readouterr()]
    assert len(seen) > 40
    assert "hush" not in "".join(seen).lower()


def test_everything_at_once(best_s3):
    """Many threads, all faults: all bytes arrive, within the tries that are allowed."""
    faults = Faults(
        slowdown=0.05, reset=0.04, lost=0.04, truncate=0.04, corrupt=0.05, corrupt_upload=0.05,
        deny=0.02, latency_ms=2,
    )  # fmt: skip
    with FaultProxy(best_s3.endpoint, faults, seed=1) as proxy:
        storage = Storage(StorageOptions(endpoint=proxy.endpoint, backoff=0.01))
        uris = {f"{best_s3.uri}/n {number}.jpg": os.urandom(5000) for number in range(150)}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(storage.write, uris, uris.values()))
            blobs = list(pool.map(storage.get, uris))
            assert {entry.uri for entry in storage.list(best_s3.uri)} == uris.keys()
        assert [blob.data for blob in blobs] == list(uris.values())
        assert {1, 2} <= {blob.attempts for blob in blobs}
        assert proxy.counts.keys() == set(KINDS) - {"stall"}
        assert sum(proxy.requests.values()) >= 300 + sum(proxy.counts.values())


def test_the_same_seed_gives_the_same_faults(best_s3, proxy, storage):
    proxy.faults = Faults(slowdown=0.1, reset=0.1, corrupt=0.1, lost=0.1)
    uris = [f"{best_s3.uri}/{number}" for number in range(40)]

    def scenario(seed):
        proxy.reset_counts()
        proxy.seed = seed
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            writes = list(pool.map(lambda uri: storage.write(uri, DATA), uris))
            reads = [blob.attempts for blob in pool.map(storage.get, uris)]
        return writes, reads, dict(proxy.counts)

    assert scenario(1) == scenario(1)
    assert scenario(1) != scenario(2)


def test_streaks_end(best_s3, proxy, storage):
    proxy.faults = Faults(slowdown=1, streak=3)
    assert storage.write(f"{best_s3.uri}/x", b"x") == 4
    proxy.faults = Faults(slowdown=1, streak=5)
    assert storage.get(f"{best_s3.uri}/x").attempts == 6


def test_the_proxy_runs_as_a_process(s3, tmp_path):
    command = [
        sys.executable, "-m", "jobs.faults.proxy", "--target", s3.endpoint, "--seed", "1",
        "--slowdown", "1", "--streak", "2", "--counters", str(tmp_path / "faults.json"),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            endpoint = process.stdout.readline().strip()
            storage = Storage(StorageOptions(endpoint=endpoint, backoff=0.01))
            assert storage.write(f"{s3.uri}/x", b"x") == 3
            with urllib.request.urlopen(f"{endpoint}/_faults") as answer:
                report = json.load(answer)
            assert report["faults"] == {"slowdown": 2}
            assert report["requests"] == 3
            end, written = time.monotonic() + 20, None
            while written != report and time.monotonic() < end:
                time.sleep(0.1)
                if (tmp_path / "faults.json").exists():
                    written = json.loads((tmp_path / "faults.json").read_text())
        finally:
            process.terminate()
    assert written == report


def test_pyarrow_reads_and_writes_manifests(any_s3):
    """As Ray's workers do; radosgw needs AWS_REQUEST_CHECKSUM_CALCULATION (see conftest)."""
    table = pa.table({"source_id": list(range(1000))})
    files = S3FileSystem(endpoint_override=any_s3.endpoint, region="us-east-1")
    path = f"{any_s3.bucket}/manifest/images/part-0.parquet"
    pq.write_table(table, path, filesystem=files)
    assert pq.read_table(path, filesystem=files) == table
    assert len(list(any_s3.storage().list(f"{any_s3.uri}/manifest"))) == 1


def test_ranges_and_conditions(any_s3):
    """What the servers must know for others (Ray's readers, rclone) to work on them."""
    client = boto3.session.Session().client("s3")
    place = {"Bucket": any_s3.bucket, "Key": "x"}
    etag = client.put_object(Body=DATA, **place)["ETag"]
    part = client.get_object(Range="bytes=10-19", **place)
    assert part["Body"].read() == DATA[10:20]
    assert client.get_object(IfMatch=etag, **place)["ContentLength"] == len(DATA)
    with pytest.raises(client.exceptions.ClientError, match=r"412|PreconditionFailed"):
        client.get_object(IfMatch='"0123"', **place)

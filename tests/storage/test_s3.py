"""Tests of S3, over moto and over a real server (radosgw) where it is installed."""

import concurrent.futures
import hashlib
import os
import sys

import boto3
import pytest

from deepcrop.errors import (
    AccessDenied,
    NotFound,
    RequestError,
    Unavailable,
    Unreachable,
    WriteError,
)
from deepcrop.storage import StorageOptions
from tests.storage.test_uri import ODD_KEYS


def test_an_object_has_its_content_type_and_its_etag_is_its_md5(any_s3):
    storage, uri = any_s3.storage(), f"{any_s3.uri}/a/photo.jpg"
    storage.write(uri, b"one", "image/jpeg")
    assert storage.get(uri).etag == storage.stat(uri).etag == hashlib.md5(b"one").hexdigest()
    head = boto3.session.Session().client("s3").head_object(Bucket=any_s3.bucket, Key="a/photo.jpg")
    assert head["ContentType"] == "image/jpeg"


def test_many_odd_keys_are_listed_and_deleted_together(any_s3):
    storage = any_s3.storage()
    uris = [f"{any_s3.uri}/{key}" for key in ODD_KEYS]
    for uri in uris:
        storage.write(uri, b"x")
    assert {entry.uri for entry in storage.list(any_s3.uri)} == set(uris)
    storage.delete(uris)
    assert list(storage.list(any_s3.uri)) == []


def test_list_knows_folders_from_prefixes(any_s3):
    storage = any_s3.storage()
    for key in ("in/1.jpg", "in/deep/2.jpg", "in2/3.jpg", "in", "in//4.jpg", "marker/"):
        storage.write(f"{any_s3.uri}/{key}", b"" if key.endswith("/") else b"x")

    def keys(uri):
        return [entry.uri.removeprefix(any_s3.uri + "/") for entry in storage.list(uri)]

    below = ["in//4.jpg", "in/1.jpg", "in/deep/2.jpg"]
    assert keys(f"{any_s3.uri}/in/") == below
    assert keys(f"{any_s3.uri}/in") == ["in", *below]
    assert keys(f"{any_s3.uri}/in//") == ["in//4.jpg"]
    assert keys(f"{any_s3.uri}/in*/*.jpg") == ["in/1.jpg", "in2/3.jpg"]
    assert keys(f"{any_s3.uri}/**/*.jpg") == [*below, "in2/3.jpg"]
    assert keys(f"{any_s3.uri}/none") == []
    # A console's empty "folder" object is no source.
    assert keys(any_s3.uri) == ["in", *below, "in2/3.jpg"]


def test_more_than_one_page(s3, monkeypatch):
    monkeypatch.setattr("deepcrop.storage.s3._KEYS_PER_REQUEST", 10)
    check_pages(s3, 32)


def test_more_than_one_page_of_a_real_server(radosgw_s3):
    check_pages(radosgw_s3, 1100)


def check_pages(any_s3, count):
    storage = any_s3.storage()
    uris = [f"{any_s3.uri}/p/{number:04} +é" for number in range(count)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda uri: storage.write(uri, b"x"), uris)) == {1}
    assert [entry.uri for entry in storage.list(f"{any_s3.uri}/p")] == uris
    assert len(list(storage.children(f"{any_s3.uri}/p/"))) == count
    storage.delete(uris)
    assert list(storage.list(any_s3.uri)) == []


def test_an_object_in_parts_is_read(any_s3):
    """Its ETag is no MD5, and nothing is compared with it."""
    client = boto3.session.Session().client("s3")
    upload = client.create_multipart_upload(Bucket=any_s3.bucket, Key="big")["UploadId"]
    place = {"Bucket": any_s3.bucket, "Key": "big", "UploadId": upload}
    parts = [
        {"PartNumber": n, "ETag": client.upload_part(PartNumber=n, Body=body, **place)["ETag"]}
        for n, body in ((1, b"x" * (5 << 20)), (2, b"end"))
    ]
    client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **place)
    blob = any_s3.storage().get(f"{any_s3.uri}/big")
    assert "-" in blob.etag
    assert len(blob.data) == (5 << 20) + 3


def test_buckets_that_are_missing(any_s3):
    storage = any_s3.storage()
    for uri in ("s3://no-such-bucket-here/x", any_s3.uri):
        with pytest.raises(NotFound) as caught:
            storage.read(uri)
        assert caught.value.attempts <= 1
    assert storage.stat(any_s3.uri) is None
    with pytest.raises(NotFound, match="no such bucket"):
        list(storage.list("s3://no-such-bucket-here"))
    with pytest.raises(WriteError, match="no such bucket"):
        storage.write("s3://no-such-bucket-here/x", b"")
    with pytest.raises(NotFound, match="bucket name"):
        storage.read("s3://Not A Bucket/x")
    with pytest.raises(RequestError, match=r"^input s3://no-such-bucket-here/x: no such bucket$"):
        storage.check_readable("s3://no-such-bucket-here/x")
    with pytest.raises(RequestError, match=r"^output .*can't be written: no such bucket$"):
        storage.check_writable("s3://no-such-bucket-here/x")


def test_an_endpoint_that_cannot_be_reached(s3):
    storage = s3.storage(endpoint="http://127.0.0.1:9", max_attempts=2)
    with pytest.raises(Unavailable, match=r"^input s3://b/x: the endpoint can't be reached$"):
        storage.check_readable("s3://b/x")
    with pytest.raises(Unreachable) as caught:
        storage.read("s3://b/x")
    assert caught.value.attempts == 2


def test_no_credentials(s3, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(RequestError, match="no credentials"):
        s3.storage().check_readable(s3.uri)
    with pytest.raises(AccessDenied, match="no credentials"):
        s3.storage().read(f"{s3.uri}/x")
    assert s3.storage(sign=False).stat(f"{s3.uri}/x") is None


def test_a_profile_that_does_not_exist(s3, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "hush")
    with pytest.raises(RequestError, match="AWS_PROFILE names a profile that does not exist"):
        s3.storage().check_readable(s3.uri)


def test_bad_credentials_are_refused_at_once(radosgw_s3, monkeypatch):
    uri = f"{radosgw_s3.uri}/x"
    radosgw_s3.storage().write(uri, b"x")
    unsigned = radosgw_s3.storage(sign=False)
    for attempts in (4, 1):
        # Could be throttling, for once; a bucket that never answers is closed.
        with pytest.raises(AccessDenied, match="access denied") as caught:
            unsigned.read(uri)
        assert caught.value.attempts == attempts
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-wrong-secret")
    with pytest.raises(AccessDenied, match="secret key does not fit") as caught:
        radosgw_s3.storage().read(uri)
    assert caught.value.attempts == 1
    with pytest.raises(RequestError, match=r"^input s3://\S+: the secret key does not fit"):
        radosgw_s3.storage().check_readable(uri)
    with pytest.raises(WriteError, match="secret key"):
        radosgw_s3.storage().write(uri, b"y")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "HUSHWRONGKEY")
    with pytest.raises(RequestError, match="access key is not known") as refused:
        radosgw_s3.storage().check_writable(uri)
    assert "hush" not in str(refused.value).lower()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_storage_survives_a_fork(any_s3):
    storage = any_s3.storage()
    storage.write(f"{any_s3.uri}/x", b"x")
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if storage.read(f"{any_s3.uri}/x") == b"x" else 1)
        finally:
            sys.stderr.flush()
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert storage.read(f"{any_s3.uri}/x") == b"x"


def test_options_hold_no_secrets():
    with pytest.raises(ValueError, match="without user, password") as caught:
        StorageOptions(endpoint="http://user:hush@host")
    assert "hush" not in str(caught.value)
    with pytest.raises(ValueError, match="expected http"):
        StorageOptions(endpoint="host:9000")

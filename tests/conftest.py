"""Fixtures that many tests share: an S3 server on loopback and a fresh bucket in it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from deepcrop.storage import Storage, StorageOptions
from tests.servers.radosgw import RadosGateway, missing_programs

_numbers = itertools.count()


@dataclass(frozen=True)
class S3:
    """An S3 server with one empty bucket; the AWS variables of the test's process lead to it."""

    endpoint: str
    bucket: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}"

    def storage(self, **options: Any) -> Storage:
        """Return a storage that doesn't wait long between its tries."""
        return Storage(StorageOptions(**{"backoff": 0.01, **options}))


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3:
    """Moto with a fresh bucket; quick, but it accepts any credentials."""
    return fresh_bucket(monkeypatch, moto_endpoint, "testing", "testing-secret")


def fresh_bucket(monkeypatch: pytest.MonkeyPatch, endpoint: str, key: str, secret: str) -> S3:
    """Point the AWS variables at a server and make a bucket there."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    settings = {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        # For pyarrow, whose newer checksums radosgw refuses.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    bucket = f"test-{next(_numbers)}"
    _client(endpoint, key, secret).create_bucket(Bucket=bucket)
    return S3(endpoint, bucket)


@functools.cache
def _client(endpoint: str, key: str, secret: str) -> Any:
    return boto3.session.Session(key, secret).client("s3", endpoint_url=endpoint)


@pytest.fixture(scope="session")
def radosgw() -> Iterator[RadosGateway]:
    """A real S3 server, where it is installed."""
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)} (.ci/install-radosgw)")
    with RadosGateway() as gateway:
        yield gateway


@pytest.fixture
def radosgw_s3(radosgw: RadosGateway, monkeypatch: pytest.MonkeyPatch) -> S3:
    """Ceph's gateway with a fresh bucket; it refuses bad credentials."""
    return fresh_bucket(monkeypatch, radosgw.endpoint, radosgw.access_key, radosgw.secret_key)


@pytest.fixture(params=["s3", "radosgw_s3"], ids=["moto", "radosgw"])
def any_s3(request: pytest.FixtureRequest) -> S3:
    """Each S3 server that there is, one after the other."""
    server: S3 = request.getfixturevalue(request.param)
    return server

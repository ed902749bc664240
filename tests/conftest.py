"""Fixtures that many tests share: S3 servers on loopback, and a Ray cluster."""

from __future__ import annotations

import functools
import importlib
import itertools
import logging
import os
import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import hypothesis
import pytest

from deepcrop.methods import registry
from deepcrop.storage import Storage, StorageOptions
from jobs.faults.radosgw import RadosGateway, missing_programs
from tests.conformance.installed import install

# torch.optim imports triton, if it is there, whose bindings print dozens of lines as Python ends:
# the command, run here, sees to it that Python then looks for no garbage. Nothing compiles here.
sys.modules.setdefault("triton", None)  # type: ignore[arg-type]

# Computes with one thread in every process, as actors do: with several processes on few cores, the
# threads of each would wait for one another, actively. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A first call imports, and a machine may be busy: what takes too long is pytest's to say.
hypothesis.settings.register_profile("deepcrop", deadline=None)
hypothesis.settings.load_profile("deepcrop")

pytest_plugins = ["tests.corpus"]

_numbers = itertools.count()

RECIPES = tuple(Path(__file__).parent / "jobs" / name for name in ("training", "evaluation"))
"""Folders whose tests are marked `recipe`, apart from those that are marked `smoke`."""


@pytest.hookimpl(tryfirst=True)  # before -m deselects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the recipes."""
    for item in items:
        of_recipe = any(folder in item.path.parents for folder in RECIPES)
        if of_recipe and item.get_closest_marker("smoke") is None:
            item.add_marker(pytest.mark.recipe)


class SameProcess:
    """What :class:`deepcrop.stages.child.Child` is, in this process, which has torch already."""

    def __init__(self, target: str) -> None:
        module, _, name = target.partition(":")
        self.make = getattr(importlib.import_module(module), name)

    def __enter__(self) -> SameProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def prepare(self, *arguments: Any) -> None:
        self.worker = self.make(lambda stage: None, *pickle.loads(pickle.dumps(arguments)))

    def ask(self, item: Any) -> Any:
        return pickle.loads(pickle.dumps(self.worker(pickle.loads(pickle.dumps(item)))))


@pytest.fixture
def same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare `deepcrop crop` its process: two seconds of a test."""
    monkeypatch.setattr("deepcrop.stages.child.Child", SameProcess)


@dataclass(frozen=True)
class Server:
    """An S3 server on loopback and the credentials that it accepts."""

    endpoint: str
    key: str
    secret: str


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
        settings = StorageOptions(**{"endpoint": self.endpoint, "backoff": 0.01, **options})
        return _storage(settings, *(os.environ.get(f"AWS_{name}") for name in _CREDENTIALS))


_CREDENTIALS = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE")


@functools.cache
def _storage(options: StorageOptions, *credentials: str | None) -> Storage:
    """Share connections among tests: making a client takes longer than most of them."""
    return Storage(options)


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    """Moto: quick, but it accepts any credentials and checks no MD5."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Server(f"http://{host}:{port}", "testing", "testing-secret")
    server.stop()


@pytest.fixture(scope="session")
def moto_endpoint(moto: Server) -> str:
    """Moto's URL."""
    return moto.endpoint


@pytest.fixture(scope="session")
def radosgw() -> Iterator[Server]:
    """Ceph's gateway, a real S3 server, where it is installed."""
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)} (.ci/install-radosgw)")
    with RadosGateway() as gateway:
        yield Server(gateway.endpoint, gateway.access_key, gateway.secret_key)


@pytest.fixture(scope="session")
def best_server(request: pytest.FixtureRequest) -> Server:
    """The real server where it is installed, else moto."""
    server: Server = request.getfixturevalue("moto" if missing_programs() else "radosgw")
    return server


@pytest.fixture
def s3(moto: Server, monkeypatch: pytest.MonkeyPatch) -> S3:
    """Moto with a fresh bucket."""
    return fresh_bucket(monkeypatch, moto)


@pytest.fixture
def radosgw_s3(radosgw: Server, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The real server with a fresh bucket."""
    return fresh_bucket(monkeypatch, radosgw)


@pytest.fixture
def best_s3(best_server: Server, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The best server with a fresh bucket."""
    return fresh_bucket(monkeypatch, best_server)


@pytest.fixture(params=["s3", "radosgw_s3"], ids=["moto", "radosgw"])
def any_s3(request: pytest.FixtureRequest) -> S3:
    """Each S3 server that there is, one after the other."""
    server: S3 = request.getfixturevalue(request.param)
    return server


def fresh_bucket(monkeypatch: pytest.MonkeyPatch, server: Server) -> S3:
    """Point the AWS variables at a server and make a bucket there."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    settings = {
        "AWS_ACCESS_KEY_ID": server.key,
        "AWS_SECRET_ACCESS_KEY": server.secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        # For pyarrow, whose newer checksums radosgw refuses.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    bucket = f"test-{next(_numbers)}"
    s3_client(server).create_bucket(Bucket=bucket)
    return S3(server.endpoint, bucket)


@functools.cache
def s3_client(server: Server) -> Any:
    """Return a boto3 client of a server."""
    session = boto3.session.Session(server.key, server.secret, region_name="us-east-1")
    return session.client("s3", endpoint_url=server.endpoint)


@pytest.fixture(scope="session")
def package_of_others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package with methods of others, installed for this process and those that it starts."""
    folder = install(tmp_path_factory.mktemp("site"))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *([before] if before else [])])
    sys.path.insert(0, str(folder))
    registry.entries.cache_clear()
    yield folder
    sys.path.remove(str(folder))
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
    registry.entries.cache_clear()


@pytest.fixture(scope="session")
def cluster(best_server: Server, package_of_others: Path) -> Iterator[None]:
    """A Ray cluster of this machine, with two CPUs, whose nodes have the server's credentials."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": best_server.key,
        "AWS_SECRET_ACCESS_KEY": best_server.secret,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        num_gpus=1,  # in name only: to the engine it is one, and torch finds none and takes the CPU
        include_dashboard=False,
        object_store_memory=300_000_000,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    yield
    ray.shutdown()

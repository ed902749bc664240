"""What every further write would meet too ends a job at once, and it resumes with nothing lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy
import pytest
from PIL import Image

import deepcrop
from deepcrop.cli import app
from deepcrop.errors import JobIncomplete, RequestError, Unwritable, WriteError
from deepcrop.job import Job
from deepcrop.manifest.status import read_status
from deepcrop.manifest.verify import audit
from deepcrop.progress import NullProgress
from deepcrop.stages.item import ImageTask
from deepcrop.stages.render import Renderer
from deepcrop.storage import Storage
from jobs.faults.proxy import FaultProxy
from tests.conftest import s3_client
from tests.report.synthetic import row, write_output

SOURCES = 40


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of pictures of noise, whose variants have 120 kB each."""
    folder = tmp_path / "in"
    folder.mkdir()
    random = numpy.random.default_rng(0)
    for number in range(SOURCES):
        noise = random.integers(0, 255, (200, 220, 3), dtype=numpy.uint8)
        Image.fromarray(noise).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path):
    """A folder on a file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def job(source: object, output: object, **fields: object) -> Job:
    values = {"method": "center", "aspects": ["1:1"], "format": "png", "gpus": 0, "batch_size": 2}
    return Job.parse({"input": str(source), "output": str(output), **values, **fields})


@pytest.mark.usefixtures("cluster")
def test_a_full_disk_ends_the_job_which_resumes_once_there_is_room(photos, small_disk):
    out = small_disk / "out"
    with pytest.raises(JobIncomplete, match=r"no space left on device; once that is mended"):
        deepcrop.run(job(photos, out))
    assert read_status(str(out)).state == "interrupted"
    found = audit(str(out))
    assert not found.mismatched and not found.duplicated and found.rows < SOURCES
    assert read_status(str(out)).failed == 0
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    result = deepcrop.run(job(photos, out))
    assert (result.ok, result.failed) == (SOURCES, 0) and result.resumed == found.rows
    assert audit(str(out)).clean


@pytest.fixture
def mounted(small_disk):
    """A function that mounts the small disk again with other options."""

    def mount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(small_disk)], check=True)

    yield mount
    mount("rw")


def status_of(capsys, *words: str) -> tuple[int, str]:
    """Return exit status and error text of a command."""
    return app.exit_status([*words]), capsys.readouterr().err


def test_a_read_only_output_is_status_2_with_what_to_do(photos, small_disk, mounted, capsys):
    write_output(small_disk / "out", [row(f"{small_disk}/out", "/in/a.jpg")])
    mounted("ro")
    words = ["run", "--input", str(photos), "--output", f"{small_disk}/out", "-mcenter", "-a1:1"]
    remedy = "get the right to write there, or choose another output\n"
    code, said = status_of(capsys, *words)
    assert code == 2 and said.endswith(f"can't be written: read-only file system; {remedy}")
    code, said = status_of(capsys, "report", f"{small_disk}/out")
    assert code == 2 and said.endswith(f"read-only file system; {remedy}") and "(a bug" not in said


def test_an_output_without_room_is_status_3(photos, small_disk, mounted, capsys):
    mounted("nr_inodes=1")
    words = ["run", "--input", str(photos), "--output", f"{small_disk}/out", "-mcenter", "-a1:1"]
    code, said = status_of(capsys, *words)
    assert code == 3 and said.endswith("no space left on device; make room there\n")


class Once(NullProgress):
    """A progress that does something when the first rows have come."""

    def __init__(self, action) -> None:
        self.action = action

    def advance(self, done: int, failed: int) -> None:
        self.action()
        self.action = lambda: None


@pytest.mark.usefixtures("cluster")
def test_a_bucket_that_closes_ends_the_job_which_resumes_once_it_opens(
    photos, best_server, best_s3
):
    with FaultProxy(best_server.endpoint) as proxy:

        def run(progress):
            return deepcrop.run(
                job(photos, f"{best_s3.uri}/out", s3_endpoint=proxy.endpoint), progress=progress
            )

        refused = r"output s3://.*access denied; once that is mended"
        with pytest.raises(JobIncomplete, match=refused):
            run(Once(lambda: proxy.denied.add("PUT")))
        proxy.denied.clear()
        assert read_status(f"{best_s3.uri}/out").failed == 0
        result = run(NullProgress())
    assert (result.ok, result.failed) == (SOURCES, 0)
    assert audit(f"{best_s3.uri}/out").clean


@pytest.mark.usefixtures("cluster")
def test_a_bucket_that_is_gone_ends_the_job(photos, best_server, best_s3):
    client = s3_client(best_server)

    def remove() -> None:
        while True:
            for entry in list(best_s3.storage().list(best_s3.uri)):
                best_s3.storage().delete(entry.uri)
            try:
                client.delete_bucket(Bucket=best_s3.bucket)
            except client.exceptions.ClientError:  # an actor has just written into it
                continue
            return

    with pytest.raises(JobIncomplete, match=r"no such bucket; once that is mended"):
        deepcrop.run(job(photos, f"{best_s3.uri}/out"), progress=Once(remove))


class Closed(Storage):
    """A store that refuses some of what is written, or all of it."""

    def __init__(self, *refused: str) -> None:
        super().__init__()
        self.refused, self.asked = refused, 0

    def write(self, uri: str, *_: object, **__: object) -> int:
        if any(each in uri for each in self.refused):
            error = WriteError(f"{uri}: access denied")
            error.denied = True
            raise error
        return 1

    def delete(self, uris: object) -> None:
        pass

    def check_writable(self, uri: str) -> None:
        self.asked += 1
        if "" in self.refused:
            raise RequestError(f"output {uri}: can't be written: access denied")


@pytest.mark.parametrize(("refused", "kind"), [("1x1/bad", WriteError), ("", Unwritable)])
def test_a_name_that_is_refused_alone_fails_alone(tmp_path, refused, kind):
    storage = Closed(refused)
    renderer = Renderer(job(tmp_path / "in", tmp_path / "out"), storage)
    tasks = [ImageTask({"source_uri": f"/{name}", "key": name}) for name in ("bad", "bad2", "good")]
    for task in tasks:
        writes = [renderer.threads.submit(renderer._write, f"/1x1/{task.uri[1:]}", b"", "png")]
        renderer.complete(task, writes)
    assert [type(task.error) for task in tasks[:2]] == [kind, kind] and storage.asked == 1
    assert (tasks[2].error is None) == (kind is WriteError)

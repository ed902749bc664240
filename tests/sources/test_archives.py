"""WebDataset archives as a job's input."""

import io
import tarfile

import pytest

import deepcrop
from deepcrop.errors import RequestError
from deepcrop.job import Job
from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verify import audit
from deepcrop.storage import Storage
from tests.corpus import jpeg

pytestmark = pytest.mark.usefixtures("cluster")


def write(path, files):
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_a_job_reads_the_images_of_a_glob_of_archives(tmp_path, photos):
    (tmp_path / "in").mkdir()
    for shard in range(2):
        files = {"0.jpg": jpeg(photos["coffee"], (90, 60)), "0.txt": b"a cup", "0.json": b"{}"}
        write(tmp_path / "in" / f"{shard:05d}.tar", files | {"bad.jpg": b"<html>"})
    values = {"method": "center", "aspects": ["1:1"], "gpus": 0, "keep_metadata": False}
    output = tmp_path / "out"
    result = deepcrop.run(
        Job.parse({"input": f"{tmp_path}/in/*.tar", "output": str(output), **values})
    )
    assert (result.sources, result.ok, result.failed, result.ignored) == (4, 2, 2, 2)
    assert audit(str(output)).clean
    variants = {str(path.relative_to(output)) for path in output.rglob("*.jpg")}
    assert variants == {f"variants/1x1/{shard:05d}/0.jpg" for shard in range(2)}
    captions = Manifest(str(output), Storage()).read_listing().to_pylist()
    assert {row["caption"] for row in captions if "/0.jpg" in row["source_uri"]} == {"a cup"}


def test_an_archive_without_images_is_a_wrong_request(tmp_path):
    write(tmp_path / "x.tar", {"a.json": b"{}"})
    values = {"input": f"{tmp_path}/x.tar", "output": str(tmp_path / "out")}
    with pytest.raises(RequestError, match="no images there"):
        deepcrop.run(Job.parse({**values, "method": "center", "aspects": ["1:1"]}))
    (tmp_path / "x.tar").write_bytes(b"<html>" * 300)
    with pytest.raises(RequestError, match="not a tar archive"):
        deepcrop.run(Job.parse({**values, "method": "center", "aspects": ["1:1"]}))

"""The stages in one process: a device without memory, and a limit on time."""

from __future__ import annotations

import dataclasses
import errno
import io
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy
import pyarrow as pa
import pytest
import torch
from PIL import Image

from deepcrop.engine.actors import FusedActor
from deepcrop.errors import InferError, OutOfMemory
from deepcrop.flags import Flag
from deepcrop.geometry import Box, Size
from deepcrop.job import Job
from deepcrop.methods import registry
from deepcrop.methods.base import Crop, Part
from deepcrop.methods.center import Center
from deepcrop.sources.corrections import CORRECTIONS_COLUMN
from deepcrop.sources.discovery import list_sources
from deepcrop.stages.decode import Decoder
from deepcrop.stages.infer import Predictor
from deepcrop.stages.item import ImageTask
from deepcrop.stages.local import LocalPipeline
from deepcrop.stages.watchdog import EXIT_TIMED_OUT
from deepcrop.storage import Storage, local

HUGE = 50


class Hungry(Center):
    """Has memory for so many pictures at once, and for none that is ``HUGE`` pixels wide."""

    def __init__(
        self, room: int, error: Callable[[str], Exception] = torch.OutOfMemoryError
    ) -> None:
        super().__init__()
        self.room, self.error = room, error
        self.batches: list[int] = []

    def boxes(self, images, aspects, **hints):
        self.batches.append(len(images))
        if len(images) > self.room or any(image.shape[1] == HUGE for image in images):
            raise self.error("CUDA out of memory. Tried to allocate 3.00 GiB")
        return super().boxes(images, aspects, **hints)


def predictor(method: Center) -> Predictor:
    made = Predictor(Job(input="in", output="out", method="center", aspects=("1:1",)), device="cpu")
    made.method = method
    return made


def tasks(widths: list[int]) -> list[ImageTask]:
    made = []
    for number, width in enumerate(widths):
        source = {"source_uri": str(number), "caption": None, "focal_x": None, "focal_y": None}
        picture = numpy.zeros((20, width, 3), numpy.uint8)
        made.append(ImageTask(source, thumbnail=picture, size=Size(width, 20)))
    return made


def test_a_batch_too_large_for_the_memory_is_halved_until_it_fits():
    batch, method = tasks([30] * 8), Hungry(room=2)
    predictor(method)(batch)
    assert sum(size for size in method.batches if size <= method.room) == len(batch)
    assert len(method.batches) < len(batch)  # fewer calls than one for each image
    assert all(task.error is None and len(task.crops) == 1 for task in batch)


def test_a_picture_too_large_alone_fails_alone_and_may_be_tried_again():
    batch, method = tasks([30, 30, HUGE, 30]), Hungry(room=8)
    predictor(method)(batch)
    assert [type(task.error) for task in batch] == [type(None), type(None), OutOfMemory, type(None)]
    error = batch[2].error
    assert error is not None and error.retryable and "Tried to allocate" in str(error)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (MemoryError, OutOfMemory),
        (lambda _: RuntimeError("CUDA error: out of memory"), OutOfMemory),
        (lambda _: RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), OutOfMemory),
        (lambda _: RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory),
        (lambda _: RuntimeError("expected a tensor of rank 4"), InferError),
        (ValueError, InferError),
    ],
)
def test_other_errors_of_a_method_end_in_the_row_of_the_one_that_caused_them(raised, kind):
    batch = tasks([30, HUGE])
    predictor(Hungry(room=8, error=raised))(batch)
    assert batch[0].error is None and type(batch[1].error) is kind


@pytest.mark.parametrize("form", ["jpeg", "png"])
@pytest.mark.parametrize("max_size", [100, 1000, None])
def test_a_method_sees_its_analysis_size_whatever_is_rendered_and_where(form, max_size):
    rng = numpy.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (30, 40, 3), numpy.uint8)).resize((2000, 1500))
    data = io.BytesIO()
    picture.save(data, form)
    job = Job(input="in", output="out", method="mars", aspects=("1:1",), max_size=max_size)
    analysis = registry.analysis_of("mars")
    looks = []
    for keep_pictures in (True, False):
        task = ImageTask({"source_uri": "0"}, data=data.getvalue())
        Decoder(job, analysis, keep_pictures=keep_pictures)([task])
        assert task.error is None and task.thumbnail is not None
        looks.append(task.thumbnail)
    wanted = Size(2000, 1500).fit(640)
    assert looks[0].shape == (wanted.height, wanted.width, 3)
    assert (looks[0] == looks[1]).all()  # the layouts must not differ in what a window turns on


def test_a_small_picture_is_not_enlarged_to_be_looked_at():
    data = io.BytesIO()
    Image.new("RGB", (30, 20)).save(data, "png")
    job = Job(input="in", output="out", method="mars", aspects=("1:1",))
    task = ImageTask({"source_uri": "0"}, data=data.getvalue())
    Decoder(job, 640, keep_pictures=False)([task])
    assert task.thumbnail is not None and task.thumbnail.shape == (20, 30, 3)


class Aside(Center):
    """Cuts the left end, and finds what matters on the right, and a head across the middle."""

    def boxes(self, images, aspects, **hints):
        head = Part(Box(40, 5, 60, 15), Flag.HEAD_CUT)
        return [[Crop(Box(0, 0, 50, 20), 0.5, (0.9, 0.5), parts=(head,))] for _ in images]


def test_flags_are_those_of_the_box_after_what_people_said():
    plain, moved, boxed = tasks([100] * 3)
    statement = {"kind": "focal", "aspect": None, "x0": 0.9, "y0": 0.5, "x1": None, "y1": None}
    moved.source["corrections"] = [statement]
    box = {"kind": "box", "aspect": "1x1", "x0": 35, "y0": 0, "x1": 55, "y1": 20}
    boxed.source["corrections"] = [box]
    assert CORRECTIONS_COLUMN == "corrections"
    predictor(Aside())([plain, moved, boxed])
    assert plain.crops[0].flags == (Flag.FOCAL_OUTSIDE, Flag.HEAD_CUT)
    assert moved.crops[0].flags == (Flag.HEAD_CUT,) and moved.crops[0].box == Box(50, 0, 100, 20)
    # A person looked at a box of their own, and the method isn't asked about it.
    assert boxed.crops[0].flags == () and boxed.crops[0].box == Box(35, 0, 55, 20)


ENDLESS = """
import ctypes
from deepcrop.stages.watchdog import time_limit
with time_limit(5):
    pass
with time_limit(0.5):
    ctypes.CDLL(None).pause()  # native, and deaf to Python
"""


def test_native_work_without_an_end_ends_its_process():
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", ENDLESS], timeout=60)
    assert done.returncode == EXIT_TIMED_OUT and time.monotonic() - begin >= 0.5


def test_what_a_method_notes_stands_in_the_manifest():
    [task] = tasks([30])
    method = Center()
    [[crop]] = method.boxes([task.thumbnail], ["1:1"])
    task.crops = [dataclasses.replace(crop, note="no caption: aesthetics only")]
    task.source |= {"source_bytes": 1, "source_etag": None, "key": "0"}
    assert task.row("cagic")["note"] == "no caption: aesthetics only"
    task.fail(InferError("broken"))
    assert task.row("cagic")["note"] is None


class Paired(Storage):
    """Stores nothing before two are to be stored."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Barrier(2, timeout=30)

    def write(self, uri, data, content_type=None, *, sync=True, variant=False):
        self.pair.wait()
        return super().write(uri, data, content_type, sync=sync)


def job_of_two(folder):
    """Return a job on two pictures, with one variant each, and its listing."""
    (folder / "in").mkdir()
    for name in "ab":
        Image.new("RGB", (32, 16)).save(folder / "in" / f"{name}.png")
    flags = {"input": str(folder / "in"), "output": str(folder / "out")}
    job = Job(**flags, method="center", aspects=("1:1",))
    return job, list_sources(job.input, job.storage, None).table


def test_a_worker_computes_while_another_batch_is_stored(tmp_path):
    job, listing = job_of_two(tmp_path)
    worker = FusedActor(job, Paired(), pa.schema([]))
    with ThreadPoolExecutor(2) as threads:
        batches = list(threads.map(worker, [listing.slice(0, 1), listing.slice(1, 1)]))
    assert [batch["status"].to_pylist() for batch in batches] == [["ok"], ["ok"]]


def test_rows_follow_their_variants_to_the_disk(tmp_path, monkeypatch):
    """A batch that the disk may have lost fails, and leaves nothing; others are no worse for it."""
    job, listing = job_of_two(tmp_path)
    worker, waits = FusedActor(job, Storage(), pa.schema([])), []

    def broken(_):
        waits.append(sum(path.is_file() for path in (tmp_path / "out").rglob("*.jpg")))
        if len(waits) == 1:
            raise OSError(errno.EIO, "")

    monkeypatch.setattr(local, "_sync_file_system", broken)
    lost = worker(listing)
    assert lost["status"].to_pylist() == ["failed"] * 2
    assert lost["error_class"].to_pylist() == ["WriteError"] * 2
    assert "input/output error" in lost["error_message"][0].as_py()
    assert not list((tmp_path / "out").rglob("*.jpg"))
    assert worker(listing)["status"].to_pylist() == ["ok"] * 2
    assert waits == [2, 2]


@pytest.mark.parametrize(("form", "flags"), [("jpeg", ["alpha-flattened"]), ("png", [])])
def test_transparent_parts_laid_over_white_are_told(tmp_path, form, flags):
    clear = Image.new("RGBA", (40, 20), (255, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    Image.new("RGBA", (40, 20), (255, 0, 0, 255)).save(tmp_path / "opaque.png")
    job = Job(
        input=str(tmp_path), output=str(tmp_path / "out"), method="center", aspects=("1:1",),
        format=form,
    )  # fmt: skip
    single = LocalPipeline(job, device="cpu")
    for name, wanted in (("clear", flags), ("opaque", [])):
        task = single.process(str(tmp_path / f"{name}.png"), name)
        single.write(task)
        row = task.row("center")
        assert row["flags"] == wanted
        assert row["note"] == ("transparent parts laid over white" if wanted else None)


def test_an_animation_that_was_flattened_is_told(tmp_path):
    frames = [Image.new("RGB", (40, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.webp", save_all=True, append_images=frames[1:])
    job = Job(input=str(tmp_path), output=str(tmp_path), method="center", aspects=("1:1",))
    row = LocalPipeline(job, device="cpu").process(str(tmp_path / "two.webp"), "two").row("center")
    assert row["flags"] == ["animation-flattened"]
    assert row["note"].startswith("frame 1 of 2 of an animation")


FUSED = """
import sys
import pyarrow as pa
import deepcrop.engine.driver
from deepcrop.engine.actors import FusedActor, RenderActor
from deepcrop.job import Job
from deepcrop.sources.discovery import list_small
job = Job(input=sys.argv[1], output=sys.argv[2], method=sys.argv[3], aspects=("1:1", "16:9"))
rows = FusedActor(job, job.storage, pa.schema([]))(list_small(job.input, job.storage).table)
print(rows["status"].to_pylist(), "torch" in sys.modules)
"""


@pytest.mark.parametrize("method", ["center", "saliency"])
def test_an_actor_on_cpus_needs_no_torch_where_another_runtime_serves(
    method, tmp_path, photos, monkeypatch
):
    """PyTorch takes two seconds and 380 MB of each process."""
    if method == "saliency":
        pytest.importorskip("openvino")
        monkeypatch.setenv("DEEPCROP_RUNTIME", "openvino")
    (tmp_path / "in").mkdir()
    photos["chelsea"].save(tmp_path / "in" / "photo.jpg")
    command = [sys.executable, "-c", FUSED, tmp_path / "in", tmp_path / "out", method]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == ["['ok']", "False"], done.stderr

"""The cost and memory of a job over small images, for which the engine costs more than pixels."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.compute as pc
from PIL import Image
from skimage import data

from deepcrop.manifest.store import Manifest
from deepcrop.storage import Storage

from .measure import Cost, environment, measure

ORIGINALS = 64
"""Number of different images; the other files are hard links to them."""


@dataclass(frozen=True)
class Footprint:
    """The cost and memory of one job.

    Attributes:
        images: number of images.
        cost: the cost of all processes of the job.
        driver: peak resident memory of the driver, in bytes.
        worker: peak resident memory of the largest worker, in bytes.
        listing: seconds until the job had listed all images; it processes none before.
    """

    images: int
    cost: Cost
    driver: int
    worker: int
    listing: float


def measure_job(count: int) -> Footprint:
    """Run a job over ``count`` images, and check its manifest."""
    with tempfile.TemporaryDirectory(prefix="footprint-") as folder:
        source, target = write_pictures(Path(folder) / "in", count), Path(folder) / "out"
        flags = [f"--input={source}", f"--output={target}", "--method=center", "--aspect=1:1"]
        peaks = Peaks()
        command = [sys.executable, "-m", "deepcrop", "run", *flags]
        cost = measure(command, environment(), peaks.sample)
        check(target, count)
        record = json.loads((target / "job.json").read_text())
    listing = record["counts"]["listing_seconds"]
    return Footprint(count, cost, peaks.driver, peaks.worker, listing)


def write_pictures(folder: Path, count: int) -> Path:
    """Write photos of 200 by 150 pixels into one folder; return it."""
    folder.mkdir(parents=True)
    photo = Image.fromarray(data.astronaut())
    for number in range(count):
        path = folder / f"{number:06d}.jpg"
        if number < ORIGINALS:
            photo.crop((number, number, number + 200, number + 150)).save(path)
        else:
            os.link(folder / f"{number % ORIGINALS:06d}.jpg", path)
    return folder


def check(target: Path, count: int) -> None:
    """Check that a job's manifest has one row with status ok and one variant for each image.

    Raises:
        ValueError: it doesn't.
    """
    manifest = Manifest(str(target), Storage())
    manifest.load_parts()
    rows = manifest.table(["source_id", "status", "variants"])
    found = {
        "rows": rows.num_rows,
        "sources": pc.count_distinct(rows["source_id"]).as_py(),
        "ok": pc.sum(pc.equal(rows["status"], "ok")).as_py() or 0,
        "variants": pc.sum(pc.list_value_length(rows["variants"])).as_py() or 0,
    }
    if set(found.values()) != {count}:
        raise ValueError(f"manifest of {count} images: {found}")


class Peaks:
    """Peaks of the resident memory of a job's driver and of its largest worker, in bytes."""

    def __init__(self) -> None:
        self.driver = self.worker = 0

    def sample(self, pid: int) -> None:
        """Update the peaks of a driver and of the workers below it."""
        with contextlib.suppress(psutil.Error, OSError):
            self.driver = max(self.driver, _high_water(pid))
            for child in psutil.Process(pid).children(recursive=True):
                # A process that has just ended has an empty command line.
                if " ".join(child.cmdline()).startswith("ray::"):
                    self.worker = max(self.worker, _high_water(child.pid))


def _high_water(pid: int) -> int:
    """Return the peak of a process's resident memory so far, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0

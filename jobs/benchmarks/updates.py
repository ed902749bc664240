"""The cost of updates: a run with nothing to do, and one ratio or size more.

A run with nothing to do is compared with a process that lists the input and does no more. Its
output has a row for each source, written from the listing after one photo was really worked on:
such a run reads rows, and no variants.

What one ratio costs is measured without Ray, in this process: CPU time for each photo of a run that
adds it, by that of a run that starts afresh with this ratio alone.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from deepcrop.engine.committer import PART_ROWS
from deepcrop.job import Job
from deepcrop.manifest.store import Manifest
from deepcrop.schema import IMAGES
from deepcrop.sources.index import iter_row_groups
from deepcrop.sources.listing import build_listing
from deepcrop.storage import Storage

from ..faults.library.engine import run
from .corpus import write_corpus
from .footprint import Peaks, write_pictures
from .measure import environment, measure

LIST = """
import sys
from deepcrop.sources.discovery import list_sources
from deepcrop.storage import Storage
print(list_sources(sys.argv[1], Storage(), serial_seconds=1e9).table.num_rows)
"""
HEADINGS = ("", "s", "CPU-s", "driver MiB")


def nothing_to_do(count: int, rounds: int) -> Iterator[list[str]]:
    """Yield lines: listing alone, a run with nothing to do, and their quotients.

    Args:
        count: number of sources.
        rounds: repetitions, of which the fastest of both counts.
    """
    with tempfile.TemporaryDirectory(prefix="updates-") as folder:
        source = write_pictures(Path(folder) / "in", count)
        output = Path(folder) / "out"
        fields = {"input": str(source), "output": str(output), "method": "center"}
        job = Job.parse(fields | {"aspects": ["1:1"]})
        _write_rows(job, source, output)
        commands = {
            "listing alone": [sys.executable, "-c", LIST, str(source)],
            "nothing to do": [sys.executable, "-m", "deepcrop", "run", f"--input={source}",
                              f"--output={output}", "-mcenter", "-a1:1"],
        }  # fmt: skip
        best: dict[str, tuple[float, float]] = {}
        for _ in range(rounds):
            for name, command in commands.items():
                peaks = Peaks()
                cost = measure(command, environment(), peaks.sample)
                before = best.get(name, (np.inf, np.inf))
                best[name] = min(before[0], cost.seconds), min(before[1], cost.cpu)
                yield [
                    name,
                    f"{cost.seconds:.1f}",
                    f"{cost.cpu:.1f}",
                    f"{peaks.driver / 2**20:.0f}",
                ]
        quotients = [
            f"{more / less:.2f}"
            for less, more in zip(best["listing alone"], best["nothing to do"], strict=True)
        ]
        yield ["quotient of the fastest", *quotients, ""]


def _write_rows(job: Job, source: Path, output: Path) -> None:
    """Write the rows of an output of which all sources are done."""
    few = source.parent / "few"
    few.mkdir()
    shutil.copy(source / "000000.jpg", few / "000000.jpg")
    made = job.model_copy(update={"input": str(few)})
    run(made)
    manifest = Manifest(str(output), Storage())
    manifest.load_parts()
    [row] = manifest.table().to_pylist()
    shutil.rmtree(output / "manifest")
    manifest.take_parts([])
    listing = build_listing(job, Storage(), None, serial_seconds=1e9)
    for group in iter_row_groups(listing.packed):
        for start in range(0, group.num_rows, PART_ROWS):
            part = group.slice(start, PART_ROWS).to_pylist()
            rows = [row | {name: each[name] for name in each if name in SAME} for each in part]
            manifest.append(pa.Table.from_pylist(rows, schema=IMAGES))
    manifest.write_listing(listing.public)


SAME = {"source_uri", "source_id", "source_bytes", "source_etag", "source_modified"}
SAME |= {"source_version"}
"""Columns that the rows take from the listing."""


def one_more(count: int, method: str, photos: Path | None) -> Iterator[list[str]]:
    """Yield lines: CPU-milliseconds a photo of a fresh job, of adding the same, and the quotient.

    Args:
        count: number of photos.
        method: the method.
        photos: a folder of JPEG files in place of mosaics of 2 to 12 megapixels.
    """
    with tempfile.TemporaryDirectory(prefix="updates-") as folder:
        source = write_corpus(Path(folder) / "in", count, photos)
        few = write_corpus(Path(folder) / "few", 2, photos)

        def cost(name: str, aspects: Sequence[str], sizes: Sequence[str], given: Path) -> float:
            fields: dict[str, object] = {"input": str(given), "output": f"{folder}/{name}"}
            fields |= {"method": method}
            fields |= {"aspects": list(aspects), "sizes": list(sizes), "max_size": 640}
            start = time.process_time()
            summary, _ = run(Job.parse(fields))
            assert summary is not None and summary.failed == 0
            return 1000 * (time.process_time() - start) / count

        for name in ("fresh", "known", "sized"):  # what loads once
            cost(f"warm-{name}", ["16:9"], [], few)
        cost("base", ["1:1"], [], source)
        start = _loading(method)
        cases = {
            "16:9 more, of 1:1": (["16:9"], [], ["1:1", "16:9"], []),
            "320x180 more, of 16:9": ([], ["320x180"], ["1:1", "16:9"], ["320x180"]),
        }
        for name, (aspects, sizes, more, all_sizes) in cases.items():
            fresh = cost(f"fresh {len(sizes)}", aspects, sizes, source) - start / count
            added = cost("base", more, all_sizes, source) - start / count
            yield [name, f"{fresh:.1f}", f"{added:.1f}", f"{added / fresh:.2f}"]


def _loading(method: str) -> float:
    """Return the CPU-milliseconds that an actor takes to load its network once more."""
    from deepcrop.methods import registry

    start = time.process_time()
    registry.load(method)
    return 1000 * (time.process_time() - start)

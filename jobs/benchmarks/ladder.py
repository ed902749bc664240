"""A ladder of widths and formats: deepcrop, its encoders alone, and libvips.

Every contender runs on a small and a large corpus; the figures are differences for each image more,
without what starting costs. ``encoders`` does as deepcrop does and counts the CPU time of the calls
of the encoders alone: no program that writes the same files can take less. A contender runs in a
process of its own: ``python -m jobs.benchmarks.ladder NAME SOURCE TARGET CORES``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from deepcrop.outputs.presets import Output

from .comparison import cores
from .contenders import MALLOC
from .corpus import write_corpus
from .measure import Cost, environment, measure
from .task import centre, files

RATIOS = ("1:1", "16:9", "4:5")
WIDTHS = (320, 640, 1280)
FORMATS = ("avif", "webp", "jpeg")
HEADINGS = ("contender", "CPU-ms/image", "encoders = 1", "ms/image", "peak MiB")
SPENT = "encoding.json"
"""File in a target folder with the CPU-seconds that encoding took."""


def presets() -> dict[str, Output]:
    """Return the ladder: a preset for each ratio."""
    return {
        f"r{ratio.replace(':', 'x')}": Output.model_validate(
            {"aspect": ratio, "widths": WIDTHS, "formats": FORMATS, "progressive": False}
        )
        for ratio in RATIOS
    }


def deepcrop(source: Path, target: Path, cores: int) -> None:
    """Our pipeline with the ladder."""
    _job(source, target, cores, outputs=presets())


def one_width(source: Path, target: Path, cores: int) -> None:
    """Our pipeline with the same ratios, in one width and format: what a job without presets is."""
    _job(source, target, cores, aspects=RATIOS, max_size=max(WIDTHS))


def _job(source: Path, target: Path, cores: int, **fields: object) -> None:
    from deepcrop import run
    from deepcrop.job import Job

    places = {"input": str(source), "output": str(target), "method": "center", "actors": cores}
    result = run(Job.parse(places | fields))
    if result.ok != result.sources:
        raise SystemExit(f"{result.failed} of {result.sources} failed")


def _encode(path: Path) -> float:
    """Encode the ladder of one file; return the CPU-seconds of the encoders."""
    from deepcrop.geometry import AspectRatio, Box
    from deepcrop.image import Pyramid, decode, encode
    from deepcrop.outputs.presets import sized

    pyramid, spent = Pyramid.of(decode(path.read_bytes())), 0.0
    for output in presets().values():
        ratio: AspectRatio = output.ratio
        box = Box.centred(ratio.largest_window(pyramid.size), (0.5, 0.5), pyramid.size)
        for width in WIDTHS:
            size = sized(ratio, width)
            pixels = pyramid.render(box, size if width < box.size.width else box.size)
            begin = time.process_time()
            for name in FORMATS:
                encode(pixels, name, quality=output.quality_of(name), settings=output.settings)
            spent += time.process_time() - begin
    return spent


def encoders(source: Path, target: Path, cores: int) -> None:
    """The encoders of deepcrop, on the same pixels; nothing is written."""
    target.mkdir()
    with get_context("spawn").Pool(cores) as pool:
        spent = sum(pool.imap_unordered(_encode, files(source)))
    (target / SPENT).write_text(json.dumps(spent))


def _vips(path: Path, target: Path) -> None:
    """Write the ladder of one file by libvips: ``thumbnail`` for each width, as its manual shows.

    Qualities are ours, all else is libvips's own default.
    """
    import pyvips

    data = path.read_bytes()
    header = pyvips.Image.new_from_buffer(data, "")
    suffixes = {"avif": ".avif", "webp": ".webp", "jpeg": ".jpg"}
    for name, output in presets().items():
        ratio = output.ratio.width, output.ratio.height
        largest = centre(header.width, header.height, ratio)[2]
        for width in WIDTHS:
            size = output.pixels(min(width, largest), 1)
            cut = pyvips.Image.thumbnail_buffer(data, size.width, height=size.height, crop="centre")
            cut = cut.copy_memory()  # its formats are of the same pixels
            for each in FORMATS:
                place = target / f"{path.stem}-{name}-{width}{suffixes[each]}"
                cut.write_to_file(str(place), Q=output.quality_of(each))


def libvips(source: Path, target: Path, cores: int) -> None:
    """libvips, one process for each core."""
    target.mkdir()
    with get_context("spawn").Pool(cores) as pool:
        pool.starmap(_vips, [(path, target) for path in files(source)], chunksize=1)


CONTENDERS: Mapping[str, Callable[[Path, Path, int], None]] = {
    "deepcrop": deepcrop,
    "deepcrop, one width": one_width,
    "encoders": encoders,
    "libvips": libvips,
}


@dataclass(frozen=True)
class Figures:
    """What one image more costs a contender.

    Attributes:
        cpu: CPU-seconds; of the encoders alone, where they are what is measured.
        seconds: elapsed seconds.
        memory: peak of the larger run in bytes.
    """

    cpu: float
    seconds: float
    memory: int


def compare(
    counts: tuple[int, int], photos: Path | None, names: tuple[str, ...]
) -> Iterator[tuple[str, Figures]]:
    """Yield the figures of each contender.

    Args:
        counts: images of the small and of the large corpus.
        photos: a folder of JPEG files in place of the mosaics.
        names: names of the contenders.
    """
    with tempfile.TemporaryDirectory(prefix="ladder-") as folder:
        corpora = [write_corpus(Path(folder) / str(count), count, photos) for count in counts]
        for name in names:
            (small, first), (large, second) = (_run(name, each, Path(folder)) for each in corpora)
            more = counts[1] - counts[0]
            cpu = (second - first) / more
            yield name, Figures(cpu, (large.seconds - small.seconds) / more, large.memory)


def _run(name: str, corpus: Path, folder: Path) -> tuple[Cost, float]:
    """Run a contender; return its cost, and the CPU-seconds that count."""
    variables = environment(OMP_NUM_THREADS="1", VIPS_CONCURRENCY="1", **MALLOC)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        target = Path(place) / "out"
        arguments = [name, str(corpus), str(target), str(cores())]
        cost = measure([sys.executable, "-m", "jobs.benchmarks.ladder", *arguments], variables)
        spent = target / SPENT
        return cost, json.loads(spent.read_text()) if spent.exists() else cost.cpu


def lines(found: Mapping[str, Figures]) -> Iterator[tuple[str, ...]]:
    """Yield a line for each contender."""
    alone = found.get("encoders")
    for name, each in found.items():
        yield (
            name,
            f"{1000 * each.cpu:.0f}",
            f"{each.cpu / alone.cpu:.2f}" if alone else "",
            f"{1000 * each.seconds:.0f}",
            f"{each.memory / 2**20:.0f}",
        )


def main() -> None:
    """Run one contender."""
    name, source, target, cores = sys.argv[1:]
    CONTENDERS[name](Path(source), Path(target), int(cores))


if __name__ == "__main__":
    main()

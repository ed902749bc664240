"""The contenders: other tools for the same work, and a lower bound.

Each takes a corpus, a folder for its variants and a number of cores, and runs in a process of its
own: ``python -m jobs.benchmarks.contenders NAME SOURCE TARGET CORES``. A contender imports its
packages in its own function, so that none pays for the imports of another.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .task import (
    ANALYSIS,
    ASPECTS,
    LONGEST,
    QUALITY,
    RATIOS,
    centre,
    destination,
    files,
    fitted,
    in_processes,
    make_folders,
    window,
)


def floor(path: Path, target: Path) -> None:
    """The lower bound: the fastest codecs and nothing else.

    One DCT-scaled decode at twice the pixels of the sharpest crop serves all; boxes are rounded to
    decoded pixels; colour profiles, orientation and errors are ignored.
    """
    import numpy as np
    import simplejpeg
    import torch

    torch.set_num_threads(1)
    data = path.read_bytes()
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    cuts = {name: centre(width, height, ratio) for name, ratio in RATIOS.items()}
    scale = max(max(fitted(wide, high)) / max(wide, high) for _, _, wide, high in cuts.values())
    shrink = next((each for each in (8, 4, 2) if 2 * scale <= 1 / each), 1)
    pixels = simplejpeg.decode_jpeg(
        data, min_height=-(-height // shrink), min_width=-(-width // shrink)
    )
    image = torch.from_numpy(pixels)[None].permute(0, 3, 1, 2)

    def resized(part: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        part = part.contiguous(memory_format=torch.channels_last)
        return torch.nn.functional.interpolate(
            part, size=size[::-1], mode="bicubic", antialias=True
        )

    resized(image, fitted(width, height, ANALYSIS))
    for name, cut in cuts.items():
        left, top, wide, high = (edge // shrink for edge in cut)
        part = resized(image[..., top : top + high, left : left + wide], fitted(*cut[2:]))
        encoded = simplejpeg.encode_jpeg(
            np.ascontiguousarray(part[0].permute(1, 2, 0).numpy()),
            quality=QUALITY,
            colorsubsampling="420",
        )
        destination(target, name, path).write_bytes(encoded)


def vips_once(path: Path, target: Path) -> None:
    """Libvips with one shrunk decode; ``smartcrop`` on a small image finds the crop."""
    import pyvips

    data = path.read_bytes()
    header = pyvips.Image.new_from_buffer(data, "")
    width, height = header.width, header.height
    windows = {name: window(width, height, ratio) for name, ratio in RATIOS.items()}
    scale = max(max(fitted(*size)) / max(size) for size in windows.values())
    shrink = next((each for each in (8, 4, 2) if 2 * scale <= 1 / each), 1)
    image = pyvips.Image.new_from_buffer(data, "", shrink=shrink).copy_memory()
    small = image.thumbnail_image(ANALYSIS, size="down").copy_memory()
    for name, ratio in RATIOS.items():
        found = small.smartcrop(*window(small.width, small.height, ratio), interesting="attention")
        ratio_x, ratio_y = image.width / small.width, image.height / small.height
        wide, high = window(image.width, image.height, ratio)
        left = min(max(0, round(-found.xoffset * ratio_x)), image.width - wide)
        top = min(max(0, round(-found.yoffset * ratio_y)), image.height - high)
        size = fitted(*windows[name])
        part = image.crop(left, top, wide, high).resize(size[0] / wide, vscale=size[1] / high)
        part.jpegsave(str(destination(target, name, path)), Q=QUALITY)


def vips_thumbnail(path: Path, target: Path) -> None:
    """Libvips as its manual shows: ``thumbnail`` with ``crop``, a shrunk decode for each ratio."""
    import pyvips

    data = path.read_bytes()
    header = pyvips.Image.new_from_buffer(data, "")
    for name, ratio in RATIOS.items():
        wide, high = fitted(*window(header.width, header.height, ratio))
        part = pyvips.Image.thumbnail_buffer(data, wide, height=high, crop="attention")
        part.jpegsave(str(destination(target, name, path)), Q=QUALITY)


def smartcrop_python(path: Path, target: Path) -> None:
    """Smartcrop in Python, largest windows only as in JavaScript; Pillow around it."""
    import smartcrop
    from PIL import Image

    with Image.open(path) as image:
        image.load()
    small = image.copy()
    small.thumbnail((ANALYSIS, ANALYSIS))
    cropper, scale = smartcrop.SmartCrop(), image.width / small.width
    for name, ratio in RATIOS.items():
        wide, high = window(small.width, small.height, ratio)
        found = cropper.crop(small, wide, high, prescale=False, min_scale=1)["top_crop"]
        size = window(image.width, image.height, ratio)
        left = min(round(found["x"] * scale), image.width - size[0])
        top = min(round(found["y"] * scale), image.height - size[1])
        part = image.resize(
            fitted(*size),
            Image.Resampling.LANCZOS,
            (left, top, left + size[0], top + size[1]),
            reducing_gap=2,
        )
        part.save(destination(target, name, path), quality=QUALITY)


def opencv(path: Path, target: Path) -> None:
    """OpenCV as img2dataset's resizer uses it: a whole decode, ``INTER_AREA``, the centre."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    height, width = image.shape[:2]
    cv2.resize(image, fitted(width, height, ANALYSIS), interpolation=cv2.INTER_AREA)
    for name, ratio in RATIOS.items():
        left, top, wide, high = centre(width, height, ratio)
        part = image[top : top + high, left : left + wide]
        part = cv2.resize(part, fitted(wide, high), interpolation=cv2.INTER_AREA)
        encoded = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        destination(target, name, path).write_bytes(encoded.tobytes())


def smartcrop_node(source: Path, target: Path, cores: int) -> None:
    """Smartcrop in JavaScript with sharp: one Node process for each core."""
    make_folders(target)
    script = str(Path(__file__).with_name("smartcrop.mjs"))
    flags = [str(ANALYSIS), str(LONGEST), str(QUALITY)]
    paths = [str(path) for path in files(source)]
    environment = os.environ | {"UV_THREADPOOL_SIZE": "1"}
    running = [
        subprocess.Popen(
            ["node", script, str(target), *flags, *paths[core::cores]], env=environment
        )
        for core in range(cores)
    ]
    statuses = [each.wait() for each in running]
    if any(statuses):
        raise SystemExit("node failed")


def ray_data(source: Path, target: Path, cores: int) -> None:
    """Ray Data as its guide to images suggests: ``read_images``, ``map_batches``, Pillow."""
    import ray
    from PIL import Image

    def variants(batch: dict[str, Any]) -> dict[str, Any]:
        for pixels, path in zip(batch["image"], batch["path"], strict=True):
            image = Image.fromarray(pixels)
            image.resize(fitted(*image.size, ANALYSIS), Image.Resampling.LANCZOS)
            for name, ratio in RATIOS.items():
                left, top, wide, high = centre(*image.size, ratio)
                part = image.crop((left, top, left + wide, top + high))
                part = part.resize(fitted(wide, high), Image.Resampling.LANCZOS)
                part.save(destination(target, name, Path(path)), quality=QUALITY)
        return {"path": batch["path"]}

    make_folders(target)
    ray.init("local", num_cpus=cores, log_to_driver=False, object_store_memory=2**30)
    photos = ray.data.read_images(str(source), mode="RGB", include_paths=True)
    photos.map_batches(variants, batch_size=16).materialize()


def deepcrop(method: str) -> Callable[[Path, Path, int], None]:
    """Our pipeline, as the command line runs it."""

    def run(source: Path, target: Path, cores: int) -> None:
        from deepcrop import Job
        from deepcrop import run as run_job

        job = Job(
            input=str(source),
            output=str(target),
            method=method,
            aspects=ASPECTS,
            max_size=LONGEST,
            quality=QUALITY,
            actors=cores,
        )
        result = run_job(job)
        if result.ok != result.sources:
            raise SystemExit(f"{result.failed} of {result.sources} failed")

    return run


def pooled(work: Callable[[Path, Path], None]) -> Callable[[Path, Path, int], None]:
    """Make a contender from a function that processes one file."""

    def run(source: Path, target: Path, cores: int) -> None:
        in_processes(work, source, target, cores)

    return run


@dataclass(frozen=True)
class Contender:
    """One way to do the work."""

    run: Callable[[Path, Path, int], None]
    modules: tuple[str, ...] = ()
    """Packages that it needs in addition to deepcrop's dependencies."""
    program: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def missing(self) -> str | None:
        """Return a message that names missing packages; None if everything is installed."""
        for module in self.modules:
            if importlib.util.find_spec(module) is None:
                return f"the Python package {module} is not installed"
        if self.program and shutil.which(self.program) is None:
            return f"{self.program} is not installed"
        if self.program == "node":
            script = Path(__file__).with_name("smartcrop.mjs")
            if subprocess.run(["node", str(script)], capture_output=True).returncode:
                return "Node finds no sharp and smartcrop here: npm install sharp smartcrop"
        return None


MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}
"""Settings of malloc by which memory for pixels stays with the process, as in our workers."""

CONTENDERS = {
    "deepcrop": Contender(deepcrop("center")),
    "deepcrop saliency": Contender(deepcrop("saliency")),
    "floor": Contender(pooled(floor), environment=MALLOC),
    "libvips": Contender(pooled(vips_once), ("pyvips",), environment={"VIPS_CONCURRENCY": "1"}),
    "libvips thumbnail": Contender(
        pooled(vips_thumbnail), ("pyvips",), environment={"VIPS_CONCURRENCY": "1"}
    ),
    "smartcrop.js": Contender(smartcrop_node, program="node"),
    "smartcrop.py": Contender(pooled(smartcrop_python), ("smartcrop",)),
    "Ray Data, naive": Contender(ray_data),
    "img2dataset's resize": Contender(pooled(opencv), ("cv2",)),
}


def main() -> None:
    """Run one contender."""
    name, source, target, cores = sys.argv[1:]
    CONTENDERS[name].run(Path(source), Path(target), int(cores))


if __name__ == "__main__":
    main()

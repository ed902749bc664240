"""A job on real photos, which ship inside scikit-image: nothing is downloaded.

```
python -m jobs.demo --output out/demo
```
"""

from __future__ import annotations

from pathlib import Path

import typer
from PIL import Image
from rich.console import Console

import deepcrop
from deepcrop import Box, Job
from deepcrop.image import open as open_image
from deepcrop.manifest.store import Manifest
from deepcrop.report.page import build
from deepcrop.report.sheet import ContactSheetRow, contact_sheet
from deepcrop.terminal import JobProgress

PHOTOS = ("astronaut", "cat", "coffee", "rocket", "hubble_deep_field", "retina")
ASPECTS = ("1:1", "16:9", "9:16", "4:5")


def demo(output: Path = Path("out/demo"), method: str = "saliency") -> None:
    """Crop some photos, and draw a contact sheet of the variants."""
    photos = write_photos(output / "photos")
    job = Job(input=str(photos), output=str(output / method), method=method, aspects=ASPECTS)
    progress = JobProgress()
    try:
        result = deepcrop.run(job, progress=progress)
    finally:
        progress.stop()
    sheet = output / "sheet.png"
    draw(job).save(sheet)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{result.ok} of {result.sources} photos, {result.variants} variants")
    console.print(f"look at    {sheet}")
    console.print(f"and at     {build(job.output)}")
    console.print(f"variants   {output / method / 'variants'}")
    console.print(f"manifest   {output / method / 'manifest'}")


def write_photos(folder: Path) -> Path:
    """Write scikit-image's photos as JPEG files."""
    from skimage import data

    folder.mkdir(parents=True, exist_ok=True)
    for name in PHOTOS:
        path = folder / f"{name}.jpg"
        if not path.exists():
            Image.fromarray(getattr(data, name)()).save(path, quality=95)
    return folder


def draw(job: Job) -> Image.Image:
    """Draw a job's sources and variants as a contact sheet."""
    manifest = Manifest(job.output, job.storage)
    manifest.load_parts()
    rows = sorted(manifest.table().to_pylist(), key=lambda row: str(row["source_uri"]))
    sheet = []
    for row in rows:
        variants = {each["aspect"]: each for each in row["variants"]}
        boxes = {
            aspect: Box(each["x0"], each["y0"], each["x1"], each["y1"])
            for aspect, each in variants.items()
            if each["x0"] is not None
        }
        focal = None if row["focal_x"] is None else (row["focal_x"], row["focal_y"])
        pictures = {aspect: open_image(each["variant_uri"]) for aspect, each in variants.items()}
        title = Path(row["source_uri"]).name
        source = open_image(row["source_uri"])
        sheet.append(ContactSheetRow(title, source, boxes, focal, pictures))
    return contact_sheet(sheet)


if __name__ == "__main__":
    typer.run(demo)

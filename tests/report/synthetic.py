"""Jobs' outputs made up: a manifest and a record as a run leaves them, without a run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from deepcrop.flags import ordered
from deepcrop.job import Job
from deepcrop.manifest.store import Manifest
from deepcrop.sources.corrections import CORNERS, SCHEMA
from deepcrop.sources.rows import source_id
from deepcrop.storage import Storage
from deepcrop.tables import images_table

SIZE = (300, 200)
BOXES = {"1x1": (50, 0, 250, 200), "16x9": (0, 15, 300, 184)}


def row(output: str, uri: str, **fields: Any) -> dict[str, Any]:
    """A manifest row of a source of 300x200 pixels; ``scores`` by ratio, or ``error``.

    ``flags`` are the source's own, ``variant_flags`` those of its variants by ratio.
    """
    scores = fields.pop("scores", {"1x1": 0.5, "16x9": 0.75})
    error = fields.pop("error", None)
    variant_flags = fields.pop("variant_flags", {})
    flags = ordered(
        [*fields.pop("flags", ()), *(each for of in variant_flags.values() for each in of)]
    )
    name = uri.rpartition("/")[2].rpartition(".")[0]
    variants = [
        {
            "variant_uri": f"{output}/variants/{aspect}/{name}.jpg",
            "aspect": aspect,
            **dict(zip(("x0", "y0", "x1", "y1"), BOXES[aspect], strict=True)),
            "score": score,
            "width": BOXES[aspect][2] - BOXES[aspect][0],
            "height": BOXES[aspect][3] - BOXES[aspect][1],
            "format": "jpeg",
            "bytes": 1000,
            "sha256": hashlib.sha256(f"{uri} {aspect}".encode()).hexdigest(),
            "method": "center",
            "upscaled": False,
            "flags": variant_flags.get(aspect, []),
        }
        for aspect, score in scores.items()
    ]
    facts: dict[str, Any] = {
        "source_uri": uri,
        "source_id": source_id(uri),
        "source_bytes": 50_000,
        "sha256": hashlib.sha256(uri.encode()).hexdigest(),
        "width": SIZE[0],
        "height": SIZE[1],
        "format": "jpeg",
        "status": "ok",
        "attempts": 1,
        "method": "center",
        "focal_x": 0.25,
        "focal_y": 0.5,
        "flags": flags,
        "variants": variants,
        "fetch_ms": 2.0,
        "decode_ms": 4.0,
        "infer_ms": 8.0,
        "render_ms": 3.0,
        "write_ms": 1.0,
    }
    if error:
        stage, name, message = error
        facts |= {"status": "failed", "variants": [], "width": None, "height": None}
        facts |= {"focal_x": None, "focal_y": None, "sha256": None, "retryable": False}
        facts |= {"error_stage": stage, "error_class": name, "error_message": message}
    return facts | fields


def preset_variant(
    variant: dict[str, Any], preset: str, width: int, **fields: Any
) -> dict[str, Any]:
    """A file of a preset, of the same ratio as a variant and, unless ``fit`` says so, its crop."""
    height = round(width * variant["height"] / variant["width"])
    folder, name = variant["variant_uri"].split("/variants/")
    key = name.rpartition("/")[2].rpartition(".")[0]
    image_format = fields.get("format", "jpeg")
    suffix = "jpg" if image_format == "jpeg" else image_format
    uri = f"{folder}/variants/{preset}/{width}w/{key}.{suffix}"
    made = variant | {"preset": preset, "asked_width": width, "density": 1.0, "fit": "crop"}
    made |= {"variant_uri": uri, "width": width, "height": height, "quality": 80}
    if fields.get("fit") in ("pad", "blur", "retarget"):
        made |= dict.fromkeys(("x0", "y0", "x1", "y1", "score"))
    made["sha256"] = hashlib.sha256(uri.encode()).hexdigest()
    return made | fields


def write_output(
    output: Path | str, rows: list[dict[str, Any]], sources: int | None = None, **fields: Any
) -> Manifest:
    """Write a manifest of one part, and the record of a completed job of ``center``.

    ``fields`` are those of the job that differ.
    """
    told = {"input": f"{output}/in", "method": "center", "aspects": ["1:1", "16:9"]} | fields
    job = Job(output=str(output), **told)
    manifest = Manifest(str(output), Storage())
    manifest.append(images_table(rows, pa.schema([])))
    manifest.write_record(
        {
            "status": "completed",
            "fingerprint": job.fingerprint,
            "settings": job.settings(),
            "job": job.model_dump(mode="json", exclude_defaults=True),
            "weights_sha256": None,
            "versions": {},
            "counts": {"sources": sources or len(rows)},
            "started": 0.0,
            "updated": 10.0,
        }
    )
    return manifest


def say(manifest: Manifest, *statements: tuple[Any, ...]) -> None:
    """Keep corrections with a job: ``(source_uri, kind, aspect, x0, y0, x1, y1)`` each."""
    names = ("source_uri", "kind", "aspect", *CORNERS)
    rows = [dict(zip(names, each, strict=False)) for each in statements]
    manifest.write_corrections(pa.Table.from_pylist(rows, schema=SCHEMA))


def write_photo(path: Path, size: tuple[int, int] = SIZE) -> str:
    """Write a photo-like JPEG; return its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.radial_gradient("L").resize(size).convert("RGB").save(path, "jpeg")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_five(folder: Path) -> Path:
    """Write a job of five sources, one of them failed, with its variants; return its folder."""
    rows = [row(str(folder), f"/in/{name}.v1.jpg") for name in "abcd"]
    rows.append(row(str(folder), "/in/e.jpg", error=("decode", "Corrupt", "broken")))
    for variant in (each for one in rows for each in one["variants"]):
        x0, y0, x1, y1 = BOXES[variant["aspect"]]
        write_photo(Path(variant["variant_uri"]), (x1 - x0, y1 - y0))
    write_output(folder, rows)
    return folder

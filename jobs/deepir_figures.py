"""Redo Figures 7, 8 and 9 of DeepIR as contact sheets.

python jobs/deepir_figures.py PHOTO... --output figures --weights vgg19-slim
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy
import typer
from PIL import Image, ImageDraw

from deepcrop.geometry import Size
from deepcrop.methods.registry import load_retarget

HEIGHT = 300


def retargeted(photo: Image.Image, ratio: float, weights: str, **options: Any) -> Image.Image:
    """Return a photo with its width changed by a factor."""
    method = load_retarget("deepir", weights=weights, **options)
    [[result]] = method.retarget([photo], [[Size(round(photo.width * ratio), photo.height)]])
    return Image.fromarray(numpy.asarray(result.permute(1, 2, 0)))


def sheet(rows: Sequence[Sequence[tuple[str, Image.Image]]]) -> Image.Image:
    """Lay out rows of named images."""
    shown = [
        [
            (name, image.resize((image.width * HEIGHT // image.height, HEIGHT)))
            for name, image in row
        ]
        for row in rows
    ]
    width = max(sum(image.width + 8 for _, image in row) for row in shown)
    page = Image.new("RGB", (width, len(shown) * (HEIGHT + 24)), "white")
    draw = ImageDraw.Draw(page)
    for line, row in enumerate(shown):
        x, y = 0, line * (HEIGHT + 24)
        for name, image in row:
            draw.text((x + 2, y + 4), name, fill="black")
            page.paste(image, (x, y + 20))
            x += image.width + 8
    return page


def main(
    photos: list[Path],
    output: Annotated[Path, typer.Option(help="folder of the sheets")] = Path("figures"),
    weights: Annotated[str, typer.Option(help="a name or a file")] = "vgg19-slim",
) -> None:
    """Write figure7.png, figure8.png and figure9.png, with a row for each photo."""
    output.mkdir(parents=True, exist_ok=True)
    sources = [
        (path.parent.name + "/" + path.name, Image.open(path).convert("RGB")) for path in photos
    ]
    figures: dict[str, list[list[tuple[str, Image.Image]]]] = {
        # Figure 7: aspect ratios.
        "figure7": [
            [
                (f"ratio {ratio}", retargeted(source, ratio, weights))
                for ratio in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5)
            ]
            for _, source in sources
        ],
        # Figure 8: the weight of matched against re-sampled fields, (a) to (h).
        "figure8": [
            [(name, source)]
            + [
                (
                    f"alpha {first / 10:.1f} {(first + 1) / 10:.1f} {(first + 2) / 10:.1f}",
                    retargeted(
                        source, 0.5, weights, alphas=tuple((first + i) / 10 for i in range(3))
                    ),
                )
                for first in range(1, 9)
            ]
            for name, source in sources
        ],
        # Figure 9: what resizes the feature maps.
        "figure9": [
            [(name, source)]
            + [
                (way, retargeted(source, 0.5, weights, resample=way))
                for way in ("crop", "scale", "seam", "column", "uniform")
            ]
            for name, source in sources
        ],
    }
    for name, rows in figures.items():
        sheet(rows).save(output / f"{name}.png")
        typer.echo(output / f"{name}.png")


if __name__ == "__main__":
    typer.run(main)

"""RetargetMe: our retarget methods beside the eight published results, in figures and on a sheet.

Rubinstein et al., "A Comparative Study of Image Retargeting" (SIGGRAPH Asia 2010). All measures are
computed by the same code and networks for everybody.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from deepcrop.geometry import Size
from deepcrop.methods.base import as_tensor, size_of
from deepcrop.methods.saliency import SaliencyCrop
from deepcrop.metrics.retargeting import (
    aspect_ratio_similarity,
    feature_remain_ratio,
    matched_dissimilarity,
    register_blocks,
    saliency_discard_ratio,
    semantic_score,
)
from deepcrop.networks.vgg import VGG
from jobs.training.vgg_distillation import Student16x

from .retargeters import Retargeter

PUBLISHED = ("CR", "SV", "MULTIOP", "SC", "SCL", "SM", "SNS", "WARP")
TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
Measure = Callable[[Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class Figures:
    """The metrics of one result."""

    semantic: float
    """Semantic score (DNR, Eq. 5) on relu5_1; higher is better."""
    ars: float
    """Aspect-ratio similarity, weighted by our saliency network; higher is better."""
    frr: float
    """Feature remain ratio (DeepIR, Eq. 8) on relu1_1 to relu4_1; higher is better."""
    fd: float
    """Feature dissimilarity (DeepIR, Eq. 9) of normalised relu1_1 to relu4_1; lower is better."""
    discarded: float
    """Share (0..1) of the saliency that is lost with removed parts of blocks; lower is better."""


@dataclass(frozen=True)
class Case:
    """One photo and its published results."""

    name: str
    folder: Path
    target: Size

    def image(self, name: str) -> Tensor:
        """Return ``source`` or a published result, (3, H, W) uint8."""
        with Image.open(self.folder / f"{name}.jpg") as image:
            return as_tensor(image.convert("RGB"))


def cases(folder: Path) -> list[Case]:
    """List the cases of a folder with ``cases.tsv``."""
    with (folder / "cases.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Case(r["case"], folder / r["case"], Size(int(r["out_w"]), int(r["out_h"]))) for r in rows
    ]


def student_measure(weights: Path) -> Measure:
    """Return the measuring network of the shared weights: the 16x student, all five levels."""
    student = Student16x(load_file(weights / "vgg19_student16x_encoder.safetensors")).eval()
    return lambda images: student(images, TAPS)


def vgg_measure(state: Mapping[str, Tensor]) -> Measure:
    """Return a VGG as the measuring network."""
    network = VGG.from_state(state, TAPS)
    return lambda images: network(images, TAPS)


@torch.no_grad()
def measure(
    result: Tensor,
    source: Tensor,
    features: Mapping[str, Tensor],
    saliency: Tensor,
    network: Measure,
    side: int,
) -> Figures:
    """Measure one result.

    Args:
        result: (3, H, W) uint8.
        source: (3, H', W') uint8.
        features: the feature maps (1, C, h, w) of the source by tap.
        saliency: (h, w) of the source, any resolution.
        network: what ``features`` came from.
        side: longest edge of the source at which Eq. 9 is computed, which takes a search; 0 leaves
            it out (NaN).
    """
    ours = network(result[None] / 255)
    blocks = register_blocks(result / 255, source / 255)
    shape = (blocks[0].shape[0], blocks[0].shape[1])
    weights = functional.adaptive_avg_pool2d(saliency[None].float(), shape)[0]
    kept = (blocks[0] * blocks[1]).clamp_max(1.0)
    fd = float("nan")
    if side:
        fd = _matched(result, source, network, min(1.0, side / max(source.shape[1:])))
    return Figures(
        semantic=semantic_score(ours["relu5_1"][0], features["relu5_1"][0])[0],
        ars=aspect_ratio_similarity(blocks, saliency),
        frr=feature_remain_ratio(
            [ours[t][0] for t in TAPS[:4]], [features[t][0] for t in TAPS[:4]]
        ),
        fd=fd,
        discarded=saliency_discard_ratio(float((weights * kept).sum()), float(weights.sum())),
    )


def _matched(result: Tensor, source: Tensor, network: Measure, scale: float) -> float:
    maps = []
    for image in (result, source):
        size = [max(32, round(side * scale)) for side in image.shape[1:]]
        small = functional.interpolate(image[None] / 255, size, mode="bilinear", antialias=True)
        found = network(small)
        maps.append([found[tap][0] for tap in TAPS[:4]])
    return matched_dissimilarity(*maps)[1]


@torch.no_grad()
def evaluate(
    folder: Path,
    methods: Mapping[str, Retargeter],
    network: Measure,
    saliency: SaliencyCrop,
    *,
    sheet: Path | None = None,
    figures: Path | None = None,
    names: Sequence[str] = (),
    side: int = 256,
    report: Callable[[str], None] = print,
) -> dict[str, list[Figures]]:
    """Measure our methods and the published results on all cases.

    Args:
        folder: ``data/retargetme``.
        methods: ours and peers, by the name that the table shows.
        network: measures everybody.
        saliency: weighs ARS.
        sheet: where contact sheets (a PNG a case) go; a folder.
        figures: a file of JSON lines that gets the figures of each case. What it has already isn't
            measured again: remove the lines of a method that has changed, or give it another name.
        names: the names of cases; by default all.
        side: see `measure`.
        report: gets a line a case.

    Returns:
        The figures of each case, in order, by method.
    """
    columns = [*methods, *PUBLISHED]
    known = _known(figures) if figures is not None else {}
    found: dict[str, list[Figures]] = {name: [] for name in columns}
    for case in cases(folder):
        if names and case.name not in names:
            continue
        measured = known.get(case.name, {})
        missing = [name for name in columns if name not in measured]
        if missing:
            source = case.image("source")
            features = network(source[None] / 255)
            attention = saliency.maps([source])[0]
            shown = columns if sheet is not None else missing
            results = {
                name: methods[name](source, case.target) if name in methods else case.image(name)
                for name in shown
            }
            new = {
                name: measure(results[name], source, features, attention, network, side)
                for name in missing
            }
            measured |= new
            if sheet is not None:
                sheet.mkdir(parents=True, exist_ok=True)
                contact_sheet({"source": source} | results).save(sheet / f"{case.name}.png")
            if figures is not None:
                row = {name: asdict(figure) for name, figure in new.items()}
                with figures.open("a") as file:
                    print(json.dumps({"case": case.name, "figures": row}), file=file)
        for name in columns:
            found[name].append(measured[name])
        line = " ".join(f"{n} {measured[n].semantic:.3f}/{measured[n].ars:.3f}" for n in columns)
        report(f"{case.name}: {line}")
    return found


def _known(figures: Path) -> dict[str, dict[str, Figures]]:
    """Read the metrics of an earlier run by case and method."""
    if not figures.exists():
        return {}
    found: dict[str, dict[str, Figures]] = {}
    for row in map(json.loads, figures.read_text().splitlines()):
        read = {name: Figures(**figure) for name, figure in row["figures"].items()}
        found.setdefault(row["case"], {}).update(read)
    return found


def contact_sheet(
    images: Mapping[str, Tensor], columns: int = 6, height: int = 260, gap: int = 6
) -> Image.Image:
    """Lay images out in rows, each under its name.

    Args:
        images: (3, H, W) uint8, by name.
        columns: number of images in a row.
        height: height of each image in pixels.
        gap: between them.
    """
    caption = 14
    small = []
    for name, image in images.items():
        size = size_of(image)
        picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        width = max(1, round(size.width * height / size.height))
        small.append((name, picture.resize((width, height), Image.Resampling.LANCZOS)))
    rows = [small[start : start + columns] for start in range(0, len(small), columns)]
    width = max(sum(picture.width + gap for _, picture in row) for row in rows)
    sheet = Image.new("RGB", (width, len(rows) * (caption + height + gap)), "white")
    draw = ImageDraw.Draw(sheet)
    for line, row in enumerate(rows):
        x, y = 0, line * (caption + height + gap)
        for name, picture in row:
            draw.text((x, y), name, fill="black")
            sheet.paste(picture, (x, y + caption))
            x += picture.width + gap
    return sheet

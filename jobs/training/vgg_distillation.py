"""Distils the small VGG that ships with the package (``vgg19-slim``).

The student has VGG-19's layout with a quarter of its channels. What DNR and DeepIR ask of feature
maps is how strong they are (importance, Eq. 1 of DNR) and how alike two positions are (nearest
neighbours, reconstruction). So the student need not have the teacher's channels, but its
*geometry*: the inner products of its feature vectors at any two positions should be the teacher's
(Tung and Mori, "Similarity-Preserving Knowledge Distillation", ICCV 2019), beside the usual
regression of the teacher's maps through a 1x1 head that is thrown away afterwards.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from deepcrop.networks.vgg import VGG, position
from deepcrop.weights import publish

REAL = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_4")
"""Taps taught by the real VGG-19."""
SECOND_HAND = ("relu4_1", "relu4_4", "relu5_1")
"""Taps taught by the 16x student, a small network that was distilled from VGG-19."""
TAPS = REAL + SECOND_HAND
PHOTOS = ("captions_flickr8k", "gaze_osie", "gaze_nus_scene", "objects_coco128")
"""Folders of the shared data on which the student is trained; evaluations use other photos."""


@dataclass(frozen=True)
class Recipe:
    """All parameters that determine the result."""

    minutes: float = 25.0
    """Wall-clock time of the training in minutes, over which the learning rate falls to zero."""
    batch: int = 8
    crop: int = 160
    """Side of the training crops, in pixels."""
    learning_rate: float = 4e-4
    positions: int = 192
    """Positions of a map whose inner products are compared."""
    seed: int = 0


class Student16x(nn.Module):
    """The published 16x student: reflect padding, its own input convolution, 1x1 heads."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.weights = nn.ParameterDict(
            {k.replace(".", "_"): nn.Parameter(v, requires_grad=False) for k, v in state.items()}
        )

    def convolve(self, x: Tensor, name: str) -> Tensor:
        """Apply one of its convolutions."""
        weight, bias = self.weights[f"{name}_weight"], self.weights[f"{name}_bias"]
        if weight.shape[-1] == 3:
            x = functional.pad(x, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(x, weight, bias)

    def forward(self, images: Tensor, taps: Sequence[str] = SECOND_HAND) -> dict[str, Tensor]:
        """Return maps by tap, in VGG-19's channels where it has a head for them, else its own.

        Args:
            images: (B, 3, H, W), RGB in [0, 1].
            taps: names such as ``relu4_1``.
        """
        x = self.convolve(images, "conv0")
        maps = {}
        for block, convolutions in enumerate((2, 2, 4, 4, 1), start=1):
            for index in range(1, convolutions + 1):
                x = self.convolve(x, f"conv{block}{index}").relu()
                tap = f"relu{block}_{index}"
                if tap in taps:
                    head = f"conv{block}{index}_aux"
                    taught = f"{head}_weight" in self.weights
                    maps[tap] = self.convolve(x, head) if taught else x
            x = functional.max_pool2d(x, 2)
        return maps


def start(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the student's first parameters: the published student's, behind our normalisation.

    The published student's input convolution is an affine map of the colours, as ours is; both are
    folded into the first 3x3 convolution. What remains to be learned is the padding (zeros, as VGG
    has it, not reflection) and whatever the published student does less well than it could.
    """
    student = VGG("vgg19-slim", ("relu5_1",))
    state = {}
    for block, convolutions in enumerate((2, 2, 4, 4, 1), start=1):
        for index in range(1, convolutions + 1):
            layer = position(f"relu{block}_{index}", "vgg19-slim") - 1
            for kind in ("weight", "bias"):
                state[f"features.{layer}.{kind}"] = published[f"conv{block}{index}.{kind}"].clone()
    # conv0(image) = A (std * x + mean) + b for the normalised x that ours works on.
    colour = published["conv0.weight"][:, :, 0, 0]
    offset = colour @ student.mean.flatten() + published["conv0.bias"]
    first = published["conv11.weight"]
    state["features.0.weight"] = torch.einsum(
        "ocyx,ci->oiyx", first, colour * student.std.flatten()
    ).contiguous()
    state["features.0.bias"] = published["conv11.bias"] + (first.sum((2, 3)) @ offset)
    return state


def crops(files: Sequence[Path], recipe: Recipe) -> Iterator[Tensor]:
    """Yield batches of random crops, at random scales and flips, forever; RGB in [0, 1]."""
    generator = torch.Generator().manual_seed(recipe.seed)

    def draw(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=generator).item()

    def crop(file: Path) -> Tensor:
        with Image.open(file) as image:
            scale = math.exp(draw(math.log(0.4), math.log(1.0)))
            scale = max(scale, (recipe.crop + 1) / min(image.size))
            width, height = (round(side * scale) for side in image.size)
            x = int(draw(0, width - recipe.crop + 1))
            y = int(draw(0, height - recipe.crop + 1))
            box = tuple(v / scale for v in (x, y, x + recipe.crop, y + recipe.crop))
            box = (box[0], box[1], min(box[2], image.width), min(box[3], image.height))
            patch = image.convert("RGB").resize(
                (recipe.crop, recipe.crop), Image.Resampling.BILINEAR, box=box
            )
        pixels = torch.frombuffer(bytearray(patch.tobytes()), dtype=torch.uint8)
        pixels = pixels.view(recipe.crop, recipe.crop, 3).permute(2, 0, 1) / 255
        return pixels.flip(2) if draw(0, 1) < 0.5 else pixels

    while True:
        order = torch.randperm(len(files), generator=generator).tolist()
        for at in range(0, len(order) - recipe.batch + 1, recipe.batch):
            yield torch.stack([crop(files[i]) for i in order[at : at + recipe.batch]])


def inner_products(maps: Tensor, positions: Tensor) -> Tensor:
    """Return the inner products of feature vectors, scaled to a mean square norm of 1.

    Args:
        maps: (B, C, H, W).
        positions: (N,) indices into H * W.

    Returns:
        (B, N, N).
    """
    vectors = maps.flatten(2)[:, :, positions].transpose(1, 2)
    products = vectors @ vectors.transpose(1, 2)
    scale = products.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-8)
    return products / scale[:, None, None]


def disagreement(student: Tensor, teacher: Tensor, positions: Tensor) -> Tensor:
    """Return the difference of the inner products, relative to the teacher's; 0 is best."""
    ours, theirs = inner_products(student, positions), inner_products(teacher, positions)
    return (ours - theirs).square().sum() / theirs.square().sum()


def strengths(maps: Tensor) -> Tensor:
    """Return the norm over channels (Eq. 1 of DNR): (B, C, H, W) to (B, H * W)."""
    return maps.square().sum(1).sqrt().flatten(1)


@torch.no_grad()
def agreement(
    student: VGG, teach: Callable[[Tensor], dict[str, Tensor]], batches: Sequence[Tensor]
) -> dict[str, tuple[float, float]]:
    """Measure a student on held-out crops.

    Returns:
        For each tap, the correlation of the importance maps (the norms over channels) and of the
        inner products between positions, student against teacher; 1 is best.
    """
    sums: dict[str, list[tuple[float, float]]] = {}
    generator = torch.Generator().manual_seed(1)
    for images in batches:
        ours, theirs = student(images), teach(images)
        for tap in ours:
            count = ours[tap].shape[2] * ours[tap].shape[3]
            at = torch.randperm(count, generator=generator)[:192]
            for index in range(len(images)):
                one, other = ours[tap][index : index + 1], theirs[tap][index : index + 1]
                pair = torch.cat([strengths(one), strengths(other)])
                products = [inner_products(m, at).flatten() for m in (one, other)]
                sums.setdefault(tap, []).append(
                    (
                        torch.corrcoef(pair)[0, 1].item(),
                        torch.corrcoef(torch.stack(products))[0, 1].item(),
                    )
                )
    return {
        tap: (sum(a for a, _ in v) / len(v), sum(b for _, b in v) / len(v))
        for tap, v in sums.items()
    }


def teachers(weights: Path) -> tuple[Callable[[Tensor], dict[str, Tensor]], dict[str, Tensor]]:
    """Load both teachers; return a function from images to their maps, and the published state.

    Args:
        weights: folder with ``vgg19_conv1_1-conv3_4`` and ``vgg19_student16x_encoder``.
    """
    real = VGG.from_state(load_file(weights / "vgg19_conv1_1-conv3_4.safetensors"), REAL, "vgg19")
    state = load_file(weights / "vgg19_student16x_encoder.safetensors")
    published = Student16x(state).eval()

    @torch.no_grad()
    def teach(images: Tensor) -> dict[str, Tensor]:
        with torch.autocast(images.device.type, torch.bfloat16):
            maps = real(images)
        return {tap: value.float() for tap, value in maps.items()} | published(images)

    return teach, state


def distil(
    weights: Path,
    files: Sequence[Path],
    recipe: Recipe,
    report: Callable[[str], None] = print,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[dict[str, Tensor], dict[str, tuple[float, float]], int]:
    """Train ``vgg19-slim``.

    Args:
        weights: folder of the teachers' weights.
        files: photos; every 32nd one is held out for the figures.
        recipe: what decides the result.
        report: gets a line now and then.
        clock: seconds from any origin; the training stops when ``recipe.minutes`` are over.

    Returns:
        The state dict (torchvision's keys), the agreement on held-out photos, and the steps made.
    """
    torch.manual_seed(recipe.seed)
    teach, published = teachers(weights)
    student = VGG("vgg19-slim", TAPS)
    student.load_state_dict(start(published))
    held_out, taught = list(files[::32]), [f for i, f in enumerate(files) if i % 32]
    stream = crops(held_out, recipe)
    tests = [next(stream) for _ in range(min(4, len(held_out) // recipe.batch))]
    report(f"start: {_line(agreement(student, teach, tests))}")

    heads = nn.ModuleDict()
    for tap, maps in teach(tests[0][:1]).items():
        channels = student.state_dict()[
            f"features.{position(tap, student.variant) - 1}.bias"
        ].numel()
        heads[tap] = nn.Conv2d(channels, maps.shape[1], 1)
        block, index = tap[4], tap[6]
        if f"conv{block}{index}_aux.weight" in published:
            heads[tap].weight.data = published[f"conv{block}{index}_aux.weight"].clone()
            heads[tap].bias.data = published[f"conv{block}{index}_aux.bias"].clone()
    parameters = [*student.parameters(), *heads.parameters()]
    optimiser = torch.optim.Adam(parameters, recipe.learning_rate)
    generator = torch.Generator().manual_seed(recipe.seed)
    began, step, stream = clock(), 0, crops(taught, recipe)
    running: dict[str, float] = {}
    while (spent := (clock() - began) / 60 / recipe.minutes) < 1:
        for group in optimiser.param_groups:
            warm = min(1.0, (step + 1) / 30)
            group["lr"] = recipe.learning_rate * warm * (1 + math.cos(math.pi * spent)) / 2
        images = next(stream)
        theirs, ours = teach(images), student(images)
        loss = images.new_zeros(())
        for tap, target in theirs.items():
            regression = (heads[tap](ours[tap]) - target).square().mean() / target.square().mean()
            count = target.shape[2] * target.shape[3]
            at = torch.randperm(count, generator=generator)[: recipe.positions]
            likeness = disagreement(ours[tap], target, at)
            loss = loss + 0.5 * regression + likeness
            running[tap] = 0.98 * running.get(tap, likeness.item()) + 0.02 * likeness.item()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        if step % 50 == 0:
            errors = " ".join(f"{tap}={value:.3f}" for tap, value in running.items())
            report(f"step {step} ({spent:.0%}): loss {loss.item():.3f} {errors}")
    figures = agreement(student, teach, tests)
    report(f"end: {_line(figures)}")
    return {key: value.detach() for key, value in student.state_dict().items()}, figures, step


def _line(figures: Mapping[str, tuple[float, float]]) -> str:
    return " ".join(f"{tap} {a:.3f}/{b:.3f}" for tap, (a, b) in figures.items())


def train_vgg_slim(shared: Path, folder: Path, recipe: Recipe) -> dict[str, tuple[float, float]]:
    """Distil ``vgg19-slim``, write its weights and model card, and return the held-out figures.

    Args:
        shared: folder with ``data`` and ``weights``.
        folder: where the weights, the card and the catalogue go.
        recipe: what decides the result.
    """
    files = sorted(f for each in PHOTOS for f in (shared / "data" / each / "images").iterdir())
    state, figures, steps = distil(shared / "weights", files, recipe)
    publish(
        "vgg19-slim",
        state,
        {
            "variant": "vgg19-slim",
            "input": "RGB in [0, 1], ImageNet mean and std",
            "steps": str(steps),
        },
        licence="Apache-2.0, parts MIT; trained in part on non-commercial photos (see card)",
        summary="VGG-19's layout with a quarter of the channels, for DNR and DeepIR",
        methods=["deepir", "dnr", "dnr-paper"],
        folder=folder,
    )
    (folder / "vgg19-slim.md").write_text(card(recipe, figures, len(files), steps))
    return figures


def card(
    recipe: Recipe, figures: Mapping[str, tuple[float, float]], photos: int, steps: int
) -> str:
    """Write the model card."""
    rows = "\n".join(
        f"| {tap} | {'VGG-19' if tap in REAL else '16x student'} | {a:.3f} | {b:.3f} |"
        for tap, (a, b) in figures.items()
    )
    return f"""# vgg19-slim

VGG-19's layout up to conv5_1 with a quarter of the channels (16, 32, 64, 128, 128), torchvision's
key names, zero padding, RGB in [0, 1] with ImageNet's mean and standard deviation. It gives DNR and
DeepIR their feature maps where the full VGG-19 is not downloaded: a sixteenth of the work.

## Training
`jobs/train.py vgg-slim`: distillation ({steps} steps of {recipe.batch} crops of {recipe.crop}
pixels, Adam {recipe.learning_rate:g} with cosine decay, {recipe.minutes:g} minutes on one CPU
thread, seed {recipe.seed}). The loss compares, tap by tap, the inner products of feature vectors at
{recipe.positions} positions with the teacher's, and the teacher's maps through 1x1 heads that are
not kept. Training stops by the clock, so the number of steps depends on the machine.

- Teachers: the real VGG-19 (Oxford VGG, CC BY 4.0) for {", ".join(REAL)}; the 16x student of
  "Collaborative Distillation" (Wang et al., CVPR 2020; MingSun-Tse/Collaborative-Distillation, MIT,
  copyright 2020 Huan Wang) for {", ".join(SECOND_HAND)}. The parameters start from that student's.
- Photos: {photos}, every 32nd held out: Flickr8k (non-commercial research), OSIE and NUS scenes
  (MIT), COCO128 (each photo its own CC licence).

## Held-out figures
Correlation with the teacher on held-out crops, of importance maps (norm over channels) and of inner
products between positions. No result of RetargetMe was seen in training.

| tap | teacher | importance | inner products |
|---|---|---|---|
{rows}

## Limits
Only as deep as conv5_1: `block5_pool` is the pooling of that layer. The deep taps were taught by a
student, not by VGG-19 itself. Flickr8k's terms make these weights fit for research; train again
without that folder for anything else.
"""

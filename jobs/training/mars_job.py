"""Mars' training as a job: rows in Parquet and a folder of images in, a trained network out.

In this process, or with Ray Train in several workers that share every batch.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepcrop import weights
from deepcrop.geometry import Box
from deepcrop.networks.mars.model import Mars
from deepcrop.networks.mars.options import MarsOptions

from .croppings import Cropping, read_croppings
from .fcdb import HumanCrop
from .mars import Recipe, fit, load_views

FROZEN = 7
"""First blocks of a trunk that keep their weights in our recipe."""


@dataclass(frozen=True)
class MarsJob:
    """The network to train, its data and its recipe.

    Attributes:
        rows: Parquet file of croppings.
        images: folder that its images are in.
        trunk: weights of the trunk, a path or a catalogue name: torchvision's, or those of our
            saliency network.
        options: the architecture.
        recipe: the training.
        frozen: first blocks of the trunk that keep their weights.
    """

    rows: str
    images: str
    trunk: str
    options: MarsOptions
    recipe: Recipe
    frozen: int


def initial(job: MarsJob) -> Mars:
    """Make the untrained network over the pretrained trunk."""
    torch.manual_seed(job.recipe.seed)
    network = Mars(job.options)
    state, _ = weights.load(job.trunk)
    own = network.trunk.state_dict()
    if "trunk.blocks.0.0.weight" in state:  # our saliency network, whose trunk begins alike
        network.trunk.load_state_dict({name: state[f"trunk.{name}"] for name in own})
    elif job.options.trunk == "mobilenet_v2":
        load: Any = network.trunk.load_torchvision
        load(state)
    elif job.options.trunk == "vgg16":
        network.trunk.load_state_dict({name: state[f"features.{name}"] for name in own})
    else:
        blocks = _resnet_names(state)
        network.trunk.load_state_dict({name: blocks[name] for name in own})
    return network


def people_boxes(crops: Sequence[HumanCrop], views: int, seed: int = 0) -> list[Cropping]:
    """Return the crops that people chose as boxes of whole photos and of random frames.

    Args:
        crops: the crops.
        views: number of views of each photo; the first is the whole photo, the others are parts
            that contain the crop.
        seed: seed of the frames.
    """
    random = np.random.default_rng(seed)
    rows = []
    for crop in crops:
        sides = (crop.size.width, crop.size.height) * 2
        box = Box(*(np.round(crop.box).clip(0, sides).astype(int).tolist()))
        for number in range(views):
            share = np.ones(4) if number == 0 else random.uniform(0, 1, 4)
            outer = np.array([0, 0, crop.size.width, crop.size.height])
            corners = box.corners + share * (outer - box.corners)
            view = Box(*(round(edge) for edge in corners.tolist()))
            rows.append(Cropping(crop.name, crop.box.ratio, box, view))
    return rows


def _resnet_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename torchvision's ResNet-50 to the trunk's: blocks of layers 3 and 4 stand alone."""
    stem = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5"}
    first = {"layer3": 6, "layer4": 12}
    renamed = {}
    for name, value in state.items():
        head, _, rest = name.partition(".")
        if head in stem:
            renamed[f"{stem[head]}.{rest}"] = value
        elif head in first:
            block, _, rest = rest.partition(".")
            renamed[f"{first[head] + int(block)}.{rest}"] = value
    return renamed


def train_here(
    job: MarsJob, device: torch.device | str, report: Callable[[int, float], None] | None = None
) -> Mars:
    """Train in this process."""
    network = initial(job).to(device)
    rows = read_croppings(job.rows)
    views = load_views(rows, Path(job.images), network, frozen=job.frozen)
    fit(network, views, job.recipe, frozen=job.frozen, report=report)
    return network


def train_with_ray(job: MarsJob, *, workers: int, gpu: bool, storage: Path | None = None) -> Mars:
    """Train in Ray Train's workers, on CPUs or a GPU each."""
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    config = {**asdict(job), "options": job.options.to_json(), "recipe": asdict(job.recipe)}
    trainer = TorchTrainer(
        _worker,
        train_loop_config=config,
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpu),
        run_config=RunConfig(storage_path=str(storage.absolute())) if storage else None,
    )
    result = trainer.fit()
    if result.checkpoint is None:
        raise RuntimeError("training ended without a checkpoint")
    with result.checkpoint.as_directory() as folder:
        state = torch.load(Path(folder) / "mars.pt", weights_only=True)
    network = Mars(job.options)
    network.load_state_dict(state)
    return network.eval()


def publish(network: Mars, job: MarsJob, folder: Path, name: str = "mars") -> Path:
    """Write the weights as float16 with the metadata from which the network is built."""
    trunk = network.options.trunk
    metadata = {
        "options": network.options.to_json(),
        "recipe": json.dumps(asdict(job.recipe)),
        "input": f"RGB uint8, longest edge {network.options.longest}",
    }
    return weights.publish(
        name,
        network.state_dict(),
        metadata,
        licence="Apache-2.0 (weights); see the terms of the crops and photos that it learned from",
        summary=f"Mars, cropping areas for any aspect ratio: trunk {trunk}, "
        f"{network.options.longest} pixels",
        methods=["mars"],
        folder=folder,
    )


def _worker(config: dict[str, Any]) -> None:
    """Train in one of Ray Train's workers; the first of them reports."""
    import ray.train
    import ray.train.torch

    options = MarsOptions(**json.loads(config["options"]))
    job = MarsJob(**{**config, "options": options, "recipe": Recipe(**config["recipe"])})
    context = ray.train.get_context()
    network = initial(job).to(ray.train.torch.get_device())
    views = load_views(read_croppings(job.rows), Path(job.images), network, frozen=job.frozen)
    fit(
        network,
        views,
        job.recipe,
        frozen=job.frozen,
        rank=context.get_world_rank(),
        world=context.get_world_size(),
        wrap=ray.train.torch.prepare_model,
        report=lambda epoch, loss: print(f"epoch {epoch + 1}: loss {loss:.4f}", flush=True),
    )
    with tempfile.TemporaryDirectory() as folder:
        torch.save(network.state_dict(), Path(folder) / "mars.pt")
        checkpoint = ray.train.Checkpoint.from_directory(folder)
        ray.train.report({}, checkpoint=checkpoint if context.get_world_rank() == 0 else None)

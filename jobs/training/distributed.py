"""The saliency recipe in Ray Train's workers: one CPU, many CPUs, or GPUs, the same loop.

Each worker draws the same views and takes its own share of every epoch's batches; Ray Train's
``prepare_model`` averages the gradients.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deepcrop.networks.saliency.model import SaliencyOptions

from .datasets import PARTS, gaze
from .saliency import Progress, Recipe, samples_of, start, train


def fit_with_ray(
    options: SaliencyOptions,
    recipe: Recipe,
    *,
    shared: Path,
    imagenet: Mapping[str, Tensor],
    storage: Path,
    workers: int = 1,
    gpu: bool = False,
    parts_of: Mapping[str, tuple[int, int]] = PARTS,
) -> dict[str, Tensor]:
    """Train a saliency network with Ray Train; returns the averaged weights of the last report.

    Args:
        options: the architecture.
        recipe: how to train.
        shared: folder that holds ``data/gaze_osie`` and ``data/gaze_nus_scene`` on every node.
        imagenet: state dict of MobileNet-V2.
        storage: where Ray Train keeps checkpoints.
        workers: processes; each takes one GPU, or one CPU.
        gpu: use GPUs.
        parts_of: photos for validation and test in each dataset.

    Raises:
        RuntimeError: no worker reported a checkpoint.
    """
    import ray
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    config = {
        "options": options.to_json(),
        "recipe": recipe,
        "shared": str(shared),
        "parts_of": dict(parts_of),
        "imagenet": ray.put(dict(imagenet)),
    }
    trainer = TorchTrainer(
        _work,
        train_loop_config=config,
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpu),
        run_config=RunConfig(name="saliency", storage_path=str(storage)),
    )
    checkpoint = trainer.fit().checkpoint
    if checkpoint is None:
        raise RuntimeError("training ended without a checkpoint")
    with checkpoint.as_directory() as folder:
        state: dict[str, Tensor] = torch.load(Path(folder) / "state.pt", weights_only=True)
    return state


def _work(config: dict[str, Any]) -> None:
    """Run in each worker: read the photos, train on this worker's share, report."""
    import ray
    import ray.train
    from ray.train.torch import get_device, prepare_model

    context = ray.train.get_context()
    recipe: Recipe = config["recipe"]
    split = gaze(Path(config["shared"]), longest=640, parts_of=config["parts_of"])
    network = start(
        SaliencyOptions.from_json(config["options"]), ray.get(config["imagenet"]), recipe.seed
    ).to(get_device())

    def report(progress: Progress, state: Mapping[str, Tensor]) -> None:
        metrics = {"epoch": progress.epoch, "loss": progress.loss, "kl": progress.kl}
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if context.get_world_rank() == 0:
                torch.save(dict(state), Path(folder) / "state.pt")
                checkpoint = ray.train.Checkpoint.from_directory(folder)
            ray.train.report(metrics, checkpoint=checkpoint)

    train(
        network,
        samples_of(split.train),
        split.validation,
        recipe,
        report=report,
        wrap=lambda module: prepare_model(module, move_to_device=False),
        rank=context.get_world_rank(),
        workers=context.get_world_size(),
    )

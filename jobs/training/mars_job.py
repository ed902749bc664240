"""Mars' training as a job: rows in Parquet and a folder of images in, a trained network out.

In this process, or with Ray Train in several workers that share every batch.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from deepcrop import weights
from deepcrop.errors import RequestError
from deepcrop.networks.mars.model import Mars
from deepcrop.networks.mars.options import MarsOptions
from deepcrop.networks.mars.trunk import SaliencyTrunk

from .croppings import read_croppings
from .mars import DEFAULT, FINETUNE, Recipe, fit, load_views

FROZEN: Mapping[str, int] = {"sam": 1, "mobilenet_v2": 7, "vgg16": 7, "resnet50": 7}
"""First blocks of each trunk that keep their weights in our recipes."""


def our_recipe(options: MarsOptions) -> Recipe:
    """Return how we train an architecture; the paper's recipe is :class:`Recipe` itself."""
    return FINETUNE if options.trunk == "sam" else DEFAULT


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
    """Make the untrained network over the pretrained trunk.

    Raises:
        RequestError: the trunk is the saliency network, but the weights are of another network.
    """
    torch.manual_seed(job.recipe.seed)
    network = Mars(job.options)
    state, _ = weights.load(job.trunk)
    own = network.trunk.state_dict()
    if job.options.trunk == "sam":
        named = {f"0.network.{name}": each for name, each in state.items()}
        if differing := own.keys() ^ named.keys():
            raise RequestError(
                f"weights {job.trunk!r}: not those of a saliency network that finds faces "
                f"(jobs/train.py saliency, then faces): {min(differing)}"
            )
        network.trunk.load_state_dict(named)
        if len(network.stack) < 2:  # a ReLU would cut what is negative
            init_from_saliency_readout(network)
    elif "trunk.blocks.0.0.weight" in state:  # our saliency network, whose trunk begins alike
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


@torch.no_grad()
def init_from_saliency_readout(network: Mars) -> None:
    """Initialise the head so that the logits of every ratio are the saliency network's score.

    They differ only by a constant for each image and ratio, which ARS-FTM adds. The score passes
    through the first channel of the head; the other channels keep their initial values, but the
    predictor doesn't use them yet. So training starts at the saliency network's gain. A head that
    is trained from scratch on these features loses a part of it (see the model card).
    """
    [trunk] = network.trunk.children()
    score = cast(SaliencyTrunk, trunk).network.readout.score
    assert score.bias is not None and network.reduce.bias is not None
    inputs = score.weight.shape[1]
    network.reduce.weight[0] = 0
    network.reduce.weight[0, -inputs:] = score.weight[0]
    network.reduce.bias[0] = score.bias[0]
    for layer in cast(Sequence[nn.ConvTranspose2d], network.stack):
        assert layer.bias is not None
        layer.weight[:, 0] = 0
        layer.weight[0, 0] = 1
        layer.bias[0] = 0
    heads = [each for each in (network.meta.predictor, network.predictor) if each is not None]
    for head in heads:
        assert head.bias is not None
        head.weight.zero_()
        head.bias.zero_()
    if network.predictor is None:
        assert network.meta.predictor is not None
        network.meta.predictor.bias[0] = 1
    else:
        network.predictor.weight[0, 0] = 1


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
        licence="Apache-2.0 (weights); trained on OSIE (MIT) and NUS (SUN scenes) fixations, "
        "and on Flickr8k photos: non-commercial research",
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

"""Mars' training job: from Parquet and photos to weights that the method loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from deepcrop import weights
from deepcrop.geometry import Box, Size
from deepcrop.methods.mars.method import MarsCrop
from deepcrop.methods.mars.networks import PaperLooker
from deepcrop.networks.mars.model import Mars
from deepcrop.networks.mars.options import MarsOptions
from jobs.training.croppings import Cropping, write_croppings
from jobs.training.fcdb import Edges, HumanCrop
from jobs.training.mars import Recipe
from jobs.training.mars_job import (
    MarsJob,
    initial,
    people_boxes,
    publish,
    train_here,
    train_with_ray,
)


@pytest.fixture
def job(tmp_path: Path) -> MarsJob:
    rows = []
    for number in range(4):
        array = np.random.default_rng(number).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(array).save(tmp_path / f"{number}.png")
        rows.append(Cropping(f"{number}.png", 1.0, Box(10, 10, 40, 40)))
    write_croppings(rows, tmp_path / "rows.parquet")
    torch.manual_seed(0)
    trunk = torchvision.models.mobilenet_v2(weights=None).state_dict()
    save_file(trunk, tmp_path / "trunk.safetensors")
    return MarsJob(
        rows=str(tmp_path / "rows.parquet"),
        images=str(tmp_path),
        trunk=str(tmp_path / "trunk.safetensors"),
        options=MarsOptions(layer="c3_3", channels=8, ratios=5, dimension=8),
        recipe=Recipe(epochs=1, warmup=0, batch=4),
        frozen=7,
    )


@pytest.mark.smoke
def test_trained_weights_are_published_and_loaded_again(job: MarsJob, tmp_path: Path) -> None:
    cpu = torch.device("cpu")
    losses: list[float] = []
    network = train_here(job, cpu, lambda epoch, loss: losses.append(loss))
    assert len(losses) == 1
    path = publish(network, job, tmp_path)
    state, metadata = weights.load(str(path))
    method = MarsCrop.from_weights(state, metadata, MarsCrop.Options(), device=cpu)
    assert isinstance(method.looker, PaperLooker)
    assert method.looker.network.options == job.options
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 48, 64), dtype=np.uint8))
    [[crop]] = method.boxes([image], ["4:5"])
    assert 0 <= crop.box.x0 < crop.box.x1 <= 64 and 0 <= crop.box.y0 < crop.box.y1 <= 48
    assert abs(crop.box.size.width / crop.box.size.height - 4 / 5) < 1 / crop.box.size.height


@pytest.mark.parametrize(
    ("options", "build", "cut"),
    [
        (
            MarsOptions(trunk="vgg16", layer="c3_3", transform=False),
            torchvision.models.vgg16,
            "features.21.weight",
        ),
        (
            MarsOptions(trunk="resnet50", layer="c5_1", transform=False),
            torchvision.models.resnet50,
            "layer4.0.conv3.weight",
        ),
    ],
)
def test_other_trunks_take_the_weights_of_torchvision(
    options: MarsOptions, build, cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.device("meta"):
        network = build(weights=None)
    state = {key: torch.zeros(value.shape) for key, value in network.state_dict().items()}
    state[cut] += 1
    monkeypatch.setattr(weights, "load", lambda name: (state, {}))
    job = MarsJob("", "", "any", options, Recipe(), frozen=0)
    values = list(initial(job).trunk.state_dict().values())
    assert [value.unique().tolist() for value in values if value.any()] == [[1.0]]


def test_the_trunk_may_be_that_of_our_saliency_network(job: MarsJob) -> None:
    """The first blocks of both are alike."""
    trunk = initial(replace(job, trunk="saliency")).trunk.state_dict()
    state, _ = weights.load("saliency")
    for name, value in trunk.items():
        assert torch.equal(value, state[f"trunk.{name}"].float())


def test_boxes_of_people_are_inside_their_views(tmp_path: Path) -> None:
    """The first view is the whole photo; the others contain the crop, whose ratio is asked for."""
    crop = HumanCrop("a.jpg", tmp_path / "a.jpg", Size(100, 80), Edges(10.4, 20.0, 70.2, 60.0))
    rows = people_boxes([crop], views=5)
    assert [row.view == Box(0, 0, 100, 80) for row in rows][:2] == [True, False]
    for row in rows:
        assert row.view is not None
        assert row.box == Box(10, 20, 70, 60)
        assert row.box.intersection(row.view) == row.box.area
        assert row.ratio == pytest.approx(59.8 / 40)


@pytest.mark.slow
def test_ray_train_with_two_workers_ends_where_one_process_does(
    job: MarsJob, tmp_path: Path
) -> None:
    network = train_with_ray(job, workers=2, gpu=False, storage=tmp_path / "ray")
    alone: Mars = train_here(job, torch.device("cpu"))
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, alone.state_dict()[key], rtol=1e-3, atol=1e-4)

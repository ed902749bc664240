"""The distillation's arithmetic, and that the student starts as the published one."""

import os
from pathlib import Path

import pytest
import torch

from deepcrop import weights
from deepcrop.networks.vgg import VGG
from jobs.training.vgg_distillation import Student16x, disagreement, inner_products, start

SHARED = Path(os.environ.get("DEEPCROP_SHARED", "../shared"))


def test_inner_products_ignore_scale_and_rotation_of_channels():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 4, 5, 6, generator=generator)
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=generator)).Q
    turned = 3 * torch.einsum("oc,bchw->bohw", rotation, maps)
    at = torch.arange(0, 30, 3)
    torch.testing.assert_close(inner_products(maps, at), inner_products(turned, at))
    assert disagreement(maps, turned, at) < 1e-9
    assert disagreement(maps, torch.randn(2, 4, 5, 6, generator=generator), at) > 0.1


@pytest.mark.smoke
def test_the_student_starts_as_the_published_one_away_from_the_border(vgg_student):
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(1, 3, 96, 96, generator=generator)
    theirs = Student16x(vgg_student)(images, ("relu3_1",))["relu3_1"]
    ours = VGG.from_state(start(vgg_student), ("relu3_1",))(images)["relu3_1"]
    torch.testing.assert_close(ours[..., 8:16, 8:16], theirs[..., 8:16, 8:16], rtol=1e-3, atol=1e-4)


def test_the_shipped_weights_are_those_of_the_catalogue():
    state, metadata = weights.load("vgg19-slim")
    assert weights.verify(weights.find("vgg19-slim"))
    assert metadata["variant"] == "vgg19-slim"
    assert weights.find("vgg19-slim").card.exists()
    maps = VGG.from_state(state, ("relu5_1",))(torch.rand(1, 3, 32, 48))
    assert maps["relu5_1"].shape == (1, 128, 2, 3)


@pytest.mark.skipif(not (SHARED / "weights").is_dir(), reason="DEEPCROP_SHARED has no weights")
def test_the_shipped_weights_agree_with_vgg19_on_a_photo():
    from PIL import Image
    from safetensors.torch import load_file

    from deepcrop.methods.base import as_tensor

    taps = ("relu1_2", "relu3_1", "relu3_4")
    real = VGG.from_state(
        load_file(SHARED / "weights" / "vgg19_conv1_1-conv3_4.safetensors"), taps, "vgg19"
    )
    slim = VGG.from_state(weights.load("vgg19-slim")[0], taps)
    with Image.open(SHARED / "data" / "photos_kodak" / "15.png") as image:
        pixels = as_tensor(image.crop((100, 100, 292, 292)))[None] / 255
    ours, theirs = slim(pixels), real(pixels)
    for tap in taps:
        pair = torch.stack([m[tap].square().sum(1).sqrt().flatten() for m in (ours, theirs)])
        assert torch.corrcoef(pair)[0, 1] > 0.85

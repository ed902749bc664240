"""DeepIR: what it promises whatever the weights are, on a network with random ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from deepcrop.errors import RequestError
from deepcrop.geometry import Box, Size
from deepcrop.methods import base, registry
from deepcrop.methods.deepir import method as deepir
from deepcrop.methods.deepir.method import DeepIR, Plan
from deepcrop.methods.deepir.options import DeepIROptions
from deepcrop.methods.deepir.resampling import changes, resized_field
from deepcrop.networks.vgg import VGG
from deepcrop.ops import resampling, warping

PAPER = DeepIROptions(
    working=1024,
    attention=0,
    obscurity="linear",
    contrast=1,
    deconvolution=100,
    search=10,
    axes="both",
    steady=0,
    vote="pixels",
    shared="resample",
)
QUICK: dict[str, Any] = {"deconvolution": 4, "search": 2, "working": 96}


@pytest.fixture(scope="module")
def network() -> VGG:
    torch.manual_seed(0)
    return VGG("vgg19-slim", deepir.TAPS).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def method(network: VGG) -> DeepIR:
    return DeepIR(network, DeepIR.Options(**QUICK))


def photo(seed: int = 0, height: int = 64, width: int = 96) -> Tensor:
    """A smooth picture with a textured disc."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.linspace(0, 3, height)[:, None]
    columns = torch.linspace(0, 4, width)[None]
    waves = [rows.sin() * columns.cos(), (rows + columns).sin(), (rows - columns).sin()]
    picture = torch.stack(waves)
    disc = (rows - 1.5).square() + (columns - 2.5).square() < 0.5
    noise = torch.rand(3, height, width, generator=generator)
    return torch.where(disc, noise, picture * 0.25 + 0.5).mul(255).byte()


def test_it_is_a_retarget_method(method: DeepIR) -> None:
    assert isinstance(method, base.RetargetMethod)
    assert registry.find("deepir") is DeepIR
    assert DeepIR.kind == "retarget"


def test_the_source_s_own_size_returns_it_bit_for_bit(method: DeepIR) -> None:
    source = photo()
    [[same, narrow]] = method.retarget([source], [[Size(96, 64), Size(48, 64)]])
    assert torch.equal(same, source)
    assert narrow.shape == (3, 64, 48)


@pytest.mark.parametrize(
    ("width", "height"),
    [(48, 64), (72, 64), (96, 40), (60, 40), (150, 64), (96, 90), (140, 40), (200, 150), (7, 5)],
)
def test_every_size_comes_out_exactly(method: DeepIR, width: int, height: int) -> None:
    [[result]] = method.retarget([photo()], [[Size(width, height)]])
    assert result.dtype == torch.uint8
    assert result.shape == (3, height, width)


@pytest.mark.parametrize("resample", ["uniform", "crop", "scale", "seam", "column"])
def test_every_way_to_resample(network: VGG, resample: str) -> None:
    one = DeepIR(network, DeepIR.Options(**QUICK, resample=resample))
    [results] = one.retarget([photo()], [[Size(56, 64), Size(130, 64), Size(96, 40)]])
    assert [tuple(each.shape[1:]) for each in results] == [(64, 56), (64, 130), (40, 96)]


def test_the_paper_s_own_settings(network: VGG) -> None:
    paper = replace(PAPER, **QUICK)
    [[result]] = DeepIR(network, paper).retarget([photo()], [[Size(60, 50)]])
    assert result.shape == (3, 50, 60)


def test_twice_the_same(method: DeepIR) -> None:
    one, two = (method.retarget([photo()], [[Size(50, 64)]])[0][0] for _ in range(2))
    assert torch.equal(one, two)


def test_an_image_does_not_depend_on_its_batch(method: DeepIR) -> None:
    images = [photo(1), photo(2), photo(3, 80, 60), photo(4)]
    sizes = [[Size(50, 64)], [Size(50, 64)], [Size(60, 50), Size(40, 80)], [Size(96, 40)]]
    together = method.retarget(images, sizes)
    for image, wanted, results in zip(images, sizes, together, strict=True):
        [alone] = method.retarget([image], [wanted])
        assert all(torch.equal(a, b) for a, b in zip(alone, results, strict=True))
    other = method.retarget([images[2]], [[Size(40, 80)]])[0][0]
    assert torch.equal(other, together[2][1]), "nor on the other sizes asked for"


def test_solving_images_at_once_gives_what_solving_one_does(method: DeepIR) -> None:
    images = torch.stack([photo(1), photo(2)]).float() / 255
    both = method.solve(images, [Size(64, 64)])[0]
    for image, field in zip(images, both, strict=True):
        [alone] = method.solve(image[None], [Size(64, 64)])
        torch.testing.assert_close(alone[0], field, atol=1e-2, rtol=0)


def test_a_plain_scaling_keeps_the_picture(method: DeepIR) -> None:
    source = photo(height=128, width=192)
    [[small]] = method.retarget([source], [[Size(96, 64)]])
    expected = deepir._resized(source, Size(96, 64), torch.device("cpu"))[0] * 255
    torch.testing.assert_close(small.float(), expected.round())


def test_the_mapping_never_runs_backwards(method: DeepIR) -> None:
    [field] = method.solve(photo()[None].float() / 255, [Size(60, 64)])
    assert (field[:, 0].diff(dim=2) >= -1e-4).all()
    assert field[:, 0].min() >= -0.5
    assert field[:, 0].max() <= 95.5


def test_rows_stay_where_only_the_width_changes(method: DeepIR) -> None:
    [field] = method.solve(photo()[None].float() / 255, [Size(60, 64)])
    torch.testing.assert_close(field[:, 1], warping.identity(64, 60)[None, 1])


BOX = Box(8, 8, 44, 48)


class Onlooker:
    """Stands for the saliency network: people look at the box alone."""

    def maps(self, images: list[Tensor]) -> list[Tensor]:
        found = torch.zeros(64, 96)
        found[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] = 1.0
        return [found] * len(images)


def columns_of_the_box(field: Tensor) -> int:
    """Return how many columns of a result show a part of the box."""
    x = field[0, 0].mean(0)
    return int(((x >= BOX.x0) & (x < BOX.x1)).sum())


@pytest.mark.parametrize("obscurity", ["inverse", "linear"])
def test_what_people_look_at_keeps_its_columns(network: VGG, obscurity: str) -> None:
    widths = []
    for saliency in (None, Onlooker()):
        options = DeepIR.Options(**QUICK, obscurity=obscurity, contrast=2)
        one = DeepIR(network, options, saliency)
        [[mapped]] = one.mappings([photo()], [[Size(56, 64)]])
        assert mapped is not None and mapped.field is not None
        widths.append(columns_of_the_box(mapped.field))
    assert widths[1] >= widths[0] + 4
    assert widths[1] >= 0.85 * (BOX.x1 - BOX.x0)


def test_with_attention_it_is_the_same_twice_and_in_a_batch(network: VGG) -> None:
    one = DeepIR(network, DeepIR.Options(**QUICK), Onlooker())
    images, sizes = [photo(1), photo(2)], [[Size(50, 64)]] * 2
    first, second = one.retarget(images, sizes), one.retarget(images, sizes)
    for image, a, b in zip(images, first, second, strict=True):
        assert torch.equal(a[0], b[0])
        [[alone]] = one.retarget([image], [[Size(50, 64)]])
        assert torch.equal(alone, a[0])


def test_the_default_weights_come_with_the_saliency_network() -> None:
    assert registry.load("deepir", device="cpu").saliency is not None
    assert registry.load("deepir", device="cpu", attention=0).saliency is None


def test_without_attention_the_network_does_not_matter(network: VGG) -> None:
    options = DeepIR.Options(**QUICK, attention=0)
    results = [
        DeepIR(network, options, saliency).retarget([photo()], [[Size(50, 64)]])[0][0]
        for saliency in (None, Onlooker())
    ]
    assert torch.equal(*results)


def test_the_paper_s_form_is_obscurity_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    importance = torch.randint(0, 100, (1, 12, 20), generator=generator).double()
    for contrast in (1.0, 4.0):
        options = DeepIR.Options(attention=0, obscurity="linear", contrast=contrast)
        field = resized_field(importance, (12, 9), options)
        total = importance[0].sum(0)
        weights = ((total.max() - total) / (total.max() - total.min())) ** contrast
        expected = resampling.kept(weights, 9)
        assert torch.equal(field[0, 0], expected.float().expand(12, 9))


def test_columns_are_removed_in_inverse_proportion_to_their_importance() -> None:
    importance = torch.tensor([1.0, 2.0, 4.0, 4.0, 2.0, 1.0])
    shares = changes(1 / importance, 4)
    assert shares.sum().item() == pytest.approx(2)
    assert (shares * importance).tolist() == pytest.approx([4 / 7] * 6)


def test_no_column_is_removed_or_repeated_more_than_once() -> None:
    obscurity = torch.tensor([100.0, 100.0, 100.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert changes(obscurity, 4).tolist() == pytest.approx([1, 1, 1] + [0.2] * 5)
    assert changes(obscurity, 100).tolist() == pytest.approx([1, 1, 1] + [0.2] * 5)
    assert changes(obscurity, 11).sum().item() == pytest.approx(3)


def test_an_image_without_any_importance_is_scaled() -> None:
    shares = resized_field(torch.zeros(1, 8, 16), (8, 8), DeepIR.Options())[0, 0, 0]
    assert (shares.diff() == 2).all()


def test_options_are_checked() -> None:
    with pytest.raises(RequestError, match="alphas"):
        registry.validate_options("deepir", {"alphas": (0.5, 0.5, 1.5)})
    with pytest.raises(RequestError, match="resample"):
        registry.validate_options("deepir", {"resample": "magic"})


@pytest.mark.parametrize(
    ("size", "scaled", "target"),
    [
        (Size(320, 480), Size(640, 480), Size(256, 384)),
        (Size(320, 240), Size(320, 240), Size(512, 384)),
        (Size(240, 240), Size(320, 240), Size(384, 384)),
        (Size(1280, 1440), Size(1280, 960), Size(512, 576)),
        (Size(480, 600), Size(640, 480), Size(384, 480)),
    ],
)
def test_what_both_axes_share_is_scaled(size: Size, scaled: Size, target: Size) -> None:
    plan = Plan.of(Size(640, 480), size, DeepIR.Options(working=512))
    assert plan is not None
    assert (plan.scaled, plan.target) == (scaled, target)
    assert plan.source == Size(512, 384)


def test_extreme_shapes_are_scaled_without_a_search() -> None:
    plan = Plan.of(Size(640, 480), Size(2, 480), DeepIR.Options())
    assert plan is not None
    assert not plan.solve

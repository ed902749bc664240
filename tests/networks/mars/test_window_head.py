"""The head that scores windows: sums of logits, cells, mirror symmetry of their geometry."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from deepcrop.networks.mars.cells import BREAKS, CELLS, cover
from deepcrop.networks.mars.sight import head_map, regridded
from deepcrop.networks.mars.window_head import WindowHead
from deepcrop.networks.mars.window_options import WindowOptions

SMALL = WindowOptions(inputs=6, guides=2, width=8, dimension=4, neurons=8, learned=3, hidden=8)


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    deep = torch.randn(2, 6, 16, 16, generator=generator)
    guides = torch.rand(2, 2, 32, 32, generator=generator)
    return deep, guides, torch.tensor([0.3, -0.4])


def head(options: WindowOptions = SMALL) -> WindowHead:
    torch.manual_seed(1)
    return WindowHead(options).eval().requires_grad_(False)


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"transform": False},
        {"predictor": False},
        {"transform": False, "predictor": False},
        {"embedding": False},
        {"interpolation": False},
        {"depth": 0},
        {"depth": 3},
    ],
)
def test_the_dense_score_is_the_sum_of_logits_and_the_area(switches: dict[str, object]) -> None:
    """Pooling the features first gives the sums of each ratio's own map."""
    network = head(replace(SMALL, **switches))  # type: ignore[arg-type]
    x = network.features(*inputs())
    boxes = torch.tensor([[0.0, 0.125, 0.5, 1.0], [0.25, 0.25, 0.3125, 0.75]]).expand(2, 2, 4)
    ratios = torch.tensor([[0.7, 1.4], [1.0, 2.5]])
    logits = network.logits(x, ratios)
    assert logits.shape == (2, 2, 16, 16)
    sums = torch.stack([logits[:, 0, 2:, :8].sum((1, 2)), logits[:, 1, 4:12, 4:5].sum((1, 2))], 1)
    area = torch.tensor([0.5 * 0.875, 0.0625 * 0.5])
    expected = network.sum_weight * sums + network.area_weight * area.log()
    torch.testing.assert_close(network.dense(x, boxes, ratios), expected, rtol=1e-4, atol=1e-4)


def test_the_map_depends_on_the_ratio_as_the_meta_learners_say() -> None:
    """ARS-FTM adds a constant, ARS-PWP changes the map; with neither nothing changes."""
    ratios = torch.tensor([[0.6, 1.9]] * 2)

    def spread(options: WindowOptions) -> tuple[float, float]:
        network = head(options)
        first, second = network.logits(network.features(*inputs()), ratios).unbind(1)
        change = second - first
        return float(change.abs().max()), float(change.std((1, 2)).max())

    assert spread(replace(SMALL, transform=False, predictor=False)) == (0, 0)
    alone, varying = spread(replace(SMALL, predictor=False))
    assert alone > 1e-3 > 1e-5 > varying
    assert spread(SMALL)[1] > 1e-3


def test_an_image_has_the_same_scores_alone_and_in_company() -> None:
    """Nothing is normalised over the batch."""
    network, (deep, guides, shape) = head(), inputs()
    assert network.cells is not None
    network.cells.last.weight.normal_()
    boxes, ratios = torch.rand(2, 5, 4).sort(-1).values[..., [0, 1, 3, 2]], torch.ones(2, 1)
    boxes = torch.stack([boxes[..., 0], boxes[..., 1], boxes[..., 2], boxes[..., 3]], -1)

    def scores(part: slice) -> torch.Tensor:
        x = network.features(deep[part], guides[part], shape[part])
        assert network.cells is not None
        cells = network.cells(x, guides[part], boxes[part], shape[part])
        return network.dense(x, boxes[part], ratios[part]) + cells

    torch.testing.assert_close(scores(slice(0, 2))[1:], scores(slice(1, 2)))


def test_the_scale_of_gaze_does_not_matter() -> None:
    """A density and ten times that density are the same gaze."""
    network, (deep, guides, shape) = head(), inputs()
    more = torch.cat([guides[:, :1] * 10, guides[:, 1:]], 1)
    first, second = (network.features(deep, each, shape) for each in (guides, more))
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


def test_the_cells_of_a_window_tile_the_image() -> None:
    """Together they hold all gaze: 81 shares whose squares of roots sum to 1."""
    network, (deep, guides, shape) = head(), inputs()
    assert network.cells is not None
    seen: list[torch.Tensor] = []
    network.cells.first.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    boxes = torch.tensor([[[0.2, 0.3, 0.9, 0.8], [0.0, 0.0, 1.0, 1.0]]] * 2)
    network.cells(network.features(deep, guides, shape), guides, boxes, shape)
    shares = seen[0][..., : 2 * CELLS * CELLS].square().view(2, 2, CELLS, 2, CELLS)
    torch.testing.assert_close(shares.sum((2, 4)), torch.ones(2, 2, 2), rtol=1e-4, atol=1e-4)


def test_breaks_are_symmetric() -> None:
    """A mirrored window has mirrored cells."""
    inner = BREAKS[1:-1]
    assert [1 - each for each in reversed(inner)] == pytest.approx(list(inner))


def test_coverage_of_cells() -> None:
    """A span from the middle of the first of four cells to the end of the second."""
    found = cover(torch.tensor([0.125]), torch.tensor([0.5]), 4)
    assert found.tolist() == [[0.5, 1.0, 0.0, 0.0]]


def test_options_survive_the_metadata() -> None:
    """An unknown option is an error, not a silent default."""
    assert WindowOptions.from_json(SMALL.to_json()) == SMALL
    with pytest.raises(ValueError, match="colour"):
        WindowOptions.from_json('{"colour": 1}')


def test_a_grid_has_the_means_of_its_cells() -> None:
    """Of a map with 4x6 cells, the right half has 2x2 means of 2x1.5 cells."""
    maps = torch.arange(24.0).view(1, 4, 6)
    found = regridded(maps, torch.tensor([0.5, 0.0, 1.0, 1.0]), 2)
    upper = (maps[0, :2, 3] + maps[0, :2, 4] / 2).sum() / 3
    assert found.shape == (1, 2, 2)
    assert found[0, 0, 0] == pytest.approx(float(upper))


def test_heads_cover_cells_once() -> None:
    """Two heads at one place count once; no heads leave the map empty."""
    faces = torch.tensor([[0.0, 0.0, 0.5, 0.25, 0.9], [0.25, 0.0, 0.5, 0.25, 0.8]])
    found = head_map(faces, 4)
    assert found.tolist() == [[1, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4]
    assert head_map(torch.zeros(0, 5), 4).sum() == 0

"""PatchMatch against the exact field, on maps small enough to try every position."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from deepcrop.ops import patchmatch
from deepcrop.ops.warping import identity


def smooth_features(seed: int, batch: int, height: int, width: int) -> Tensor:
    """Feature maps that vary over a few positions, as a network's do."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(batch, 8, height // 2 + 2, width // 2 + 2, generator=generator)
    return functional.interpolate(noise, (height, width), mode="bilinear").relu()


def flat_start(batch: int, height: int, width: int) -> Tensor:
    return identity(height, width).expand(batch, -1, -1, -1)


def brute_force(result: Tensor, source: Tensor, patch: int) -> Tensor:
    """Mean inner product of unit features over valid positions, with loops, for one image."""
    mine, theirs = (functional.normalize(x, dim=0).double() for x in (result, source))
    (_, h, w), (_, H, W) = mine.shape, theirs.shape
    reach = range(-(patch // 2), patch // 2 + 1)
    best = torch.full((h, w), -2.0, dtype=torch.float64)
    for y in range(h):
        for x in range(w):
            for v in range(H):
                for u in range(W):
                    products = [
                        float(mine[:, y + dy, x + dx] @ theirs[:, v + dy, u + dx])
                        for dy in reach
                        for dx in reach
                        if 0 <= y + dy < h
                        and 0 <= x + dx < w
                        and 0 <= v + dy < H
                        and 0 <= u + dx < W
                    ]
                    best[y, x] = max(best[y, x].item(), sum(products) / len(products))
    return best


def test_exhaustive_agrees_with_a_loop_over_everything() -> None:
    result, source = smooth_features(1, 1, 5, 4), smooth_features(2, 1, 5, 6)
    field, similarity = patchmatch.exhaustive(result, source, patch=3)
    torch.testing.assert_close(
        similarity[0].double(), brute_force(result[0], source[0], 3), atol=1e-5, rtol=0
    )
    assert field[:, 0].max() <= 5
    assert field[:, 1].max() <= 4


@pytest.mark.parametrize("patch", [3, 5])
def test_search_comes_near_the_exact_optimum(patch: int) -> None:
    """A retargeted map, with noise: every third column of the source is missing."""
    source = smooth_features(3, 2, 24, 36)
    columns = [column for column in range(36) if column % 3]
    noise = torch.randn(2, 8, 24, 24, generator=torch.Generator().manual_seed(4))
    result = source[..., columns] + 0.1 * noise
    start = flat_start(2, 24, 24)
    _, exact = patchmatch.exhaustive(result, source, patch=patch)
    _, begun = patchmatch.search(result, source, start, patch=patch, iterations=0)
    _, found = patchmatch.search(result, source, start, patch=patch)
    assert (found <= exact + 1e-5).all()
    assert (found - begun).mean() > 0.95 * (exact - begun).mean()


def test_reported_similarity_is_that_of_the_field() -> None:
    result, source = smooth_features(5, 1, 12, 10), smooth_features(6, 1, 12, 16)
    field, similarity = patchmatch.search(result, source, flat_start(1, 12, 10))
    again = patchmatch.search(result, source, field, iterations=0)[1]
    torch.testing.assert_close(similarity, again)


def test_shifted_copy_is_found_exactly() -> None:
    source = smooth_features(7, 1, 30, 50)
    result = source[:, :, :, 10:40]
    field, similarity = patchmatch.search(result, source, flat_start(1, 30, 30), radius=12)
    inner = field[0, :, 2:-2, 2:-2] - identity(30, 30)[:, 2:-2, 2:-2]
    assert (inner[0] == 10).all()
    assert (inner[1] == 0).all()
    assert similarity[:, 2:-2, 2:-2].mean() > 0.99


def test_identity_start_on_the_same_map_stays() -> None:
    source = smooth_features(8, 1, 16, 16) + 0.01
    field, similarity = patchmatch.search(source, source, flat_start(1, 16, 16))
    assert torch.equal(field[0], identity(16, 16))
    torch.testing.assert_close(similarity, torch.ones_like(similarity))


def test_same_seed_same_field_other_seed_other_field() -> None:
    result, source = smooth_features(9, 1, 20, 20), smooth_features(10, 1, 20, 30)
    start = flat_start(1, 20, 20)
    one = patchmatch.search(result, source, start, seed=1)[0]
    assert torch.equal(one, patchmatch.search(result, source, start, seed=1)[0])
    assert not torch.equal(one, patchmatch.search(result, source, start, seed=2)[0])


def test_a_field_does_not_depend_on_its_batch() -> None:
    result, source = smooth_features(11, 3, 18, 14), smooth_features(12, 3, 18, 20)
    start = flat_start(3, 18, 14)
    together = patchmatch.search(result, source, start)[0]
    for image in range(3):
        alone = patchmatch.search(result[image, None], source[image, None], start[:1])[0]
        assert torch.equal(alone[0], together[image])


def test_start_outside_the_source_is_clamped() -> None:
    result, source = smooth_features(13, 1, 8, 8), smooth_features(14, 1, 8, 6)
    start = torch.full((1, 2, 8, 8), 99.0)
    field, _ = patchmatch.search(result, source, start, iterations=0)
    assert (field[:, 0] == 5).all()
    assert (field[:, 1] == 7).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_finds_what_the_cpu_finds() -> None:
    result, source = smooth_features(15, 2, 20, 20), smooth_features(16, 2, 20, 30)
    start = flat_start(2, 20, 20)
    cpu = patchmatch.search(result, source, start)[1]
    gpu = patchmatch.search(result.cuda(), source.cuda(), start.cuda())[1].cpu()
    torch.testing.assert_close(cpu.mean(), gpu.mean(), atol=1e-3, rtol=0)

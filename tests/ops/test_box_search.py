"""The search of windows of any size: sums against pixels, candidates, expected overlap."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from deepcrop.ops.box_search import (
    STEP,
    Sides,
    SumTable,
    areas,
    around,
    candidates,
    decode,
    iou,
)


def test_sums_are_those_of_the_cells_inside() -> None:
    """On borders of cells a window's sum is the plain sum of its cells, of any sign."""
    values = np.random.default_rng(0).normal(size=(6, 9))
    boxes, sums = [], []
    for y0, y1 in itertools.combinations(range(7), 2):
        for x0, x1 in itertools.combinations(range(10), 2):
            boxes.append((x0 / 9, y0 / 6, x1 / 9, y1 / 6))
            sums.append(values[y0:y1, x0:x1].sum())
    np.testing.assert_allclose(SumTable.of(values).over(np.array(boxes)), sums, atol=1e-9)


def test_parts_of_cells_count_in_part() -> None:
    """Inside a cell the map is constant."""
    table = SumTable.of(np.array([[4.0, -8.0]]))
    found = table.over(np.array([[0.25, 0.0, 0.75, 0.5], [0.0, 0.0, 1.0, 1.0]]))
    assert found.tolist() == pytest.approx([(2 - 4) / 2, -4])


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros((0, 4)), np.array([[1.0, np.nan]])])
def test_a_map_must_be_finite_and_have_two_axes(values: np.ndarray) -> None:
    """Otherwise every sum would be wrong."""
    with pytest.raises(ValueError, match="map"):
        SumTable.of(values)


@pytest.mark.parametrize("largest", [Sides(1.0, 0.6), Sides(0.03, 1.0), Sides(1.0, 1.0)])
def test_candidates_have_the_ratio_lie_inside_and_reach_all_edges(largest: Sides) -> None:
    """Neighbours of one size are near each other, and the largest windows are among them."""
    boxes = candidates(largest, minimum_zoom=0.5)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    np.testing.assert_allclose(width / height, largest.width / largest.height)
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    zoom = width / largest.width
    assert zoom.min() == pytest.approx(0.5)
    assert zoom.max() == pytest.approx(1)
    for size in np.unique(zoom.round(6)):
        same = boxes[np.isclose(zoom, size)]
        assert same[:, :2].min() == 0
        assert same[:, 2:].max() == pytest.approx(1)
        for axis in (0, 1):
            assert np.diff(np.unique(same[:, axis])).max(initial=0) <= STEP + 1e-9


def test_candidates_of_a_mirrored_image_are_mirrored() -> None:
    """So a crop of a mirrored photo can be the mirrored crop."""
    boxes = candidates(Sides(0.7, 1.0), minimum_zoom=0.5)
    mirrored = boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [1, 0, 1, 0]
    order = [np.lexsort(each.round(6).T) for each in (boxes, mirrored)]
    np.testing.assert_allclose(boxes[order[0]], mirrored[order[1]], atol=1e-9)


def test_one_size_is_the_largest() -> None:
    """The largest windows alone move along one axis."""
    boxes = candidates(Sides(0.5, 1.0), minimum_zoom=1.0, sizes=1)
    np.testing.assert_allclose(areas(boxes), 0.5)
    assert (boxes[:, 1] == 0).all()


def test_windows_around_a_centre_are_shifted_inside() -> None:
    """A small window is centred; a larger one is as near as it can be."""
    boxes = around(Sides(0.8, 1.0), (0.3, 0.5), minimum_zoom=0.5)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    assert centres[0] == pytest.approx([0.3, 0.5])
    assert boxes[-1] == pytest.approx([0, 0, 0.8, 1])
    assert boxes.min() >= 0
    assert boxes.max() <= 1


def test_iou_of_windows() -> None:
    """Two halves that overlap in a third of their union."""
    one, other = np.array([0.0, 0, 0.5, 1]), np.array([0.25, 0, 0.75, 1])
    assert iou(one, other) == pytest.approx(1 / 3)
    assert iou(one, one) == 1
    assert iou(one, np.array([0.5, 0, 1, 1])) == 0


def test_the_decoded_window_has_the_largest_expected_iou() -> None:
    """A brute-force oracle over all pairs of windows; the average keeps near it."""
    random = np.random.default_rng(1)
    boxes = candidates(Sides(1.0, 0.8), minimum_zoom=0.5, sizes=4)
    scores = random.normal(size=len(boxes)) * 2
    share = np.exp(scores) / np.exp(scores).sum()
    likely = np.argsort(-scores)[:192]
    expected = [sum(share[j] * iou(boxes[i], boxes[j]) for j in likely) for i in likely]
    best = boxes[likely[int(np.argmax(expected))]]
    found = decode(boxes, scores, sharpness=1.0)
    assert iou(found, best) > 0.75
    near = likely[iou(boxes[likely], best) >= 0.75]
    np.testing.assert_allclose(found, share[near] @ boxes[near] / share[near].sum())
    width, height = found[2] - found[0], found[3] - found[1]
    assert width / height == pytest.approx(1 / 0.8)


def test_a_group_wins_over_a_lonely_window_of_a_higher_score() -> None:
    """The most probable single window isn't the best answer."""
    group = np.array([[x, 0.0, x + 0.5, 1.0] for x in (0.0, 0.02, 0.04)])
    boxes = np.concatenate([group, [[0.5, 0.0, 1.0, 1.0]]])
    found = decode(boxes, np.array([0.0, 0.0, 0.0, 0.5]), sharpness=1.0)
    assert found[0] == pytest.approx(0.02)
    sharp = decode(boxes, np.array([0.0, 0.0, 0.0, 0.5]), sharpness=10.0)
    assert sharp[0] == pytest.approx(0.5, abs=0.01)
    alone = decode(boxes, np.array([0.0, 0.0, 0.0, 3.0]), sharpness=1.0)
    assert alone[0] == pytest.approx(0.5)


def test_only_alike_windows_are_averaged() -> None:
    """A window that cuts nothing isn't averaged with one that cuts."""
    boxes = np.array([[x, 0.0, x + 0.5, 1.0] for x in (0.0, 0.02, 0.04)])
    found = decode(boxes, np.zeros(3), alike=np.array([1.0, 0.0, 0.0]))
    assert found[0] == pytest.approx(0.03)

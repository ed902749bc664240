"""The reader of FCDB's crops and votes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepcrop.geometry import Size
from jobs.training.fcdb import Edges, VotedPair, fold_of, read_crops, read_pairs


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Write annotations of two photos as they are laid out."""
    folder = tmp_path / "data" / "crops_fcdb"
    folder.mkdir(parents=True)
    crops = {
        "image": ["b.jpg", "a.jpg"],
        "x0": [1.5, 0.0],
        "y0": [2.0, 0.0],
        "x1": [41.5, 50.0],
        "y1": [22.0, 50.0],
        "width": [60, 100],
        "height": [40, 50],
        "orig_width": [120, 200],
        "orig_height": [80, 100],
    }
    pq.write_table(pa.table(crops), folder / "crops.parquet")
    pairs: dict[str, list[object]] = {"image": ["b.jpg"], "split": ["train"]}
    for side, start, votes in (("a", 0.0, 1), ("b", 10.25, 4)):
        pairs |= {f"{side}_x0": [start], f"{side}_y0": [start]}
        pairs |= {f"{side}_x1": [start + 20], f"{side}_y1": [start + 10]}
        pairs[f"{side}_votes"] = [votes]
    pq.write_table(pa.table(pairs), folder / "pairs.parquet")
    return tmp_path


def test_crops_are_sorted_by_name_and_keep_fractions_of_pixels(shared: Path) -> None:
    """The box is in pixels of the file, whose size is read with it."""
    first, second = read_crops(shared)
    assert (first.name, second.name) == ("a.jpg", "b.jpg")
    assert second.box == Edges(1.5, 2.0, 41.5, 22.0)
    assert second.box.ratio == 2
    assert second.size == Size(60, 40)
    assert second.path == shared / "data" / "crops_fcdb" / "images" / "b.jpg"


def test_pairs_have_the_size_of_their_photo(shared: Path) -> None:
    """Sizes come from the crops' table; the votes stay with their crop."""
    [pair] = read_pairs(shared)
    assert pair == VotedPair(
        "b.jpg", Size(60, 40), Edges(0, 0, 20, 10), 1, Edges(10.25, 10.25, 30.25, 20.25), 4
    )
    assert pair.one_size
    assert pair.agreed


@pytest.mark.parametrize(("votes", "agreed"), [((2, 3), False), ((4, 1), True), ((0, 5), True)])
def test_four_votes_agree(votes: tuple[int, int], agreed: bool) -> None:
    """Either crop may have the votes."""
    box = Edges(0, 0, 10, 10)
    pair = VotedPair("a.jpg", Size(20, 20), box, votes[0], box, votes[1])
    assert pair.agreed == agreed


def test_crops_of_different_sizes_are_told_apart() -> None:
    """One pixel is more than rounding can add to a side."""
    pair = VotedPair("a.jpg", Size(20, 20), Edges(0, 0, 10, 10), 1, Edges(0, 0, 10, 11), 4)
    assert not pair.one_size


def test_folds_are_fixed_and_even() -> None:
    """The fold of a name never changes, and 1,000 names fill all folds alike."""
    assert [fold_of(f"{number}.jpg") for number in range(5)] == [1, 1, 4, 1, 3]
    counts = [0] * 5
    for number in range(1000):
        counts[fold_of(f"{number}.jpg")] += 1
    assert min(counts) > 160

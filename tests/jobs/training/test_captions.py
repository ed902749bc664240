"""Tables of photos and captions, read and split."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from deepcrop.errors import RequestError
from deepcrop.networks.cagic.vocabulary import SPECIAL
from jobs.training.captions import (
    CaptionedPhoto,
    encode_captions,
    feature_grids,
    read_captions,
    read_square,
    split,
    vocabulary_of,
)

ROWS = [("b.jpg", "A dog runs ."), ("a.jpg", "two cats"), ("b.jpg", "the dog")]


@pytest.fixture(params=["json", "csv", "parquet", "folder"])
def table(request, tmp_path):
    """The same captions as each kind of table."""
    images, captions = zip(*ROWS, strict=True)
    if request.param == "csv":
        path = tmp_path / "table.csv"
        path.write_text("image,caption\n" + "".join(f"{i},{c}\n" for i, c in ROWS))
    elif request.param == "parquet":
        path = tmp_path / "table.parquet"
        pq.write_table(pa.table({"image": images, "caption": captions}), path)
    else:
        path = tmp_path / "captions.json"
        path.write_text(json.dumps({"b.jpg": ["A dog runs .", "the dog"], "a.jpg": ["two cats"]}))
        if request.param == "folder":
            (tmp_path / "images").mkdir()
            return tmp_path
    return path


def test_every_kind_of_table_gives_the_same_photos(table, tmp_path):
    first, second = read_captions(table)
    assert (first.name, first.captions) == ("a.jpg", ("two cats",))
    assert (second.name, second.captions) == ("b.jpg", ("A dog runs .", "the dog"))
    folder = tmp_path / "images" if table.is_dir() else tmp_path
    assert first.path == folder / "a.jpg"


@pytest.mark.parametrize("text", ["image,text\na.jpg,a cat\n", "name,caption\na.jpg,a cat\n"])
def test_a_table_without_its_columns_is_refused(tmp_path, text):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(RequestError, match="columns image and caption"):
        read_captions(tmp_path / "table.csv")
    with pytest.raises(RequestError, match=r"expected \.json, \.csv or \.parquet"):
        read_captions(tmp_path / "table.txt")


@pytest.mark.smoke
def test_a_split_follows_the_names_alone(tmp_path):
    photos = [CaptionedPhoto(f"{i}.jpg", tmp_path, ("a",)) for i in range(20)]
    parts = split(photos, validation=3, test=5)
    again = split(photos[::-1], validation=3, test=5)
    assert parts == again
    names = [photo.name for part in (parts.train, parts.validation, parts.test) for photo in part]
    assert len(parts.validation) == 3 and len(parts.test) == 5
    assert sorted(names) == sorted(photo.name for photo in photos)


def test_captions_become_ids_between_start_and_end(tmp_path):
    photos = [
        CaptionedPhoto("a", tmp_path, ("a dog runs", "a dog")),
        CaptionedPhoto("b", tmp_path, ("a quokka sits on a dog",)),
    ]
    words = vocabulary_of(photos, least=2)
    assert words == [*SPECIAL, "a", "dog"]
    ids, owners = encode_captions(photos, words, longest=4)
    spoken = [[words[i] for i in row] for row in ids.tolist()]
    assert spoken[0] == ["<start>", "a", "dog", "<unk>", "<end>", "<pad>"]
    assert spoken[2] == ["<start>", "a", "<unk>", "<unk>", "<unk>", "<end>"]
    assert owners.tolist() == [0, 0, 1]


def test_a_box_of_a_photo_is_warped_to_a_square(tmp_path):
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:20, 40:] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_square(tmp_path / "a.png", 16).shape == (3, 16, 16)
    corner = read_square(tmp_path / "a.png", 8, (0.5, 0.0, 1.0, 0.5))
    assert (corner[:, :-1, 1:] == 200).all()  # at its edges, the resampling sees beyond the box


def test_features_are_encoded_in_batches_and_in_order():
    squares = [torch.full((3, 4, 4), i, dtype=torch.uint8) for i in range(5)]
    sizes = []

    def encode(batch):
        sizes.append(len(batch))
        return batch.float()

    grids = feature_grids(squares, encode, batch=2)
    assert sizes == [2, 2, 1]
    assert grids.dtype == torch.float16
    assert grids[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]

"""Cropping datasets: each format as its authors publish it, and Parquet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepcrop.errors import RequestError
from deepcrop.geometry import Box
from jobs.training.croppings import (
    Cropping,
    read_cpc,
    read_croppings,
    read_cuhk_icd,
    read_fat,
    read_fcdb,
    read_gaicd,
    read_hcdb,
    write_croppings,
)


@pytest.mark.smoke
def test_parquet_gives_back_what_it_was_given(tmp_path: Path) -> None:
    rows = [
        Cropping("a.jpg", 1.5, Box(1, 2, 31, 22)),
        Cropping("b.jpg", 0.5, Box(10, 10, 20, 30), view=Box(5, 5, 50, 60)),
    ]
    write_croppings(rows, tmp_path / "rows.parquet")
    assert read_croppings(tmp_path / "rows.parquet") == rows


def test_parquet_without_a_column_says_which(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": ["a.jpg"], "x0": [1]}), tmp_path / "rows.parquet")
    with pytest.raises(RequestError, match="'ratio' is missing"):
        read_croppings(tmp_path / "rows.parquet")


def test_fat(tmp_path: Path) -> None:
    (tmp_path / "FAT_train.txt").write_text("a.jpg 10 20 110 70 4 2\n\nb.jpg, 0, 0, 30, 40\n")
    assert read_fat(tmp_path) == [
        Cropping("a.jpg", 2.0, Box(10, 20, 110, 70)),
        Cropping("b.jpg", 0.75, Box(0, 0, 30, 40)),
    ]
    (tmp_path / "FAT_test.txt").write_text("a.jpg 10 20 thirty 40\n")
    with pytest.raises(RequestError, match=r"FAT_test.txt:1: .*expected 4 numbers"):
        read_fat(tmp_path, "test")


def test_fcdb(tmp_path: Path) -> None:
    entry = {"url": "https://example.org/4096/4910_b.jpg", "crop": [266, 6, 757, 399]}
    (tmp_path / "cropping_testing_set.json").write_text(json.dumps([entry]))
    assert read_fcdb(tmp_path) == [Cropping("4910_b.jpg", 757 / 399, Box(266, 6, 1023, 405))]


def test_hcdb(tmp_path: Path) -> None:
    io = pytest.importorskip("scipy.io")
    cell = np.empty((1, 1), [("filename", object), ("bbox", object)])
    cell[0, 0] = ("a.jpg", np.array([[5, 10, 45, 90], [-1, -1, -1, -1]]))
    io.savemat(tmp_path / "500_image_dataset.mat", {"img_gt": cell})
    assert [(row.image, row.box) for row in read_hcdb(tmp_path)] == [("a.jpg", Box(10, 5, 90, 45))]


def test_cuhk_icd(tmp_path: Path) -> None:
    text = "animal\\1.jpg\n5 45 10 90\n6 45 10 90\n7 45 10 90\n"
    (tmp_path / "Cropping_parameters.txt").write_text(text)
    rows = read_cuhk_icd(tmp_path)
    assert [row.box.y0 for row in rows] == [5, 6, 7]
    assert read_cuhk_icd(tmp_path, annotator=0) == [
        Cropping("animal/1.jpg", 2.0, Box(10, 5, 90, 45))
    ]


def test_gaicd(tmp_path: Path) -> None:
    folder = tmp_path / "annotations" / "train"
    folder.mkdir(parents=True)
    (folder / "7.txt").write_text("0 0 40 60 2.5\n5 10 45 90 4.1\n1 1 9 9 -2\n")
    assert read_gaicd(tmp_path) == [Cropping("train/7.jpg", 2.0, Box(10, 5, 90, 45))]
    assert len(read_gaicd(tmp_path, top=2)) == 2


@pytest.mark.parametrize("wrapped", [False, True])
def test_cpc(tmp_path: Path, wrapped: bool) -> None:
    folder = tmp_path / "CollectedAnnotationsRaw"
    folder.mkdir()
    entry = {"bboxes": [[0, 0, 9, 9], [10, 5, 90, 45]], "scores": [[1, 0], [0, 1], [0, 1]]}
    text = json.dumps(entry)
    (folder / "a.jpg.txt").write_text(json.dumps(text) if wrapped else text)
    assert read_cpc(tmp_path) == [Cropping("a.jpg", 2.0, Box(10, 5, 90, 45))]

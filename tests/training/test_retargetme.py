"""The evaluation on RetargetMe: peers, margins, tables."""

import sys

import pytest
import torch
from rich.console import Console

from deepcrop.geometry import Size
from deepcrop.training import retargeters
from deepcrop.training.retargetme import Figures
from deepcrop.training.retargetme_report import margin, means, tables


def figures(semantic, ars):
    return Figures(semantic=semantic, ars=ars, frr=0.5, fd=float("nan"), discarded=0.1)


def test_peers_give_the_size_asked_for():
    generator = torch.Generator().manual_seed(0)
    photo = torch.randint(0, 256, (3, 40, 60), dtype=torch.uint8, generator=generator)
    found, absent = retargeters.peers()
    assert len(found) + len(absent) == 2
    for retarget in found.values():
        for size in (Size(45, 40), Size(60, 30), Size(66, 40)):
            result = retarget(photo, size)
            assert result.dtype == torch.uint8
            assert tuple(result.shape) == (3, size.height, size.width)


def test_what_is_not_installed_is_left_out_with_a_line(monkeypatch):
    monkeypatch.setattr(retargeters.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "seam_carving", None)
    found, absent = retargeters.peers()
    assert not found
    assert ["ImageMagick" in line or "seam-carving" in line for line in absent] == [True, True]


def test_margins_are_paired():
    difference, error, above = margin([0.9, 0.7, 0.5], [0.8, 0.7, 0.3])
    assert difference == pytest.approx(0.1)
    assert error == pytest.approx(0.1 / 3**0.5)
    assert above == 2


def test_tables_show_means_and_margins_and_leave_out_what_was_not_measured():
    found = {"dnr": [figures(0.9, 0.8), figures(0.7, 0.9)], "SV": [figures(0.6, 0.9)] * 2}
    assert means(found["dnr"]).semantic == pytest.approx(0.8)
    console = Console(width=120)
    with console.capture() as capture:
        for table in tables(found, ["dnr"], "a test"):
            console.print(table)
    text = capture.get()
    assert "0.8500" in text and "+0.2000 ± 0.1000   2" in text
    assert "FD" not in text

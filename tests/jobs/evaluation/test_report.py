"""The evaluation's tables, on a tiny dataset with an untrained network."""

import importlib.util
import sys

import numpy as np
import pytest
import torch
from rich.console import Console

from deepcrop import weights
from deepcrop.geometry import Size
from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.evaluation.report import human_estimate, saliency_tables, tools


@pytest.fixture
def weights_file(tmp_path):
    torch.manual_seed(0)
    network = SaliencyNetwork(SaliencyOptions(pixels=64 * 64, width=8, priors=4))
    metadata = {"options": network.options.to_json()}
    return weights.publish(
        "tiny",
        network.state_dict(),
        metadata,
        licence="test",
        summary="test",
        methods=["saliency"],
        folder=tmp_path,
    )


def columns(table):
    return {column.header: list(column.cells) for column in table.columns}


@pytest.mark.smoke
def test_tables_hold_every_window_between_the_marks(shared, weights_file):
    notes = []
    tables = [columns(t) for t in saliency_tables(shared, str(weights_file), "test", notes.append)]
    assert len(tables) == 7
    metrics, gains = tables[0], tables[1]
    assert list(metrics) == ["map", "CC", "KL", "NSS", "SIM", "AUC-Judd", "sAUC"]
    share = dict(zip(gains["window"], map(float, gains["kept"]), strict=True))
    gain = dict(zip(gains["window"], map(float, gains["gain"]), strict=True))
    assert gain["centre"] == 0
    assert gain["human (half of the viewers)"] == 1
    assert share["best possible"] >= max(share.values())
    ours = ("deepcrop saliency", "gaze alone", "gaze alone, pixels=307200")
    assert all(0 <= share[name] <= 1 for name in ours)
    for tool, module in (("libvips", "pyvips"), ("smartcrop", "smartcrop")):
        installed = importlib.util.find_spec(module) is not None
        assert any(tool in name for name in share) == installed
        assert any(tool in note for note in notes) != installed


def test_human_estimate_covers_the_photo():
    estimate = human_estimate(np.array([[0.5, 0.5]]), Size(200, 100))
    assert estimate.shape == (60, 120)
    assert estimate.sum() == pytest.approx(1, abs=1e-4)


def test_absent_tools_are_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyvips", None)
    monkeypatch.setitem(sys.modules, "smartcrop", None)
    croppers, absent = tools({}, tmp_path)
    assert list(croppers) == ["best possible"]
    assert [line.split()[0] for line in absent] == ["libvips", "smartcrop", "FastGaze"]


def test_console_prints_them(shared, weights_file):
    console = Console(record=True, width=100)
    for table in saliency_tables(shared, str(weights_file), "test", console.print):
        console.print(table)
    text = console.export_text()
    assert "gaze_osie: 4 test photos" in text
    assert "all: 12 test photos" in text

"""The evaluation on RetargetMe: peers, margins, tables."""

import sys

import pytest
import torch
from PIL import Image
from rich.console import Console

from deepcrop.errors import RequestError
from deepcrop.geometry import Size
from deepcrop.methods.registry import load
from deepcrop.networks.vgg import VGG
from jobs.evaluation import retargeters, retargetme
from jobs.evaluation.retargetme import TAPS, Figures, evaluate
from jobs.evaluation.retargetme_report import margin, means, tables


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


@pytest.mark.smoke
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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder like data/retargetme with two cases and one published result each, a scaling."""
    monkeypatch.setattr(retargetme, "PUBLISHED", ("SCL",))
    rows = ["case\tout_w\tout_h"]
    for number in range(2):
        name = f"case_{number}"
        (tmp_path / name).mkdir()
        generator = torch.Generator().manual_seed(number)
        pixels = torch.randint(0, 256, (48, 64, 3), dtype=torch.uint8, generator=generator)
        source = Image.fromarray(pixels.numpy())
        source.save(tmp_path / name / "source.jpg")
        source.resize((32, 48)).save(tmp_path / name / "SCL.jpg")
        rows.append(f"{name}\t32\t48")
    (tmp_path / "cases.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_an_interrupted_evaluation_goes_on_where_it_was(folder):
    asked = []

    def crop(photo, size):
        asked.append(size)
        return photo[:, : size.height, : size.width].contiguous()

    network = VGG("vgg19-slim", TAPS).requires_grad_(False)

    def run(**options):
        return evaluate(
            folder,
            {"crop": crop},
            network,
            load("saliency"),
            figures=folder / "figures.jsonl",
            side=0,
            report=lambda line: None,
            **options,
        )

    run(names=["case_0"])
    found = run(sheet=folder / "sheets")
    assert asked == [Size(32, 48)] * 2
    assert all(len(figures) == 2 for figures in found.values())
    assert repr(run()) == repr(found) and len(asked) == 2
    assert [path.name for path in (folder / "sheets").iterdir()] == ["case_1.png"]


def test_another_method_does_not_measure_the_first_again(folder):
    asked = []

    def method(name):
        def crop(photo, size):
            asked.append(name)
            return photo[:, : size.height, : size.width].contiguous()

        return crop

    network = VGG("vgg19-slim", TAPS).requires_grad_(False)

    def run(*names):
        return evaluate(
            folder,
            {name: method(name) for name in names},
            network,
            load("saliency"),
            figures=folder / "figures.jsonl",
            side=0,
            report=lambda line: None,
        )

    first = run("one")
    both = run("one", "two")
    assert asked == ["one"] * 2 + ["two"] * 2
    assert repr(both["one"]) == repr(first["one"])
    assert repr(both["two"]) == repr(both["one"])
    assert len((folder / "figures.jsonl").read_text().splitlines()) == 4


def test_methods_are_named_with_their_options():
    photo = torch.zeros(3, 40, 60, dtype=torch.uint8)
    narrow = retargeters.ours("deepir:resample=scale,working=64")(photo, Size(50, 40))
    assert narrow.shape == (3, 40, 50)
    with pytest.raises(RequestError, match="retarget"):
        retargeters.ours("saliency")
    with pytest.raises(RequestError, match="colour"):
        retargeters.ours("dnr:colour=red")

"""The benchmark's parts: the work, the costs of a tree of processes, and what is made of them."""

import subprocess
import sys

import pytest
from PIL import Image

from jobs import benchmark
from jobs.benchmarks import contenders
from jobs.benchmarks.comparison import Margin, rows
from jobs.benchmarks.corpus import SHAPES, mosaic
from jobs.benchmarks.measure import Cost, measure
from jobs.benchmarks.task import RATIOS, centre, fitted, make_folders, window

WORKS = {
    "simplejpeg": contenders.floor,
    "pyvips": contenders.vips_once,
    "cv2": contenders.opencv,
    "smartcrop": contenders.smartcrop_python,
}


@pytest.mark.parametrize("module", WORKS)
def test_all_make_the_same_variants(module, tmp_path):
    pytest.importorskip(module)
    source = tmp_path / "photo.jpg"
    mosaic(0).save(source)
    make_folders(tmp_path / "out")
    WORKS[module](source, tmp_path / "out")
    for name, ratio in RATIOS.items():
        with Image.open(tmp_path / "out" / name / "photo.jpg") as variant:
            assert variant.size == fitted(*window(*SHAPES[0], ratio))


def test_windows_lie_inside_and_touch_two_edges():
    for ratio in RATIOS.values():
        left, top, wide, high = centre(3000, 2001, ratio)
        assert left >= 0 and top >= 0 and left + wide <= 3000 and top + high <= 2001
        assert wide == 3000 or high == 2001


def test_the_cost_of_orphans_counts():
    """A child that nobody waits for works for half a second; this test's own children live on."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        work = "import time\nwhile time.process_time() < 0.5: pass"
        child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {work!r}])"
        assert measure([sys.executable, "-c", child]).cpu >= 0.25
        assert other.poll() is None
        other.communicate(b"\n")


def test_a_contender_that_fails_is_an_error():
    with pytest.raises(subprocess.CalledProcessError):
        measure([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_margin_is_free_of_what_starting_costs():
    small, large = Cost(12.0, 5.0, 100), Cost(30.0, 14.0, 300)
    margin = Margin.between(small, large, (10, 100))
    assert margin == Margin(0.2, 0.1, 10.0, 300)


def test_ratios_are_taken_within_a_round():
    ours = [Margin(0.1, 0.1, 1, 2**20), Margin(0.2, 0.2, 1, 2**20), Margin(0.1, 0.1, 1, 2**20)]
    twice = [Margin(0.2, 0.2, 1, 2**20), Margin(0.4, 0.4, 1, 2**20), Margin(0.3, 0.3, 1, 2**20)]
    line = rows({"deepcrop": ours, "other": twice})[1]
    assert line[5:] == ["2.00 (2.00 to 3.00)"] * 2


def test_crop_methods_are_timed_for_one_ratio_and_for_eight(capsys):
    benchmark.crop(["center", "mars"], repeats=2)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line[:2] for line in lines] == [
        ["center", "1"],
        ["center", "8"],
        ["mars", "1"],
        ["mars", "8"],
    ]
    assert all(0 <= float(least) <= float(median) for _, _, least, median in lines)

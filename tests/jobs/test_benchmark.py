"""The benchmark's parts: the task, the cost of a tree of processes, and the tables."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pyarrow as pa
import pytest
import torch
from PIL import Image
from torch import nn
from typer import Exit

from deepcrop.manifest.store import Manifest
from deepcrop.planning.prices import Prices
from deepcrop.schema import IMAGES
from deepcrop.storage import Storage
from jobs import benchmark
from jobs.benchmarks import (
    capacity,
    contenders,
    footprint,
    gpu,
    ladder,
    method_times,
    nodes,
    scale,
    split_overhead,
)
from jobs.benchmarks.comparison import Margin, rows
from jobs.benchmarks.corpus import SHAPES, mosaic
from jobs.benchmarks.footprint import Footprint
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


def test_a_ladder_has_every_width_and_format(tmp_path):
    pytest.importorskip("pyvips")
    source = tmp_path / "photo.jpg"
    mosaic(0).resize((480, 360)).save(source)
    (tmp_path / "out").mkdir()
    ladder._vips(source, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 27 and names[0] == "photo-r16x9-1280.avif"
    with Image.open(tmp_path / "out" / "photo-r4x5-320.jpg") as made:
        assert made.size == (288, 360)
    assert ladder._encode(source) > 0
    figures = ladder.Figures(0.3, 0.1, 2**20)
    found = {"deepcrop": figures, "encoders": replace(figures, cpu=0.2)}
    assert next(iter(ladder.lines(found)))[:3] == ("deepcrop", "300", "1.50")


def test_windows_lie_inside_and_touch_two_edges():
    for ratio in RATIOS.values():
        left, top, wide, high = centre(3000, 2001, ratio)
        assert left >= 0 and top >= 0 and left + wide <= 3000 and top + high <= 2001
        assert wide == 3000 or high == 2001


def test_the_cost_of_orphans_counts():
    """A child that nobody waits for works for a second; this test's own children live on."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        work = "import time\nwhile time.process_time() < 1: pass"
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
    method_times.crop(["center", "mars"], repeats=2)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line[:2] for line in lines] == [
        ["center", "1"],
        ["center", "8"],
        ["mars", "1"],
        ["mars", "8"],
    ]
    assert all(0 <= float(least) <= float(median) for _, _, least, median, _ in lines)
    assert [float(line[4]) for line in lines[::2]] == [1, 1]
    assert all(float(line[4]) > 0 for line in lines)


def test_crop_methods_are_timed_in_batches(capsys):
    method_times.batch(["saliency", "mars"], size=[2], repeats=1)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(line[0], line[2]) for line in lines] == [("saliency", "2"), ("mars", "2")]
    for *_, maps, windows in lines:
        assert float(maps) > 0 < float(windows)


def test_methods_are_timed_with_all_ways_to_decode(capsys, tmp_path):
    record = tmp_path / "rates.json"
    method_times.gpu(
        ["saliency"], [2], seconds=0.01, limit=200, threads=1, sources=2, record=record
    )
    found = json.loads(record.read_text())
    feeds = ["memory", "CPU", *["GPU"] * torch.cuda.is_available()]
    assert [each["feed"] for each in found] == feeds
    assert all(each["images_per_second"] > 0 for each in found)
    assert "images/s" in capsys.readouterr().out


def test_what_has_no_time_left_is_named():
    device = torch.device("cpu")
    wanted = list(gpu.settings(["saliency", "cagic", "dnr"], (), device))
    assert [each.batch for each in wanted if each.method == "cagic"] == [16, 16]
    assert {each.method for each in wanted if each.feed == "CPU"} == {"saliency", "cagic", "dnr"}
    rates = list(gpu.measure(wanted, device, seconds=1, limit=0, threads=1, sources=1))
    assert [rate.setting for rate in rates] == wanted
    assert rates[0].line() == ["saliency", "16", "memory", "left out: no time"]


@pytest.mark.slow
def test_a_job_of_small_pictures_is_checked_and_measured():
    found = footprint.measure_job(5)
    assert found.images == 5
    assert 0 < found.listing < found.cost.seconds
    assert 50 * 2**20 < found.driver < found.worker < found.cost.memory


def test_a_manifest_that_lacks_pictures_is_an_error(tmp_path):
    rows = [{"source_id": number, "status": "ok", "variants": [{}]} for number in (1, 2, 2)]
    manifest = Manifest(str(tmp_path), Storage())
    manifest.append(pa.Table.from_pylist(rows, schema=IMAGES))
    with pytest.raises(ValueError, match="'rows': 3, 'sources': 2, 'ok': 3, 'variants': 3"):
        footprint.check(tmp_path, 3)


def test_scale_says_what_grows(monkeypatch):
    costs = {100: (20.0, 30.0, 500), 200: (21.0, 31.0, 500), 400: (23.0, 35.0, 1000)}

    def measure_job(count):
        seconds, cpu, worker = costs[count]
        return Footprint(count, Cost(seconds, cpu, 0), 250 * 2**20, worker * 2**20, count / 1000)

    monkeypatch.setattr(scale, "measure_job", measure_job)
    found = []
    lines = list(scale.lines(list(costs), found))
    assert lines[0] == ["100", "20", "250", "500", "0.1", "", ""]
    assert lines[2] == ["400", "23", "250", "1000", "0.4", "10.0", "20.0"]
    grown = {"driver's memory": 0.0, "largest worker's memory": 1.0}
    assert scale.growth(found) == {**grown, "CPU time of an image": pytest.approx(1.0)}
    with pytest.raises(Exit):
        benchmark._check_growth(grown, 0.1)
    benchmark._check_growth(scale.growth(found[:2]), 0.1)
    assert scale.growth(found[:1]) == {}


def test_more_nodes_are_measured_by_one():
    found = {1: [Margin(0.01, 0.02, 9, 0)], 4: [Margin(0.005, 0.02, 20, 0)]}
    assert nodes.rows(found) == [
        ["1", "100 (100 to 100)", "1.00", "20.0", "9"],
        ["4", "200 (200 to 200)", "2.00", "20.0", "20"],
    ]


@pytest.mark.slow
def test_a_cluster_of_two_nodes_does_the_job():
    [margin] = nodes.compare([2], (4, 40), 1)[2]
    assert margin.start > 0


PARTS = capacity.Parts(pixels=0.05, network=0.06, store=0.02, apart=0.01, operations=1e9)


def test_larger_machines_are_reckoned_from_the_parts():
    lines = {(line[0], line[1]): line[2:] for line in capacity.lines(PARTS, Prices.read())}
    # 16 CPUs of 0.07 s an image are 822,857 an hour, for 0.714 dollars.
    assert lines["1 c7i.4xlarge, 16 CPUs, 0 GPUs", "center"] == [
        "50 + 20 = 70",
        "822,857",
        "0.87",
        "CPUs: pixels",
    ]
    assert lines["1 c7i.4xlarge, 16 CPUs, 0 GPUs", "saliency"][0] == "50 + 60 + 20 = 130"
    assert lines["1 c7i.4xlarge, 16 CPUs, 0 GPUs", "saliency"][3] == "CPUs: network"
    # 16 / 0.08 = 200 images a second, of the 12,100 that the GPU is taken for.
    assert lines["1 g6.4xlarge, 16 CPUs, 1 GPUs", "saliency"] == [
        "50 + 10 + 20 = 80",
        "720,000",
        "1.84",
        "CPUs; GPUs 1.7% busy",
    ]


def test_a_slow_gpu_is_the_bottleneck():
    slow = replace(PARTS, operations=capacity.GPU_RATE)  # one image a second
    gpus = [line for line in capacity.lines(slow, Prices.read()) if line[-1] == "GPUs"]
    assert [line[3] for line in gpus] == ["3,600", "28,800"]


def test_the_overhead_of_split_actors_is_the_median_difference_without_the_warm_up(
    tmp_path, monkeypatch
):
    for number in range(3):
        Image.new("RGB", (90 + number, 60)).save(tmp_path / f"{number}.jpg")
    run = split_overhead._excess
    seconds = iter([9.0, 99.0, *(0.5, 0.8) * (split_overhead.TURNS - 1)])
    written = []

    def excess(*arguments):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        run(*arguments)
        written.append(len(list((tmp_path / "out").rglob("*.jpg"))))
        return next(seconds)

    monkeypatch.setattr(split_overhead, "_excess", excess)
    overhead = split_overhead.measure_overhead(tmp_path, tmp_path / "out")
    assert overhead == pytest.approx((0.8 - 0.5) / 3)
    assert written == [3 * len(RATIOS)] * 2 * split_overhead.TURNS  # both layouts write all


def test_operations_are_those_of_the_convolutions():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8))
    found = capacity.operations(network, lambda: network(torch.zeros(1, 3, 10, 10)))
    assert found == 2 * (100 * 8 * 27 + 64 * 8 * 9)

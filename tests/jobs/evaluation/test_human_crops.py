"""Crops against those of people, on tiny photos whose best crop is known."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from deepcrop.errors import RequestError
from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.saliency import SaliencyCrop
from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.evaluate import app
from jobs.evaluation import calibration
from jobs.evaluation.box_scores import (
    Mass,
    centre_score,
    pair_accuracy,
    pair_table,
    scorer_of,
    whole_pixels,
)
from jobs.evaluation.croppers import EvaluationPhoto, OurMethod, centre
from jobs.evaluation.human_crops import (
    PUBLISHED,
    closeness,
    closeness_table,
    displacement,
    iou,
    published_crops,
    shared_crops,
)
from jobs.training.fcdb import Edges, read_pairs

NAMES = ("a.jpg", "b.jpg", "c.jpg")


@pytest.fixture
def fcdb(tmp_path):
    """Photos of 100x50; people chose their left square and voted against the right one."""
    folder = tmp_path / "data" / "crops_fcdb"
    (folder / "images").mkdir(parents=True)
    crops, pairs = [], []
    for name in NAMES:
        Image.new("RGB", (100, 50), "grey").save(folder / "images" / name)
        box = {"x0": 0.0, "y0": 0.0, "x1": 50.0, "y1": 50.0}
        size = {"width": 100, "height": 50, "orig_width": 100, "orig_height": 50}
        crops.append({"image": name} | box | size)
        for right, votes in ((50.0, 5), (10.0, 3)):
            other = {"x0": right, "y0": 0.0, "x1": right + 50, "y1": 50.0}
            row = {"image": name, "a_votes": votes, "b_votes": 5 - votes}
            row |= {f"a_{key}": value for key, value in box.items()}
            pairs.append(row | {f"b_{key}": value for key, value in other.items()})
        tall = {"a_x0": 0.0, "a_y0": 0.0, "a_x1": 10.0, "a_y1": 20.0, "a_votes": 1}
        wide = {"b_x0": 25.0, "b_y0": 0.0, "b_x1": 75.0, "b_y1": 50.0, "b_votes": 4}
        pairs.append({"image": name} | tall | wide)
    pq.write_table(pa.Table.from_pylist(crops), folder / "crops.parquet")
    pq.write_table(pa.Table.from_pylist(pairs), folder / "pairs.parquet")
    return tmp_path


def test_closeness_is_that_of_the_boxes(fcdb):
    def left(photo, aspects):
        assert aspects == [AspectRatio(1, 1)]
        return [Box(0, 0, 50, 50)]

    found = closeness(shared_crops(fcdb), {"left": left, "centre": centre})
    assert found["left"].iou.tolist() == [1, 1, 1]
    assert found["left"].displacement.tolist() == [0, 0, 0]
    assert found["centre"].iou == pytest.approx([1 / 3] * 3)
    assert found["centre"].displacement == pytest.approx([0.125] * 3)
    text = rendered(closeness_table("t", found))
    assert all(name in text for name in (*PUBLISHED, "left", "centre"))
    assert text.index("centre") < text.index("left")


def test_edges_between_pixels_count():
    size = Size(10, 10)
    assert iou(Edges(0, 0, 4, 4), Edges(0.5, 0, 4, 4)) == pytest.approx(3.5 / 4)
    assert iou(Edges(0, 0, 4, 4), Edges(5, 5, 6, 6)) == 0
    assert displacement(Edges(0, 0, 4, 4), Edges(0.5, 0, 4, 3), size) == pytest.approx(0.0375)


def test_folds_divide_the_photos(fcdb):
    folds = [shared_crops(fcdb, fold) for fold in range(5)]
    assert sorted(crop.name for fold in folds for crop in fold) == list(NAMES)


def test_the_authors_layout_is_read_and_absent_photos_are_counted(fcdb, tmp_path):
    urls = [f"https://live.example/{name}" for name in (*NAMES, "gone.jpg")]
    entries = [{"url": url, "crop": [0, 0, 50, 50]} for url in urls]
    (tmp_path / "cropping_testing_set.json").write_text(json.dumps(entries))
    images = fcdb / "data/crops_fcdb/images"
    crops, absent = published_crops(tmp_path, images)
    assert absent == 1
    assert [crop.name for crop in crops] == list(NAMES)
    assert closeness(crops, {"centre": centre})["centre"].iou == pytest.approx([1 / 3] * 3)
    run = ["fcdb", "--shared", str(fcdb), "--method", "center", "--no-peers"]
    done = CliRunner().invoke(app, [*run, "--annotations", str(tmp_path), "--images", str(images)])
    assert "1 photos of 4 are absent" in done.output
    assert "0.333" in done.output


def test_scores_are_compared_with_votes(fcdb):
    def leftmost(photo):
        return lambda box: -box.x0

    scorers = {"leftmost": leftmost, "none": lambda photo: lambda box: 0, "centre": centre_score}
    found, one_size, every = pair_accuracy(read_pairs(fcdb), scorers, fcdb)
    assert (one_size, every) == (3, 6)
    assert (found["leftmost"].one_size, found["leftmost"].every) == (1, 0.5)
    assert (found["none"].one_size, found["none"].every) == (0.5, 0.5)
    assert found["centre"].every > found["centre"].one_size
    assert "one size (3 pairs)" in rendered(pair_table(found, one_size, every))


def test_the_factor_of_one_fold_is_tested_on_another(fcdb, monkeypatch):
    folds = {name: number % 2 for number, name in enumerate(NAMES)}
    monkeypatch.setattr(calibration, "fold_of", folds.__getitem__)

    def leftmost(photo):
        return lambda box: -box.x0 / photo.size.width

    found = calibration.calibrate(leftmost, fcdb, fit=0, test=1)
    assert (found.fitted, found.tested) == (4, 2)
    assert found.factor > 0 and found.brier < 0.25
    assert sum(each.pairs for each in found.bins) == 2 * found.tested
    text = rendered(calibration.calibration_table("leftmost", found))
    assert f"factor {found.factor:.2f} of {found.fitted} pairs" in " ".join(text.split())


def test_the_mass_of_a_map_counts_parts_of_cells():
    mass = Mass.of([[1, 3]], Size(20, 10))
    assert mass(Edges(0, 0, 20, 10)) == 1
    assert mass(Edges(5, 0, 10, 5)) == pytest.approx(0.0625)


def test_a_method_is_asked_for_its_objective_first():
    photo = EvaluationPhoto("a.jpg", torch.zeros(3, 5, 10, dtype=torch.uint8), Size(100, 50))
    method = OurMethod("center")
    with pytest.raises(RequestError, match="no scores"):
        scorer_of(method)(photo)

    class WithObjective:
        def objective(self, image, size):
            return lambda box: image.shape[-1] * box.x0 / size.width

    method._loaded[None] = WithObjective()
    assert scorer_of(method)(photo)(Edges(10, 0, 20, 10)) == 1


def test_saliency_scores_boxes_by_what_its_windows_maximise():
    torch.manual_seed(0)
    network = SaliencyNetwork(SaliencyOptions(pixels=64 * 64, width=8, priors=4))
    method = OurMethod("center")
    alone = SaliencyCrop.Options(subject=0, whole=0, faces=0, animals=0, text=0)
    method._loaded[None] = SaliencyCrop(network.eval(), alone)
    image = torch.randint(0, 255, (3, 50, 100), dtype=torch.uint8)
    photo = EvaluationPhoto("a.jpg", image, Size(200, 100))
    score = scorer_of(method)(photo)
    [saliency] = method._loaded[None].maps([image])
    mass = Mass.of(saliency.double().numpy(), photo.size)
    for box in (Edges(0, 0, 200, 100), Edges(20, 10, 80, 90)):
        assert score(box) == pytest.approx(mass(box), abs=1e-6)
    assert whole_pixels(Edges(-0.4, 0.6, 200.3, 0.7), photo.size) == Box(0, 1, 200, 2)


def test_the_weights_of_a_method_may_depend_on_the_fold(monkeypatch):
    asked = []

    def load(name, *, device, weights, **options):
        asked.append((name, weights, options))
        return len(asked)

    monkeypatch.setattr("deepcrop.methods.registry.load_crop", load)
    method = OurMethod("mars:threshold=0.3,weights=m{fold}.safetensors")
    for name in ("x/a.jpg", "b.jpg", "c.jpg", "a.jpg"):
        method.method(name)
    assert {each[0] for each in asked} == {"mars"}
    assert {each[1] for each in asked} <= {f"m{fold}.safetensors" for fold in range(5)}
    assert len(asked) == len({each[1] for each in asked}) > 1
    assert asked[0][2] == {"threshold": "0.3"}
    assert OurMethod("mars", "all.safetensors").method("a.jpg") == len(asked)
    assert asked[-1][1] == "all.safetensors"


def rendered(table):
    console = Console(record=True, width=110)
    console.print(table)
    return console.export_text()

"""Sheets of pairs for blind judging: sides and order are hidden, and the key gives them back."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from deepcrop.errors import RequestError
from deepcrop.schema import IMAGES
from jobs.evaluate import app
from jobs.evaluation.blind_items import (
    RATIOS,
    Answer,
    Item,
    items,
    manifest_source,
    mixed_photos,
    read_key,
    write_key,
)
from jobs.evaluation.blind_score import preferences, rates, read_judgements
from jobs.evaluation.blind_sheets import CELL, COLUMNS, CROP, LABEL, PHOTO, ROWS, draw_blind, sheets


@pytest.fixture
def photos(tmp_path):
    """Photos whose left half is red and whose right half is blue."""
    paths = []
    for number in range(8):
        picture = Image.new("RGB", (200, 100), "red")
        picture.paste((0, 0, 255), (100, 0, 200, 100))
        paths.append(tmp_path / f"photo_{number}.png")
        picture.save(paths[-1])
    return paths


def left(path):
    return [Answer((0, 0, 100, 100), 0.9) for _ in RATIOS]


def right(path):
    return [Answer((100, 0, 200, 100), 0.1) for _ in RATIOS]


def test_sides_and_order_are_random_and_known_to_the_key(photos, tmp_path):
    found = list(items(photos, left, right, seed=3))
    assert [item.number for item in found] == list(range(1, 25))
    assert found == list(items(photos, left, right, seed=3))
    assert {item.swapped for item in found} == {True, False}
    assert [item.photo for item in found] != sorted(item.photo for item in found)
    assert {(item.photo, item.ratio) for item in found} == {
        (str(path), str(ratio)) for path in photos for ratio in RATIOS
    }
    key = tmp_path / "key.json"
    write_key(key, ("a", "b"), found)
    assert read_key(key) == (("a", "b"), found)


def test_a_cell_shows_the_crops_on_their_sides(photos):
    for item in list(items(photos, left, right, seed=0))[:6]:
        cell = draw_blind(item)
        assert cell.size == CELL
        gap = (CELL[0] - 2 * CROP - PHOTO) // 4
        place = (PHOTO + 2 * gap + 40, LABEL + 40)
        red = cell.getpixel(place)[0] > 128
        assert red is not item.swapped


def test_sheets_hold_all_cells():
    cells = [Image.new("RGB", CELL)] * (COLUMNS * ROWS + 1)
    first, second = sheets(cells)
    assert first.size == (COLUMNS * CELL[0], ROWS * CELL[1])
    assert second.size == (COLUMNS * CELL[0], CELL[1])


def item(number, photo, swapped, scores=(0.5, 0.5)):
    box = (0, 0, 1, 1)
    return Item(number, photo, "1:1", swapped, Answer(box, scores[0]), Answer(box, scores[1]))


def judged(path, *rows):
    path.write_text("number,left,right\n" + "\n".join(rows))
    return path


def test_judgements_are_read_by_source(tmp_path):
    found = [
        item(1, "a", False, (0.1, 0.9)),
        item(2, "a", True, (0.3, 0.2)),
        item(3, "b", True, (0.2, 0.8)),
        item(4, "b", False),
    ]
    file = judged(tmp_path / "j.csv", "1,bad,fit", "2, fit,usable", "3,fit,bad")
    verdicts = read_judgements(file, found)
    assert verdicts == {1: ("bad", "fit"), 2: ("usable", "fit"), 3: ("bad", "fit")}
    first, second = (rates(found, verdicts, source, [1, 2]) for source in (0, 1))
    assert (first.judged, first.verdicts["bad"], first.verdicts["fit"]) == (3, 2, 0)
    assert first.worst == {1: 1, 2: 2}
    assert (first.everywhere, second.everywhere, second.photos) == (0, 2, 2)
    assert second.worst == {1: 0, 2: 0}
    assert preferences(verdicts) == (0, 0, 3)


@pytest.mark.parametrize("row", ["9,fit,fit", "1,good,fit", "x,fit,fit", "1,fit"])
def test_a_wrong_line_is_named(tmp_path, row):
    path = judged(tmp_path / "j.csv", "1,fit,fit", row)
    with pytest.raises(RequestError, match=r"j\.csv:3"):
        read_judgements(path, [item(1, "a", False)])


def job_output(folder, photos, x0):
    variants = [
        {"aspect": str(ratio), "x0": x0, "y0": 0, "x1": x0 + 50, "y1": 100, "score": 0.5}
        for ratio in RATIOS
    ]
    rows = [
        {"source_uri": path.as_uri(), "status": "ok", "variants": variants} for path in photos[:-1]
    ]
    rows.append({"source_uri": str(photos[-1]), "status": "failed"})
    parts = folder / "manifest" / "images"
    parts.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, IMAGES), parts / "part-00000.parquet")
    return folder


def test_crops_come_from_manifests(photos, tmp_path):
    source, seen = manifest_source(job_output(tmp_path / "out", photos, 10))
    assert seen == photos[:-1]
    assert source(photos[0]) == [Answer((10, 0, 60, 100), 0.5)] * 3
    with pytest.raises(RequestError, match="no manifest"):
        manifest_source(tmp_path)


def test_the_commands_write_sheets_and_read_judgements(photos, tmp_path):
    outputs = [job_output(tmp_path / name, photos, x0) for name, x0 in (("old", 0), ("new", 90))]
    target = tmp_path / "sheets"
    run = CliRunner().invoke
    pairs = [part for output in outputs for part in ("--output", str(output))]
    done = run(app, ["blind", str(target), *pairs, "--photos", "3"])
    assert done.exit_code == 0, done.output
    assert [path.name for path in sorted(target.glob("*.png"))] == [
        "pairs_001.png",
        "pairs_002.png",
    ]
    numbers = [each["number"] for each in json.loads((target / "key.json").read_text())["items"]]
    with (target / "judgements.csv").open("a", newline="") as file:
        csv.writer(file).writerows([number, "fit", "usable"] for number in numbers)
    done = run(app, ["blind-score", str(target / "key.json"), str(target / "judgements.csv")])
    assert done.exit_code == 0, done.output
    assert "9 pairs" in done.output
    done = run(app, ["blind", str(target), *pairs])
    assert (target / "judgements.csv").read_text().count("\n") == 10  # they are kept
    done = run(app, ["before-after", str(tmp_path / "changes"), *pairs])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "changes" / "changes_001.png").exists()
    assert run(app, ["blind", str(target), "--method", "center"]).exit_code != 0


def test_photos_are_taken_from_the_sets_in_turn(tmp_path):
    for folder in ("captions_flickr8k", "crops_fcdb", "objects_coco128"):
        images = tmp_path / "data" / folder / "images"
        images.mkdir(parents=True)
        for number in range(30):
            (images / f"{folder}_{number}.jpg").touch()
    objects = {
        f"objects_coco128_{number}.jpg": {"objects": [{"category": category}]}
        for number, category in enumerate(("dog", "bowl", "person"))
    }
    (tmp_path / "data/objects_coco128/objects.json").write_text(json.dumps(objects))
    found = [path.name for path in mixed_photos(tmp_path, 6, seed=0)]
    assert [name.rpartition("_")[0] for name in found] == [
        "captions_flickr8k",
        "objects_coco128",
        "crops_fcdb",
    ] * 2
    assert "objects_coco128_1.jpg" not in found
    assert found != [path.name for path in mixed_photos(tmp_path, 6, seed=1)]

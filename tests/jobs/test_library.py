"""The life of a small library: after every round the output equals one that starts afresh."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from deepcrop.job import Job
from deepcrop.manifest.store import Manifest
from deepcrop.storage import Storage
from jobs.faults.library import engine
from jobs.faults.library.life import HEAD, UNEQUAL, Life
from jobs.faults.library.method import install, uninstall


@pytest.fixture
def method(tmp_path: Path):
    """The method that a library's life is played with."""
    install(tmp_path / "site")
    yield
    uninstall(tmp_path / "site")


@pytest.mark.usefixtures("method")
@pytest.mark.parametrize("seed", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_after_every_round_the_output_equals_a_fresh_one_and_no_more_was_done_than_needed(
    tmp_path, seed
):
    life = Life(tmp_path, 30, seed)
    kills = 0
    for number in range(7):
        played = life.round(number)
        assert not played.problems, (number, played.events, played.problems)
        kills += played.kills
    assert kills


@pytest.mark.usefixtures("method")
def test_a_difference_is_found(tmp_path, monkeypatch):
    """Who forgets that a photo has changed, or does everything again, is caught."""
    life = Life(tmp_path, 12, 1)
    monkeypatch.setattr(life.rng, "random", lambda: 1.0)  # nothing is killed
    assert not life.round(0).problems
    monkeypatch.setattr(
        life.world, "change", lambda: life.world._edit(sorted(life.world.photos)[0])
    )
    with monkeypatch.context() as patch:
        patch.setattr("deepcrop.manifest.comparison._agree", lambda listed, _: listed.is_valid())
        assert life.round(1).problems
    with monkeypatch.context() as patch:
        patch.setattr("deepcrop.stages.planner.Planner.compare", lambda *_: None)
        patch.setattr(engine, "BATCH", 4)
        life.world.quality = 30
        assert any("would do" in each for each in life.round(2).problems)


@pytest.mark.slow
@pytest.mark.usefixtures("method")
def test_a_library_in_a_bucket(tmp_path, best_s3):
    life = Life(tmp_path, 30, 5, root=best_s3.uri)
    for number in range(6):
        played = life.round(number)
        assert not played.problems, (number, played.events, played.problems)


def made(folder: Path, name: str, photo: Image.Image, corrections: str = "", **fields: object):
    """Bring an output of one photo up to date; return its row without times, and its files."""
    (folder / "in").mkdir(exist_ok=True)
    source = folder / "in" / ("a.png" if photo.mode == "RGBA" else "a.jpg")
    if not source.exists():
        photo.save(source)
    told = None
    if corrections:
        told = folder / "told.csv"
        told.write_text(f"{HEAD}\n{source},{corrections}\n")
    output = folder / name
    job = Job.parse(
        {"input": str(folder / "in"), "output": str(output), "method": "center", **fields}
    )
    engine.run(job, told and str(told))
    manifest = Manifest(str(output), Storage())
    manifest.load_parts()
    [row] = manifest.table().to_pylist()
    paths = (output / "variants").rglob("*.jpg")
    files = {str(path.relative_to(output)): path.read_bytes() for path in paths}
    return {key: value for key, value in row.items() if key not in {*UNEQUAL, "variants"}}, files


def test_remarks_on_a_variant_that_a_person_rejects_go_with_it(tmp_path):
    photo = Image.new("RGB", (60, 40))
    asked = {"aspects": ["1:1"], "sizes": ["400x300"]}
    first, _ = made(tmp_path, "out", photo, **asked)
    assert "smaller-than-asked" in first["flags"]
    rejected = "rejected,400x300px,,,,"
    row, _ = made(tmp_path, "out", photo, rejected, **asked)
    assert row == made(tmp_path, "fresh", photo, rejected, **asked)[0]
    assert row["flags"] == ["rejected"]


def test_variants_of_one_source_are_rendered_at_their_own_scale_in_any_order(tmp_path):
    """The larger one is asked for first, and both boxes are known: no decode is shared."""
    photo = Image.effect_noise((2600, 1950), 90).convert("RGB")
    asked = {"sizes": ["2000x1400", "60x60"], "max_size": 64}
    made(tmp_path, "out", photo, quality=90, **asked)
    _, files = made(tmp_path, "out", photo, quality=70, **asked)
    assert files == made(tmp_path, "fresh", photo, quality=70, **asked)[1]


def test_a_variant_that_stands_keeps_its_remarks(tmp_path):
    """A correction that leaves the box as it is has no variant made again."""
    photo = Image.effect_noise((300, 200), 80).convert("RGBA")
    photo.putalpha(128)
    asked = {"aspects": ["1:1"], "sizes": ["400x300"]}
    made(tmp_path, "out", photo, **asked)
    row, files = made(tmp_path, "out", photo, "focal,,0.5,0.5,,", **asked)
    assert (row, files) == made(tmp_path, "fresh", photo, "focal,,0.5,0.5,,", **asked)
    assert row["flags"] == ["smaller-than-asked", "corrected", "alpha-flattened"]


def test_a_box_in_a_safe_area_is_none_of_the_ratio_alone(tmp_path):
    photo = Image.effect_noise((300, 200), 80)
    padded = {"card": {"aspect": "1:1", "widths": [50], "fit": "pad"}}
    cropped = {"card": {"aspect": "1:1", "widths": [50]}}
    made(tmp_path, "out", photo, outputs=padded, safe={"1:1": [0, 0, 0.5, 1]})
    _, files = made(tmp_path, "out", photo, outputs=cropped)
    assert files == made(tmp_path, "fresh", photo, outputs=cropped)[1]


def test_remarks_on_what_rules_left_out_go_with_the_preset(tmp_path):
    photo = Image.effect_noise((300, 200), 80)
    skipped = {"card": {"aspect": "1:1", "widths": [50], "formats": ["webp"], "fit": "skip"}}
    asked = {"card": {"aspect": "1:1", "widths": [50], "formats": ["png"]}}
    first, _ = made(tmp_path, "out", photo, outputs=skipped)
    assert first["flags"] == ["left-out"]
    row, _ = made(tmp_path, "out", photo, outputs=asked)
    assert row["flags"] == [] and row["note"] is None


def test_a_correction_outside_the_photo_is_told_by_an_update_too(tmp_path):
    photo = Image.effect_noise((300, 200), 80)
    asked = {"aspects": ["1:1"], "sizes": []}
    made(tmp_path, "out", photo, **asked)
    outside = "keep,,5000,5000,6000,6000"
    row, files = made(tmp_path, "out", photo, outside, **asked)
    assert row["note"] == "correction outside the photo: ignored"
    assert (row, files) == made(tmp_path, "fresh", photo, outside, **asked)
    row, _ = made(tmp_path, "out", photo, "good,,,,,", **asked)
    assert row["note"] is None


def test_a_remark_on_a_whole_photo_names_no_crop_box(tmp_path):
    photo = Image.effect_noise((300, 200), 80)
    padded = {"card": {"size": "600x315", "fit": "pad"}}
    row, _ = made(tmp_path, "out", photo, outputs=padded)
    assert "not 600x315: the whole photo gives 381x200" in row["note"]

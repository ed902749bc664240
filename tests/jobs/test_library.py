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
    if not (folder / "in/a.jpg").exists():
        photo.save(folder / "in/a.jpg")
    told = None
    if corrections:
        told = folder / "told.csv"
        told.write_text(f"{HEAD}\n{folder}/in/a.jpg,{corrections}\n")
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

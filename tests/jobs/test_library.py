"""The life of a small library: after every round the output equals one that starts afresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.faults.library import engine
from jobs.faults.library.life import Life
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

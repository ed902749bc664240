"""The progress of a running job."""

import time

import pytest

from deepcrop import terminal
from deepcrop.terminal import JobProgress, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (2.049, "2 s"),
        (42, "42 s"),
        (99, "99 s"),
        (150, "2.5 min"),
        (3600, "60 min"),
        (7200, "2 h"),
        (86400, "24 h"),
        (10 * 86400, "10 days"),
    ],
)
def test_times_have_two_digits_and_a_unit(seconds, text):
    assert duration(seconds) == text


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_without_a_terminal_lines_are_printed_even_if_nothing_completes(capsys, monkeypatch):
    monkeypatch.setattr(terminal, "LINE_INTERVAL_S", 0.05)
    progress = JobProgress()
    progress.start(200, 0, 0)
    progress.began -= 10
    progress.advance(100, 3)
    time.sleep(0.3)
    progress.stop()
    printed = lines(capsys)
    assert printed[0] == "0 of 200 images, 0.0/s, 0 failed"
    assert printed[1].startswith("100 of 200 images, ")
    assert printed[1].endswith("/s, 3 failed, 10 s left")
    time.sleep(0.15)
    assert lines(capsys) == []


def test_a_brief_progress_prints_nothing_for_a_job_of_seconds(capsys):
    progress = JobProgress("photos", brief=True)
    progress.start(3, 0, 0)
    progress.advance(3, 0)
    progress.stop()
    assert lines(capsys) == []

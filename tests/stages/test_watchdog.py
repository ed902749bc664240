"""Time limits: what counts as time, and what ends a process that can't look at it."""

import subprocess
import sys
import time

import pytest

from deepcrop.errors import TimedOut
from deepcrop.job import Job
from deepcrop.stages import stopwatch
from deepcrop.stages.limits import limit_of, timed_out
from deepcrop.stages.stopwatch import Stopwatch


def test_time_without_a_cpu_does_not_count(monkeypatch):
    waited = iter([{"1": 5.0, "2": 0.0}, {"1": 5.0, "2": 0.2, "3": 0.1}])
    monkeypatch.setattr(stopwatch, "waits", lambda _: next(waited))
    watch = Stopwatch()
    time.sleep(0.3)
    assert watch.seconds() == pytest.approx(watch.clock() - 0.2, abs=0.01)


def test_sleep_counts_in_full():
    watch = Stopwatch()
    time.sleep(0.3)
    assert 0.2 < watch.seconds() <= watch.clock()


def test_two_that_share_a_cpu_count_what_each_of_them_had():
    """On one CPU, two busy processes need twice the clock's time for the same work."""
    code = (
        "import os, time; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from deepcrop.stages.stopwatch import Stopwatch\n"
        "other = os.fork(); watch = Stopwatch()\n"
        "while watch.clock() < 2: pass\n"
        "if other: os.wait(); print(watch.clock(), watch.seconds())\n"
    )
    if not hasattr(stopwatch.os, "sched_setaffinity") or not stopwatch.waits("self"):
        pytest.skip("this system doesn't say how long a thread waits for a CPU")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    clock, seconds = map(float, done.stdout.split())
    assert seconds < 0.75 * clock


def test_native_code_that_keeps_the_lock_for_ever_ends_its_process():
    code = (
        "import ctypes; from deepcrop.stages import watchdog\n"
        "watchdog.LOCK_HELD_MAX_S = 1.0\n"
        "with watchdog.time_limit(0.9): __import__('time').sleep(0.5); ctypes.PyDLL(None).pause()"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == ""


VALUES = {"input": "in", "output": "out", "method": "center", "aspects": ["1:1", "2:1", "3:1"]}


def test_the_method_has_its_limit_for_each_ratio():
    job = Job.parse(VALUES)
    assert [limit_of(job, stage) for stage in ("decode", "infer", "render")] == [60, 180, 60]
    assert limit_of(Job.parse(VALUES | {"time_limit": 5}), "infer") == 15
    slow = Job.parse(VALUES | {"method": "dnr-paper"})
    assert limit_of(slow, "infer") == 3 * 600 and limit_of(slow, "decode") == 60


def test_what_took_too_long_says_where_and_which_option_allows_more():
    error = timed_out(Job.parse(VALUES | {"time_limit": 5}), "infer")
    assert isinstance(error, TimedOut) and error.stage == "infer"
    assert str(error) == (
        "infer took longer than 15 s (5 s for each of 3 variants); --time-limit SECONDS allows more"
    )
    assert timed_out(Job.parse(VALUES), "decode").stage == "decode"

"""Hostile images: each ends decoded or as a DecodeError, none crashes, hangs, warns or leaks."""

import os
import signal
import time

from deepcrop.image import decode
from jobs.faults.fuzz import watcher
from jobs.faults.fuzz.mutations import mutation
from jobs.faults.fuzz.seeds import seeds

SAMPLE = 1200


def test_the_seeds_are_valid():
    for name, data in seeds().items():
        picture = decode(data)
        assert picture.format == name.split("-")[0]


def test_mutations_are_reproducible():
    files = seeds()
    assert mutation(files, 3, 5) == mutation(files, 3, 5)
    assert mutation(files, 3, 5)[1] != mutation(files, 4, 5)[1]


def test_a_fixed_sample_of_mutations():
    found = watcher.run(SAMPLE, seed=11, limit_s=60)
    assert found.crashes == []
    assert found.hangs == []
    assert found.escaped == []
    assert sum(found.outcomes.values()) == SAMPLE
    assert found.growth < 64 * 2**20
    for format in ("jpeg", "png", "webp", "avif", "tiff", "gif", "bmp"):  # the mutations bite
        assert found.outcomes[format, "ok"] > 0
        assert found.outcomes[format, "Corrupt"] > 0


def hostile(pipe, seed, start, count):
    """Stand in for the decoding child: die at 2, hang at 4, raise at 5."""
    for index in range(start, count):
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if index == 4:
            time.sleep(60)
        pipe.send(("escaped: KeyError" if index == 5 else "ok", 0.001, 1000))


def test_the_watcher_attributes_crashes_hangs_and_escapes(monkeypatch):
    monkeypatch.setattr(watcher, "_decode_mutations", hostile)
    found = watcher.run(7, limit_s=3.0)
    names = sorted(seeds())
    assert found.crashes == [(names[2], 2, -signal.SIGKILL)]
    assert found.hangs == [(names[4], 4)]
    assert found.escaped == [(names[5], 5, "escaped: KeyError")]
    assert sum(found.outcomes.values()) == 5

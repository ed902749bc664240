"""Decode mutations in a child process and watch it: crashes, hangs and leaks have a culprit."""

import multiprocessing
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field

import psutil

from deepcrop.errors import DecodeError
from deepcrop.geometry import Box, Size
from deepcrop.image import decode, probe, render
from tests.fuzz.mutate import mutation, seeds

MAX_PIXELS = 2**24
_START_S = 60.0  # more for a child's first mutation: it imports
_WARM = 500  # mutations of a child after which its memory is expected not to grow


@dataclass
class Findings:
    """What a run found.

    Attributes:
        outcomes: how often each format ended how: (format, "ok" or class of the error).
        escaped: errors that are not a DecodeError, or a result that contradicts itself.
        crashes: (name, index, exit code) of what killed the process.
        hangs: (name, index) of what took longer than the limit.
        slowest: seconds and index of the slowest mutation.
        growth: bytes by which the process grew after its warm-up, the most of any child.
    """

    outcomes: Counter = field(default_factory=Counter)
    escaped: list = field(default_factory=list)
    crashes: list = field(default_factory=list)
    hangs: list = field(default_factory=list)
    slowest: tuple = (0.0, -1)
    growth: int = 0


def run(count, seed=0, limit_s=10.0, progress=lambda done: None):
    """Decode ``count`` mutations, one after another, in a child that is replaced when it dies."""
    names, findings, index = sorted(seeds()), Findings(), 0
    context = multiprocessing.get_context("spawn")
    while index < count:
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_work, args=(theirs, seed, index, count), daemon=True)
        child.start()
        theirs.close()
        first, floor, begun = index, None, time.monotonic() + _START_S
        while index < count:
            if not ours.poll(max(0.0, begun + limit_s - time.monotonic())):
                findings.hangs.append((names[index % len(names)], index))
                child.kill()
                break
            try:
                outcome, seconds, resident = ours.recv()
            except EOFError:
                child.join()
                findings.crashes.append((names[index % len(names)], index, child.exitcode))
                break
            begun = time.monotonic()
            name = names[index % len(names)]
            findings.slowest = max(findings.slowest, (seconds, index))
            findings.outcomes[name.split("-")[0], outcome.split(":")[0]] += 1
            if ":" in outcome:
                findings.escaped.append((name, index, outcome))
            if index - first >= _WARM:
                floor = resident if floor is None else floor
                findings.growth = max(findings.growth, resident - floor)
            index += 1
            progress(index)
        else:
            child.join()
            break
        child.join()
        index += 1
    return findings


def _work(pipe, seed, start, count):
    files, me = seeds(), psutil.Process()
    outcome_of(files["png-rgb"], 0)  # imports what the first picture needs
    for index in range(start, count):
        _, data = mutation(files, seed, index)
        begin = time.perf_counter()
        outcome = outcome_of(data, index)
        pipe.send((outcome, time.perf_counter() - begin, me.memory_info().rss))


def outcome_of(data, index):
    """Return "ok", the DecodeError's class, or "escaped: what should not have happened"."""
    at_least = (None, Size(20, 20), Size(5, 5))[index % 3]
    colour = ("srgb", "keep", "strip")[index % 5 % 3]
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        outcome = _decoded(data, at_least, colour)
    return f"escaped: {leaked[0].message!r}" if leaked else outcome


def _decoded(data, at_least, colour):
    try:
        picture = decode(data, at_least=at_least, colour=colour, max_pixels=MAX_PIXELS)
        source = picture.source_size
        if probe(data).size != source:
            return "escaped: probe and decode disagree about the size"
        box = Box(source.width // 3, source.height // 3, source.width, source.height)
        if render(picture, box, Size(9, 7)).shape[:2] != (7, 9):
            return "escaped: wrong size"
    except DecodeError as error:
        return type(error).__name__
    except Exception as error:
        return f"escaped: {type(error).__name__}: {error}"
    return "ok"

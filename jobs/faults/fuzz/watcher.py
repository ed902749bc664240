"""Decode mutations in a child process, so that a crash, a hang or a leak has a known cause."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Literal

import psutil

from deepcrop.errors import DecodeError
from deepcrop.geometry import Box, Size
from deepcrop.image import decode, probe, render

from .mutations import mutation
from .seeds import seeds

MAX_PIXELS = 2**24
"""Limit of the decoder, in pixels."""
START_TIMEOUT_S = 60.0
"""Seconds that a child's first mutation may take in addition, since it imports."""
WARM_UP_MUTATIONS = 500
"""Number of mutations after which a child's memory is expected not to grow."""

ColourHandling = Literal["srgb", "keep", "strip"]
COLOURS: tuple[ColourHandling, ...] = ("srgb", "keep", "strip")


@dataclass
class Findings:
    """The results of a run.

    Attributes:
        outcomes: number of mutations by format and outcome: "ok" or the class of the error.
        escaped: seed, number and message of errors that are not a DecodeError, of warnings, and of
            results that contradict themselves.
        crashes: seed, number and exit code of mutations that killed the process.
        hangs: seed and number of mutations that took longer than the limit.
        slowest: seconds and number of the slowest mutation.
        growth: bytes by which the process grew after its warm-up, the most of any child.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    escaped: list[tuple[str, int, str]] = field(default_factory=list)
    crashes: list[tuple[str, int, int | None]] = field(default_factory=list)
    hangs: list[tuple[str, int]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    growth: int = 0


def run(
    count: int,
    seed: int = 0,
    limit_s: float = 10.0,
    progress: Callable[[int], None] = lambda done: None,
) -> Findings:
    """Decode mutations one after another, in a child that is replaced when it dies.

    Args:
        count: number of mutations.
        seed: seed of the mutations.
        limit_s: seconds after which a decode is a hang.
        progress: called with the number of mutations done.
    """
    names, findings, index = sorted(seeds()), Findings(), 0
    context = multiprocessing.get_context("spawn")
    while index < count:
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(
            target=_decode_mutations, args=(sender, seed, index, count), daemon=True
        )
        child.start()
        sender.close()
        first, floor, begun = index, None, time.monotonic() + START_TIMEOUT_S
        while index < count:
            if not receiver.poll(max(0.0, begun + limit_s - time.monotonic())):
                findings.hangs.append((names[index % len(names)], index))
                child.kill()
                break
            try:
                outcome, seconds, resident = receiver.recv()
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
            if index - first >= WARM_UP_MUTATIONS:
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


def _decode_mutations(pipe: Connection, seed: int, start: int, count: int) -> None:
    """Send the outcome, the seconds and the resident bytes after each mutation."""
    files, process = seeds(), psutil.Process()
    outcome_of(files["png-rgb"], 0)  # imports what the first image needs
    for index in range(start, count):
        _, data = mutation(files, seed, index)
        begin = time.perf_counter()
        outcome = outcome_of(data, index)
        pipe.send((outcome, time.perf_counter() - begin, process.memory_info().rss))


def outcome_of(data: bytes, index: int) -> str:
    """Return "ok", the class of the DecodeError, or "escaped: " and what is wrong."""
    at_least = (None, Size(20, 20), Size(5, 5))[index % 3]
    colour = COLOURS[index % 5 % 3]
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        outcome = _decode(data, at_least, colour)
    return f"escaped: {leaked[0].message!r}" if leaked else outcome


def _decode(data: bytes, at_least: Size | None, colour: ColourHandling) -> str:
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

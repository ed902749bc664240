"""Read files in a child process, so that a crash or a hang of any reader costs one file."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, NamedTuple

from deepcrop.errors import DecodeError
from deepcrop.image import decode, probe

from .comparison import Difference, difference
from .independent import readers_of
from .reader import Absent, Pixels, Reader

START_TIMEOUT_S = 60.0
"""Seconds that a child's first answer may take in addition, since it imports."""

Kind = Literal["same", "differs", "unchecked", "refused", "refused by all", "crash", "hang"]
"""What was found out about a file: deepcrop's reading is another reader's; is none of theirs; no
other reader reads the file; deepcrop alone refuses it; no reader reads it; the process ended."""


class Answer(NamedTuple):
    """What a child says of one reader of a file.

    Attributes:
        reader: the reader's name; ``deepcrop`` for deepcrop's own.
        error: class and message of its refusal; empty if it read the file.
        difference: how far it is from deepcrop's reading; None if one of them refused.
        near: whether that is near enough.
        note: deepcrop's orientation, mode and notes.
    """

    reader: str
    error: str = ""
    difference: Difference | None = None
    near: bool = False
    note: str = ""


@dataclass
class Outcome:
    """What was found out about a file.

    Attributes:
        path: the file.
        kind: the verdict.
        answers: what each reader said, deepcrop's first.
    """

    path: Path
    kind: Kind = "unchecked"
    answers: list[Answer] = field(default_factory=list)

    @property
    def error(self) -> str:
        """Class and message of deepcrop's refusal; empty if it read the file."""
        return self.answers[0].error if self.answers else ""

    def judge(self) -> None:
        """Set the verdict from the answers."""
        others = self.answers[1:]
        if self.error:
            read = any(not each.error for each in others)
            self.kind = "refused" if read else "refused by all"
        elif any(each.near for each in others):
            self.kind = "same"
        elif any(each.difference for each in others):
            self.kind = "differs"


def outcomes(paths: Iterable[Path], limit_s: float, largest: int) -> Iterator[Outcome]:
    """Yield what was found out about each file.

    Args:
        paths: the files.
        limit_s: seconds that one reader may take for a file.
        largest: pixels of the largest file that is decoded; of larger ones nothing is said.
    """
    waiting = list(paths)
    context = multiprocessing.get_context("spawn")
    while waiting:
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_read_all, args=(sender, waiting, largest), daemon=True)
        child.start()
        sender.close()
        outcome, patience = Outcome(waiting[0]), START_TIMEOUT_S
        while waiting:
            answer = _next(receiver, limit_s + patience)
            patience = 0.0
            if isinstance(answer, Answer):
                outcome.answers.append(answer)
                continue
            outcome.judge()
            if answer != "done" and not (outcome.answers and outcome.kind == "same"):
                outcome.kind = answer
            yield outcome
            waiting.pop(0)
            if answer != "done":
                break
            if waiting:
                outcome = Outcome(waiting[0])
        child.kill()
        child.join()


def _next(receiver: Connection, limit_s: float) -> Answer | Literal["done", "crash", "hang"]:
    if not receiver.poll(limit_s):
        return "hang"
    try:
        answer: Answer | None = receiver.recv()
    except EOFError:
        return "crash"
    return "done" if answer is None else answer


def _read_all(pipe: Connection, paths: list[Path], largest: int) -> None:
    """Send the answers about each file, and None after its last."""
    warnings.simplefilter("ignore")
    for path in paths:
        pixels, own = _deepcrop(path, largest)
        pipe.send(own)
        for reader in readers_of(path) if own.error != _TOO_LARGE else ():
            if pixels is None and reader.name == "chromium":
                continue  # it shows what it can of broken files
            answer = _other(reader, path, pixels)
            if answer is not None:
                pipe.send(answer)
                if answer.near:
                    break
        pipe.send(None)


_TOO_LARGE = "not decoded: larger than asked for"


def _deepcrop(path: Path, largest: int) -> tuple[Pixels | None, Answer]:
    data = path.read_bytes()
    try:
        header = probe(data, max_pixels=2**34)
        if header.size.width * header.size.height > largest:
            return None, Answer("deepcrop", _TOO_LARGE)
        picture = decode(data)
    except DecodeError as error:
        return None, Answer("deepcrop", f"{type(error).__name__}: {error}")
    except Exception as error:  # never expected: that is what the table is for
        return None, Answer("deepcrop", f"escaped: {type(error).__name__}: {error}")
    notes = "; ".join(note.text for note in picture.notes)
    note = f"{header.format} {header.mode} {header.size} orientation {header.orientation}"
    if (picture.source_size.width, picture.source_size.height) != picture.pixels.shape[1::-1]:
        return None, Answer("deepcrop", "escaped: two sizes")
    return picture.pixels, Answer("deepcrop", note=f"{note} {notes}".strip())


def _other(reader: Reader, path: Path, pixels: Pixels | None) -> Answer | None:
    try:
        theirs = reader.read(path)
        if pixels is None:
            return Answer(reader.name)
        found = difference(pixels, theirs)
    except Absent:
        return None
    except Exception as error:  # refusals of other projects' readers are of any kind
        message = str(error).strip().partition("\n")[0][:120]
        return Answer(reader.name, f"{type(error).__name__}: {message}")
    return Answer(reader.name, "", found, found.near(reader.closeness))

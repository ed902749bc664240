"""Reproducible mutations of image files."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Literal

import numpy as np

Files = Mapping[str, bytes]
Random = np.random.Generator

BOUNDARY_VALUES = (
    *(0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF),
)
"""Numbers at which readers overflow or compare wrongly."""
HEADER_BYTES = 600
"""Length of the beginning of a file that gets half of all changes, in bytes."""


def mutation(files: Files, seed: int, index: int) -> tuple[str, bytes]:
    """Return a mutation and the name of its seed; the same arguments give the same bytes.

    Args:
        files: the seeds by name.
        seed: the run's seed.
        index: number of the mutation, from 0.
    """
    random = np.random.default_rng([seed, index])
    names = sorted(files)
    name = names[index % len(names)]
    data = bytearray(files[name])
    for _ in range(int(random.integers(1, 4))):
        change = _CHANGES[random.integers(len(_CHANGES))]
        data = bytearray(change(data, random, files)) or data
    if name.startswith("png") and random.random() < 0.7:
        data = _with_valid_checksums(data)
    return name, bytes(data)


def _position(data: bytearray, random: Random) -> int:
    """Return a random position; half of all are among the first bytes, where the headers are."""
    end = min(len(data), HEADER_BYTES) if random.random() < 0.5 else len(data)
    return int(random.integers(max(1, end)))


def _flip_bits(data: bytearray, random: Random, files: Files) -> bytearray:
    for _ in range(int(random.integers(1, 17))):
        data[_position(data, random)] ^= 1 << int(random.integers(8))
    return data


def _set_bytes(data: bytearray, random: Random, files: Files) -> bytearray:
    at = _position(data, random)
    patch = random.bytes(int(random.integers(1, 33)))
    return data[:at] + patch + data[at + len(patch) :]


def _edit_number(data: bytearray, random: Random, files: Files) -> bytearray:
    """Overwrite bytes that may be a length, a count, an offset or a size."""
    at, width = _position(data, random), int(random.choice([1, 2, 4]))
    value = BOUNDARY_VALUES[random.integers(len(BOUNDARY_VALUES))]
    if random.random() < 0.3:
        value = int.from_bytes(data[at : at + width], "big") + int(random.integers(-9, 10))
    order: Literal["big", "little"] = "big" if random.random() < 0.5 else "little"
    patch = (value % (1 << 8 * width)).to_bytes(width, order)
    return data[:at] + patch + data[at + width :]


def _truncate(data: bytearray, random: Random, files: Files) -> bytearray:
    return data[: int(random.integers(1, len(data) + 1))]


def _span(data: bytearray, random: Random) -> tuple[int, int]:
    at = _position(data, random)
    return at, at + int(
        random.integers(1, 1 + min(len(data) - at, int(random.choice([8, 64, 4096]))))
    )


def _delete(data: bytearray, random: Random, files: Files) -> bytearray:
    start, end = _span(data, random)
    return data[:start] + data[end:]


def _duplicate(data: bytearray, random: Random, files: Files) -> bytearray:
    start, end = _span(data, random)
    return data[:end] + data[start:end] * int(random.integers(1, 9)) + data[end:]


def _move(data: bytearray, random: Random, files: Files) -> bytearray:
    start, end = _span(data, random)
    rest = data[:start] + data[end:]
    at = _position(rest, random)
    return rest[:at] + data[start:end] + rest[at:]


def _splice(data: bytearray, random: Random, files: Files) -> bytearray:
    """Join the head of this file and the tail of another."""
    names = sorted(files)
    other = files[names[random.integers(len(names))]]
    return data[: _position(data, random)] + other[int(random.integers(len(other))) :]


def _append(data: bytearray, random: Random, files: Files) -> bytearray:
    return data + random.bytes(int(random.integers(1, 2000)))


_CHANGES = (
    *(_flip_bits, _set_bytes, _edit_number, _edit_number),
    *(_truncate, _delete, _duplicate, _move, _splice, _append),
)


def _with_valid_checksums(data: bytearray) -> bytearray:
    """Correct the CRC of each PNG chunk: a reader would stop at the first wrong one."""
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return data

"""JPEG files that available encoders can't write: arithmetic coding, only headers (ITU-T T.81)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

_STATES = {
    0: (0x5A1D, 1, 1, 1),
    1: (0x2586, 14, 2, 0),
    2: (0x1114, 16, 3, 0),
    3: (0x080B, 18, 4, 0),
    14: (0x5A7F, 15, 15, 1),
    15: (0x3F25, 36, 16, 0),
    16: (0x2CF2, 38, 17, 0),
    17: (0x207C, 39, 18, 0),
}
"""States of table D.3: the probability estimate Qe, the states after the less and the more probable
symbol, and whether the two symbols are swapped."""

Component = tuple[int, int, int]
"""A component: identifier, horizontal and vertical sampling factor."""


class Coder:
    """The arithmetic encoder of annex D, for few decisions: it knows eight of the 113 states."""

    def __init__(self) -> None:
        """Begin with an empty output and all contexts in state 0."""
        self.a, self.c, self.left = 0x10000, 0, 11
        self.out, self.stacked = bytearray(), 0
        self.contexts: defaultdict[Hashable, tuple[int, int]] = defaultdict(lambda: (0, 0))

    def code(self, context: Hashable, decision: int) -> None:
        """Encode a decision, 0 or 1, in a context."""
        state, likely = self.contexts[context]
        qe, unlikely_next, likely_next, swaps = _STATES[state]
        self.a -= qe
        if decision == likely:
            if self.a >= 0x8000:
                return
            if self.a < qe:
                self.c, self.a = self.c + self.a, qe
            self.contexts[context] = (likely_next, likely)
        else:
            if self.a >= qe:
                self.c, self.a = self.c + self.a, qe
            self.contexts[context] = (unlikely_next, likely ^ swaps)
        while self.a < 0x8000:
            self.a, self.c, self.left = self.a << 1, self.c << 1, self.left - 1
            if self.left == 0:
                self._put()
                self.left = 8

    def _put(self) -> None:
        top = self.c >> 19
        if top == 0xFF:
            self.stacked += 1
        else:
            carry = top > 0xFF
            if carry:
                self.out[-1] += 1
                self.out += b"\0" * (self.out[-1] == 0xFF)
            self.out += (b"\0" if carry else b"\xff\0") * self.stacked
            self.stacked = 0
            self.out.append(top & 0xFF)
        self.c &= 0x7FFFF

    def finish(self) -> bytes:
        """Flush the registers and return all bytes."""
        last = (self.c + self.a - 1) & ~0xFFFF
        self.c = (last + 0x8000 if last < self.c else last) << self.left
        self._put()
        self.c <<= 8
        self._put()
        return bytes(self.out).rstrip(b"\0")


def segment(marker: int, body: bytes) -> bytes:
    """Return a marker segment with its length."""
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def frame(
    process: int, width: int, height: int, components: Sequence[Component], precision: int = 8
) -> bytes:
    """Return a frame header; ``process`` is the second byte of its marker."""
    body = bytes([precision]) + height.to_bytes(2, "big") + width.to_bytes(2, "big")
    body += bytes([len(components)])
    return segment(process, body + b"".join(bytes([i, h << 4 | v, 0]) for i, h, v in components))


def header(
    process: int, components: Sequence[Component], precision: int = 8, before: bytes = b""
) -> bytes:
    """Return a file's beginning without any scan; ``before`` precedes the frame header."""
    return b"\xff\xd8" + before + frame(process, 640, 480, components, precision)


def arithmetic(width: int, height: int, h: int, v: int) -> bytes:
    """Return an arithmetic-coded file, sampled h:v, whose pixels are all grey 160.

    A restart marker follows each group of blocks, so that all groups have the same bytes.
    """
    coder = Coder()
    for block in range(h * v):
        if block == 0:  # DC of two steps of 128: 256 / 8 above mid grey (F.1.4.1)
            for context, decision in ((0, 1), (1, 0), (2, 1), (20, 0)):
                coder.code(("dc", 0, context), decision)
        else:
            coder.code(("dc", 0, 4 if block == 1 else 0), 0)
        coder.code(("ac", 0, 0), 1)
    for _ in range(2):
        coder.code(("dc", 1, 0), 0)
        coder.code(("ac", 1, 0), 1)
    group = coder.finish()
    count = -(-width // (8 * h)) * -(-height // (8 * v))
    groups = b"".join(group + bytes([0xFF, 0xD0 + i % 8]) for i in range(count - 1)) + group
    return (
        b"\xff\xd8"
        + segment(0xDB, b"\0" + b"\x80" * 64)
        + frame(0xC9, width, height, [(1, h, v), (2, 1, 1), (3, 1, 1)])
        + segment(0xDD, b"\0\1")
        + segment(0xDA, bytes([3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]))
        + groups
        + b"\xff\xd9"
    )

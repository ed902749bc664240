"""The pages of the documentation, their blocks of code, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]

_FENCE = re.compile(r"^```(\w*)\s*$")
_MARK = re.compile(r"^<!-- (.*) -->$")


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: Path
    line: int
    """Line of the opening fence, from 1."""
    language: str
    """As the fence names it; empty for commands."""
    mark: str
    """The comment above the fence: ``run``, ``run slow``, ``file: NAME``; empty where is none."""
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """Name of the file that the block is written to; None where it is no file."""
        return self.mark.removeprefix("file: ") if self.mark.startswith("file: ") else None

    def commands(self) -> Iterator[str]:
        """Yield the lines that call deepcrop, each with its continuations."""
        if self.language == "":
            for line in self.text.replace("\\\n", " ").splitlines():
                if line.startswith("deepcrop "):
                    yield line


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in their order."""
    found: list[Block] = []
    lines = page.read_text().splitlines()
    start, language = None, ""
    for at, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if start is None:
            start, language = at, fence[1]
            continue
        mark = _MARK.match(lines[start - 1]) if start else None
        text = "\n".join(lines[start + 1 : at]) + "\n"
        found.append(Block(page, start + 1, language, mark[1] if mark else "", text))
        start = None
    assert start is None, f"{page}: a block has no end"
    return found


def prose(page: Path) -> str:
    """Return a page without its blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", page.read_text())


def arguments(command: str) -> list[str]:
    """Return the arguments of a command, without comment, redirections and what follows."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="<>&|")
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if set(word) <= set("<>&|"):
            break
        words.append(word)
    return words[1:]

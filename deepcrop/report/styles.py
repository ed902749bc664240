"""Focal points as a style sheet: ``object-position`` rules for the images of a site.

An image whose box has another shape than its file, with ``object-fit: cover``, then shows the
focal point. A rule finds its image by the address that the page's HTML has in ``src``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..geometry import Focal
from .addresses import PATH, Places, quoted

CENTRE = (0.5, 0.5)
"""What ``object-position`` is where no rule says otherwise."""


@dataclass(frozen=True)
class Pointed:
    """A source and its focal point; none where the manifest has none."""

    uri: str
    focal: Focal | None


def css(sources: Iterable[Pointed], places: Places, base: str | None = None) -> Iterator[str]:
    """Yield the rules of a style sheet in ASCII, which any server may send in any encoding.

    With a base, a rule holds for exactly one address. Without one the rest of an address is not
    known: a rule holds for the path from the sources' folder on, alone or after a slash, and where
    one source's path ends in that of another, the rule of the longer one comes later and wins.

    Args:
        sources: all of the job's.
        places: their paths on the site.
        base: what stands before a path in ``src``, such as ``https://cdn.example/photos``.
    """
    pointed = [(places.path(each.uri), each.focal) for each in sources]
    if base is not None:
        front = base.rstrip("/") + "/" if base else ""
        for path, focal in pointed:
            if focal is not None:
                yield _rule((_equal(front + form) for form in forms(path)), focal)
        return
    ruled = {path for path, focal in pointed if focal is not None}
    pointed.sort(key=lambda each: each[0].count("/"))
    for path, focal in pointed:
        if focal is None and ruled.isdisjoint(_endings(path)):
            continue
        # A source without a focal point takes back what the rule of a shorter path says.
        yield _rule(_anywhere(path), focal or CENTRE)


def forms(path: str) -> list[str]:
    """Return the ways in which HTML may write a path: as it is, and percent-encoded.

    Encoders differ in what they leave alone: there is one form that encodes only what it must, as
    JavaScript's ``encodeURI``, and one that encodes all that it may.
    """
    encoded = [quoted(path, PATH), quoted(path, "/")]
    # These mean something else in an address, or are dropped from it, unless they are encoded.
    told = any(letter in "%?#\\" or not letter.isprintable() for letter in path)
    return list(dict.fromkeys(encoded if told else [path, *encoded]))


def text(value: str) -> str:
    """Return a string of CSS in double quotes (CSS Syntax Module 3, section 4.3.5)."""
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if " " <= letter <= "~" else f"\\{ord(letter):x} "


def _rule(selectors: Iterable[str], focal: Focal) -> str:
    position = f"{100 * focal[0]:.4g}% {100 * focal[1]:.4g}%"
    return f"{', '.join(selectors)} {{ object-position: {position}; }}\n"


def _equal(address: str) -> str:
    return f"img[src={text(address)}]"


def _anywhere(path: str) -> Iterator[str]:
    for form in forms(path):
        yield _equal(form)
        yield f"img[src$={text('/' + form)}]"


def _endings(path: str) -> Iterator[str]:
    """Yield the paths that a path ends in."""
    parts = path.split("/")
    for start in range(1, len(parts)):
        yield "/".join(parts[start:])

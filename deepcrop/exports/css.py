"""Focal points as a style sheet: ``object-position`` rules for the images of a site.

With ``object-fit: cover``, an image whose element has another shape than its file then shows its
focal point. A rule selects its image by the URL that the page's HTML has in ``src``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..geometry import Focal
from ..manifest.store import Manifest
from .base import ExportFormat, ExportOptions, ExportResult
from .rows import rows_with_duplicates, source_uris
from .source_paths import PATH_CHARACTERS, SourcePaths, common_root, percent_encoded

CENTRE: Focal = (0.5, 0.5)
"""The initial value of ``object-position``: where no rule applies."""


def css_rules(
    focal_points: Mapping[str, Focal | None], paths: SourcePaths, base: str | None = None
) -> Iterator[str]:
    """Yield the rules of a style sheet in ASCII, so that it means the same in any encoding.

    With a base, a rule selects exactly one URL. Without one the beginning of the URL is not known:
    a rule selects every URL that is the source's path below the sources' folder, or ends in a
    slash and that path. Where one source's path ends in that of another, the rule of the longer
    path comes later and wins.

    Args:
        focal_points: the focal points of all sources of the job by URI; None for those without.
        paths: the sources' paths on the site.
        base: what stands before a path in ``src``, such as ``https://cdn.example/photos``.
    """
    pointed = [(paths.path_of(uri), focal) for uri, focal in focal_points.items()]
    if base is not None:
        front = base.rstrip("/") + "/" if base else ""
        for path, focal in pointed:
            if focal is not None:
                yield _rule((_equal(front + form) for form in encodings(path)), focal)
        return
    ruled = {path for path, focal in pointed if focal is not None}
    pointed.sort(key=lambda each: each[0].count("/"))
    for path, focal in pointed:
        if focal is None and ruled.isdisjoint(_endings(path)):
            continue
        # The rule of a shorter path would select this source too: reset it.
        yield _rule(_anywhere(path), focal or CENTRE)


def encodings(path: str) -> list[str]:
    """Return the ways in which HTML may write a path: as it is, and percent-encoded.

    Encoders differ in the characters that they leave alone: one form encodes only what must be,
    as JavaScript's ``encodeURI``; another encodes everything that may be.
    """
    encoded = [percent_encoded(path, PATH_CHARACTERS), percent_encoded(path, "/")]
    # These change the meaning of a URL, or are dropped from it, unless they are encoded.
    unsafe = any(letter in "%?#\\" or not letter.isprintable() for letter in path)
    return list(dict.fromkeys(encoded if unsafe else [path, *encoded]))


def css_string(value: str) -> str:
    """Return a string of CSS in double quotes (CSS Syntax Module 3, section 4.3.5)."""
    return '"' + "".join(map(_escaped, value)) + '"'


def write(manifest: Manifest, target: str, options: ExportOptions) -> ExportResult:
    """Write the style sheet of a job's focal points to the file ``target``.

    Raises:
        RequestError: a rule of ``options.map`` is wrong, or none matches a source.
    """
    uris = source_uris(manifest)
    focal_points: dict[str, Focal | None] = dict.fromkeys(uris)
    for row in rows_with_duplicates(manifest):
        x, y = row["focal_x"], row["focal_y"]
        if x is not None and y is not None:
            focal_points[row["source_uri"]] = (x, y)
    paths = SourcePaths.parse(options.map, common_root(uris))
    text = "".join(css_rules(focal_points, paths, options.base))
    manifest.storage.write(target, text.encode(), "text/css; charset=utf-8")
    return ExportResult([target])


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if " " <= letter <= "~" else f"\\{ord(letter):x} "


def _rule(selectors: Iterable[str], focal: Focal) -> str:
    position = f"{100 * focal[0]:.4g}% {100 * focal[1]:.4g}%"
    return f"{', '.join(selectors)} {{ object-position: {position}; }}\n"


def _equal(url: str) -> str:
    return f"img[src={css_string(url)}]"


def _anywhere(path: str) -> Iterator[str]:
    for form in encodings(path):
        yield _equal(form)
        yield f"img[src$={css_string('/' + form)}]"


def _endings(path: str) -> Iterator[str]:
    """Yield the shorter paths that a path ends in."""
    parts = path.split("/")
    for start in range(1, len(parts)):
        yield "/".join(parts[start:])


FORMAT = ExportFormat(frozenset({"base", "map"}), write)

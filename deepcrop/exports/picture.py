"""Presets as HTML: a ``<picture>`` for each source and preset, of which a browser picks the file.

A browser takes the first format that it knows, and of that the file which suits the width at which
the page shows the image, on a display with its density.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ..errors import RequestError
from ..manifest.rows import ImageRow, VariantRow
from ..manifest.status import job_of
from ..manifest.store import Manifest
from ..outputs.presets import Output
from ..storage import below, common_folder
from ..storage.uri import scheme
from .base import ExportFormat, ExportOptions, ExportResult
from .rows import rows_with_duplicates, source_uris
from .source_paths import decoded_uri, percent_encoded

CONTENT_TYPE = "application/jsonl; charset=utf-8"
FULL_WIDTH = "100vw"
"""The attribute ``sizes`` where a preset has none: as wide as the page, HTML's own default."""
_PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>pictures</title></head><body>
{pictures}</body></html>
"""
_FIGURE = """<figure>
<figcaption>{source}: {preset}</figcaption>
{picture}
</figure>
"""


@dataclass(frozen=True)
class Pictures:
    """Writes the pictures of a job's presets."""

    presets: Mapping[str, Output]
    output: str
    """URI of the job's output, without a slash at its end."""
    base: str | None = None
    """What stands before the files' paths below the output, percent-encoded where it is a path;
    None: the paths alone."""

    def of(self, row: ImageRow) -> Iterator[tuple[str, str]]:
        """Yield the name of each preset that has variants of a source, with its HTML.

        The text of the attribute ``alt`` is that of the input list's column ``alt``, if it has one.
        """
        columns: Mapping[str, object] = {**row}
        alt = str(columns.get("alt") or "")
        for name, preset in self.presets.items():
            made = [each for each in row["variants"] if _is_asked(each, name, preset)]
            if made:
                yield name, self._picture(preset, made, alt)

    def _picture(self, preset: Output, made: Sequence[VariantRow], alt: str) -> str:
        by_format = {
            name: found
            for name in preset.formats
            if (found := [each for each in made if each["format"] == name])
        }
        fallback = list(by_format)[-1]
        lines = [
            f'  <source type="image/{name}"{self._candidates(preset, found)}>\n'
            for name, found in by_format.items()
            if name != fallback
        ]
        whole = self._shown(by_format[fallback])
        candidates = self._candidates(preset, by_format[fallback])
        lines.append(
            f'  <img src="{self._url(whole)}"{candidates} width="{whole["width"]}" '
            f'height="{whole["height"]}" alt="{escape(alt)}" loading="lazy">\n'
        )
        return f"<picture>\n{''.join(lines)}</picture>"

    def _candidates(self, preset: Output, made: Sequence[VariantRow]) -> str:
        """Return the attributes ``srcset`` and ``sizes``.

        Presets of one width, in several densities, tell densities, the others widths in pixels.
        """
        of_densities = preset.exact_size is not None or len(preset.widths) == 1
        found: dict[str, str] = {}
        for each in made:
            if of_densities:
                # A smaller photo has fewer pixels than the density that was asked for.
                key = f"{each['width'] / (each['asked_width'] or each['width']):.4g}x"
            else:
                key = f"{each['width']}w"
            found.setdefault(key, f"{self._url(each)} {key}")
        srcset = f' srcset="{", ".join(found.values())}"'
        if of_densities:
            return srcset
        return f'{srcset} sizes="{escape(preset.html_sizes or FULL_WIDTH)}"'

    def _shown(self, made: Sequence[VariantRow]) -> VariantRow:
        """Return the file for browsers that know no ``srcset``: the largest of density 1."""
        single = [each for each in made if each["density"] == 1]
        return max(single or made, key=lambda each: each["width"])

    def _url(self, variant: VariantRow) -> str:
        """Return the URL of a file; no character of it ends a candidate of ``srcset``."""
        path = decoded_uri(variant["variant_uri"])
        below = percent_encoded(path.removeprefix(decoded_uri(self.output)).lstrip("/"))
        if self.base is None:
            return below
        return escape(f"{self.base.rstrip('/')}/{below}")


def _is_asked(variant: VariantRow, name: str, preset: Output) -> bool:
    exact = preset.exact_size
    return (
        variant["preset"] == name
        and variant["aspect"] == preset.slug
        and variant["format"] in preset.formats
        and variant["density"] in preset.densities
        and variant["asked_width"] in (preset.widths if exact is None else (exact.width,))
    )


def lines(rows: Iterable[ImageRow], pictures: Pictures) -> Iterator[str]:
    """Yield a line of JSON for each source and preset: ``source_uri``, ``preset``, ``html``."""
    for row in rows:
        for name, html in pictures.of(row):
            told = {"source_uri": row["source_uri"], "preset": name, "html": html}
            yield json.dumps(told, ensure_ascii=False) + "\n"


def figures(rows: Iterable[ImageRow], pictures: Pictures, root: str) -> Iterator[str]:
    """Yield a figure of a page for each source and preset, with both names above the picture.

    Args:
        rows: rows of the images manifest.
        pictures: writes their pictures.
        root: the folder that all sources lie in; sources are named by their paths below it.
    """
    for row in rows:
        source = escape(below(row["source_uri"], root))
        for name, html in pictures.of(row):
            yield _FIGURE.format(source=source, preset=name, picture=html)


def base_of_page(page: str, output: str) -> str | None:
    """Return the relative address of an output from the folder of a page; None if there is none.

    A file has an address from another file alone. Between a page and an output in one bucket, or
    on different machines, the addresses depend on how a site serves them.

    Args:
        page: canonical URI of the page.
        output: canonical URI of the output.

    Returns:
        A percent-encoded path such as ``../out``.
    """
    if not scheme(page) == scheme(output) == "file":
        return None
    folder = os.path.dirname(decoded_uri(page))
    return percent_encoded(os.path.relpath(decoded_uri(output), folder))


def write(manifest: Manifest, target: str, options: ExportOptions) -> ExportResult:
    """Write the pictures of a job: as lines of JSON, or as a page where ``target`` ends in .html.

    Raises:
        RequestError: the job has no presets, or the base has characters that no URL has.
    """
    record = manifest.read_record()
    assert record is not None
    job = job_of(manifest, record)
    if not job.outputs:
        raise RequestError(
            "--as picture: the job has no presets; give it some, such as "
            "--preset 'card=4:5 widths=320,640 formats=avif,jpeg'"
        )
    if options.base is not None and any(letter in options.base for letter in ' ",<>'):
        raise RequestError(f"--base {options.base!r}: expected a URL, or a path on the site")
    is_page, base, notes = target.endswith(".html"), options.base, []
    if base is None and is_page:
        base = base_of_page(target, manifest.output)
    if base is None:
        notes.append(
            f"addresses are paths below {manifest.output}: give --base, where that folder lies on "
            "the site"
        )
    pictures = Pictures(job.outputs, manifest.output, base)
    rows = rows_with_duplicates(manifest)
    if is_page:
        root = common_folder(source_uris(manifest))
        text = _PAGE.format(pictures="".join(figures(rows, pictures, root)))
        manifest.storage.write(target, text.encode(), "text/html; charset=utf-8")
    else:
        manifest.storage.write(target, "".join(lines(rows, pictures)).encode(), CONTENT_TYPE)
    return ExportResult([target], notes)


FORMAT = ExportFormat(frozenset({"base"}), write)

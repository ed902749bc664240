"""The life of a library: its photos and what is asked of it change, and runs keep up.

After every round the output must be, byte for byte and row for row, that of a job that starts
afresh on the same state, and no more must have been decoded, shown to the method, rendered and
written than the difference to the round before takes.
"""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepcrop.geometry import Box, Size
from deepcrop.image import shrink_for, size_to_decode
from deepcrop.job import Job
from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verify import audit
from deepcrop.recipes import Recipes
from deepcrop.storage import Storage

from .engine import run
from .world import World

UNEQUAL = {"source_modified", *(f"{stage}_ms" for stage in ("fetch", "decode", "infer", "render"))}
UNEQUAL |= {"write_ms", "attempts"}
"""Columns in which a run differs from one that starts afresh: times, and tries. A store's time of
modification isn't read again where its ETag says that nothing changed."""
HEAD = "source_uri,kind,aspect,x0,y0,x1,y1"

Rows = dict[str, dict[str, Any]]
"""Rows of the images manifest by URI, without :data:`UNEQUAL`."""


@dataclass
class Round:
    """What happened in a round, and what was found wrong."""

    number: int
    events: list[str]
    kills: int = 0
    seconds: float = 0.0
    fresh_seconds: float = 0.0
    sources: int = 0
    done: Counter[str] = field(default_factory=Counter)
    least: Counter[str] = field(default_factory=Counter)
    """What had to be done."""
    problems: list[str] = field(default_factory=list)


class Life:
    """A library that lives in a folder, or in a bucket."""

    def __init__(
        self, folder: Path, photos: int, seed: int, *, root: str | None = None, check_every: int = 1
    ) -> None:
        """Make the library.

        Args:
            folder: for what is local.
            photos: number of photos at the beginning.
            seed: of all choices.
            root: URI that input and outputs lie below; by default ``folder``.
            check_every: rounds after which the output is compared with a fresh one.
        """
        self.folder, self.rng = folder, random.Random(seed)
        self.root = root or str(folder)
        self.storage = Storage()
        self.world = World(f"{self.root}/in", self.storage, random.Random(seed + 1))
        self.world.add(photos)
        self.output = f"{self.root}/out"
        self.check_every = check_every
        self.writes = 50
        """Changes of the store in the last whole run; kills fall among as many."""

    def round(self, number: int) -> Round:
        """Change the library, bring the output up to date, and check it."""
        events = self.world.change() if number else ["the first run"]
        found = Round(number, events, sources=len(self.world.photos))
        job = Job.parse(self.world.job(self.output))
        before = self._rows(self.output)
        corrections = self._corrections(self.world.new_lines, "new.csv")
        start = time.monotonic()
        while self.rng.random() < 0.5 and found.kills < 3:
            lives = self.rng.randrange(1, max(2, self.writes))
            ended, _ = run(job, corrections, prune=True, lives=lives)
            found.kills += 1
            found.problems += self._torn(found.kills)
            if ended is not None:
                break
        summary, found.done = run(job, corrections, prune=True)
        found.seconds = time.monotonic() - start
        assert summary is not None
        self.world.new_lines = []
        self.writes = sum(found.done.values()) + 20
        after = self._rows(self.output)
        if not found.kills:
            found.least = self._least(before, after)
            found.problems += [
                f"{name}: {found.done[name]}, and {found.least[name]} would do"
                for name in found.least | found.done
                if name in found.least and found.done[name] > found.least[name]
            ]
        problems = audit(self.output).problems()
        found.problems += [f"verify: {name}: {each[:3]}" for name, each in problems.items() if each]
        if number % self.check_every == 0:
            found.problems += self._differences(after, found)
        return found

    def _torn(self, kills: int) -> list[str]:
        """Return what a killed run left that no killed run may leave."""
        problems = audit(self.output).problems() if self._is_there() else {}
        return [
            f"kill {kills}: {name}: {each[:3]}"
            for name in ("duplicated", "absent", "wrong", "unreadable")
            if (each := problems.get(name))
        ]

    def _is_there(self) -> bool:
        return Manifest(self.output, self.storage).read_record() is not None

    def _corrections(self, lines: list[str], name: str) -> str | None:
        if not lines:
            return None
        path = self.folder / name
        path.write_text("\n".join([HEAD, *lines]) + "\n")
        return str(path)

    def _rows(self, output: str) -> Rows:
        manifest = Manifest(output, self.storage)
        manifest.load_parts()
        rows = {}
        for row in manifest.table().to_pylist():
            kept = {name: value for name, value in row.items() if name not in UNEQUAL}
            for variant in kept["variants"]:
                variant["variant_uri"] = variant["variant_uri"].removeprefix(output)
            rows[row["source_uri"]] = kept
        return rows

    def _least(self, before: Rows, after: Rows) -> Counter[str]:
        """Return what had to be done, by what is in the rows."""
        least: Counter[str] = Counter(decodes=0, passes=0, renders=0, put=0, copy=0)
        scales = Scales(Job.parse(self.world.job(self.output)))
        for uri, row in after.items():
            old = before.get(uri)
            same = old is not None and old["sha256"] == row["sha256"]
            had = {each["variant_uri"]: each for each in old["variants"]} if old else {}
            entries = row["rendering_recipes"]
            asks = any(" " not in each or " safe " in each for each in entries)  # no person's box
            if not same or old is None:
                made = row["variants"]
                seen = row["format"] is not None or row["error_stage"] == "decode"
                least["decodes"] += scales.count(row, made, seen=seen)
                least["passes"] += row["status"] == "ok" and asks
                least["renders"] += len(made)
            else:
                made = [each for each in row["variants"] if not _stands(each, old["variants"])]
                asked = _is_asked(row, old)
                least["passes"] += asked
                least["decodes"] += scales.count(row, made, seen=asked)
                least["renders"] += len(made)
            new = [each for each in made if had.get(each["variant_uri"], {}).get("sha256")
                   != each["sha256"]]  # fmt: skip
            least["put"] += len(new)
            least["copy"] += sum(each["variant_uri"] in had for each in new)
        return least

    def _differences(self, rows: Rows, found: Round) -> list[str]:
        """Compare the output with one that starts afresh."""
        fresh = f"{self.root}/fresh"
        self.storage.delete([entry.uri for entry in self.storage.list(fresh)])
        if "://" not in fresh:
            shutil.rmtree(fresh, ignore_errors=True)
        corrections = self._corrections(list(self.world.lines()), "all.csv")
        start = time.monotonic()
        run(Job.parse(self.world.job(fresh)), corrections)
        found.fresh_seconds = time.monotonic() - start
        other = self._rows(fresh)
        problems = [f"{uri}: only in one of both" for uri in rows.keys() ^ other.keys()]
        for uri in rows.keys() & other.keys():
            differing = [
                f"{name}: {rows[uri].get(name)!r}, afresh {value!r}"
                for name, value in other[uri].items()
                if not _agree(name, rows[uri].get(name), value)
            ]
            if differing:
                problems.append(f"{uri}: {'; '.join(differing)}")
        if self._files(self.output) != self._files(fresh):
            problems.append("the files of the variants differ")
        return problems[:5]

    def _files(self, output: str) -> Mapping[str, int]:
        entries = self.storage.list(f"{output}/variants")
        return {entry.uri.removeprefix(output): entry.size for entry in entries}


class Scales:
    """Counts the scales at which sources have to be decoded.

    A variant's bytes may not depend on what else is made of its source, so the scale of each
    follows from its own box and size, and two variants may need two decodes.
    """

    def __init__(self, job: Job) -> None:
        """Take the job that the sources are decoded for."""
        self.recipes = Recipes(job)

    def count(self, row: Mapping[str, Any], made: list[dict[str, Any]], *, seen: bool) -> int:
        """Return the number of decodes that a source takes.

        Args:
            row: its row.
            made: the variants that have to be rendered.
            seen: whether it has to be decoded for the method, or to be found broken.
        """
        if row["width"] is None:
            return int(seen)
        size = Size(row["width"], row["height"])
        shared = self.recipes.shrink(size, row["format"])
        scales = {shared} if seen else set()
        for each in made:
            if each["preset"] is not None:
                scales.add(1)
                continue
            box = Box(each["x0"], each["y0"], each["x1"], each["y1"])
            least = size_to_decode(size, [(box, Size(each["width"], each["height"]))])
            own = shrink_for(size, least) if row["format"] == "jpeg" else 1
            scales.add(min(shared, own))
        return len(scales)


CUT = ("aspect", "x0", "y0", "x1", "y1", "rendering_recipe", "format", "fit")
"""What a variant of the same bytes is the same by."""


def _agree(name: str, value: object, afresh: object) -> bool:
    """Tell whether a column is right: further boxes may have been recorded in earlier rounds."""
    if name == "rendering_recipes":  # a set
        return sorted(value) == sorted(afresh)  # type: ignore[call-overload]
    if name != "spare_boxes":
        return value == afresh
    had, wanted = _by_ratio(value), _by_ratio(afresh)
    return wanted.keys() <= had.keys() and all(had[each] == wanted[each] for each in wanted)


def _by_ratio(boxes: object) -> dict[str, object]:
    assert isinstance(boxes, list)
    return {each["aspect"]: each for each in boxes}


def _stands(variant: Mapping[str, Any], earlier: list[dict[str, Any]]) -> bool:
    """Tell whether a variant was there; the crop behind a blurred one isn't recorded."""
    if variant["fit"] == "blur":
        unchanged = (*CUT, "analysis_recipe")
        return any(all(variant[name] == each[name] for name in unchanged) for each in earlier)
    return any(all(variant[name] == each[name] for name in CUT) for each in earlier)


def _is_asked(row: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Return whether the method has to see a source whose bytes are the same.

    Of requests that rules leave out, nothing is known here but that they may make it necessary.
    """
    if row["status"] != "ok":
        return False
    by_method = [each for each in row["variants"] if not each["analysis_recipe"].startswith("box")]
    return any(not _is_known(each, row, old) for each in by_method) or _is_left_out(row)


def _is_left_out(row: Mapping[str, Any]) -> bool:
    return any(each == "left-out" for each in row["flags"])


def _is_known(variant: Mapping[str, Any], row: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Return whether the box of a variant was recorded."""
    ratio, recipe = _ratio(variant["aspect"]), variant["analysis_recipe"]
    for each in old["variants"]:
        is_of = each["analysis_recipe"] == recipe and _ratio(each["aspect"]) == ratio
        if is_of and (
            each["x0"] is not None or each["rendering_recipe"] == variant["rendering_recipe"]
        ):
            return True
    if recipe != row["analysis_recipe"] or recipe != old["analysis_recipe"]:
        return False
    return any(_ratio(each["aspect"]) == ratio for each in old["spare_boxes"])


def _ratio(name: str) -> float:
    width, _, height = name.removesuffix("px").partition("x")
    return int(width) / int(height)

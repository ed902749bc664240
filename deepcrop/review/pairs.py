"""Pairs of crops of one photo and ratio, drawn where two outputs differ, for a blind comparison."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from ..errors import NotFound, RequestError
from ..geometry import AspectRatio, Box, Size
from ..manifest.rows import VariantRow
from ..manifest.status import open_job
from ..manifest.store import Manifest
from ..outputs.rules import WHOLE_PHOTO
from ..storage import Storage

CENTER = "center"
"""In place of the second output: the largest centred window of each ratio."""
ALIKE = 0.98
"""Intersection over union from which two crops count as the same."""
FOLDER = "comparisons"
"""The folder of comparisons, below the first output."""


@dataclass(frozen=True)
class Cut:
    """One crop of a pair."""

    box: tuple[int, int, int, int] | None
    """The crop box in source pixels; None for a photo that a method has retargeted."""
    uri: str | None
    """The variant's file; None for a crop that was never made."""


@dataclass(frozen=True)
class Pair:
    """Two crops of one photo and ratio."""

    source: str
    """URI of the photo."""
    ratio: str
    """Name of the ratio or size."""
    kind: str
    """What the photo shows; empty where that is not known."""
    cuts: tuple[Cut, Cut]
    """The crop of the first output, then that of the second."""
    swapped: bool
    """Whether the second output's crop is shown on the left."""

    @property
    def shown(self) -> tuple[Cut, Cut]:
        """The left crop, then the right one."""
        return self.cuts[::-1] if self.swapped else self.cuts

    @property
    def label(self) -> str:
        """The name of the ratio or size for a person: ``16:9``, ``600x315px``."""
        return self.ratio if "px" in self.ratio else self.ratio.replace("x", ":", 1)

    @property
    def key(self) -> str:
        """A name of the pair for the log."""
        return f"{self.ratio} {self.source}"


@dataclass(frozen=True)
class Comparison:
    """The pairs of two outputs, in the order in which they are shown."""

    names: tuple[str, str]
    pairs: tuple[Pair, ...]
    compared: Mapping[str, int]
    """Crops that both outputs have, by ratio."""
    differing: Mapping[str, int]
    """Those of them that differ, by ratio."""
    left_out: int = 0
    """Whole photos in place of a crop, as presets' rules make them, which can't be compared."""

    def to_json(self) -> str:
        """Return the comparison as text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of_json(cls, text: str | bytes) -> Comparison:
        """Read what :meth:`to_json` wrote."""
        told = json.loads(text)
        pairs = [
            Pair(
                each["source"],
                each["ratio"],
                each["kind"],
                (_cut(each["cuts"][0]), _cut(each["cuts"][1])),
                each["swapped"],
            )
            for each in told["pairs"]
        ]
        first, second = told["names"]
        return cls(
            (first, second),
            tuple(pairs),
            told["compared"],
            told["differing"],
            told.get("left_out", 0),
        )


def _cut(told: Mapping[str, object]) -> Cut:
    box, uri = told["box"], told["uri"]
    corners = None
    if isinstance(box, list):
        x0, y0, x1, y1 = map(int, box)
        corners = (x0, y0, x1, y1)
    return Cut(corners, None if uri is None else str(uri))


def folder_of(first: str, second: str, count: int, seed: int) -> str:
    """Return the folder of a comparison: the same outputs, number and seed have the same one.

    Args:
        first: canonical URI of the first output.
        second: URI of the second output, or :data:`CENTER`.
        count: number of pairs.
        seed: of the draw.
    """
    name = second.rstrip("/").rpartition("/")[2]
    digest = hashlib.sha256(second.encode()).hexdigest()[:8]
    return f"{first}/{FOLDER}/{name}-{digest}-{count}-{seed}"


def draw(
    first: str, second: str, count: int, seed: int, endpoint: str | None = None
) -> tuple[Comparison, Manifest]:
    """Draw pairs where two outputs differ, as evenly over the ratios as there are any.

    Args:
        first: an output.
        second: another output, or :data:`CENTER`.
        count: number of pairs at most.
        seed: of the draw, of sides and order.
        endpoint: URL of the S3 server.

    Returns:
        The comparison, without pairs where nothing differs, and the first output's manifest.

    Raises:
        RequestError: an output holds no job, or they have no crop of a photo in common.
    """
    manifest, _ = open_job(first, endpoint)
    ours = _cuts(manifest)
    if second == CENTER:
        theirs: dict[Key, Cut | None] = {key: _centred(key) for key in ours}
    else:
        theirs = _cuts(open_job(second, endpoint)[0])
    both = ours.keys() & theirs.keys()
    found = {key: cuts for key in both if (cuts := _comparable(ours[key], theirs[key]))}
    common = sorted(found, key=lambda key: (key[1], key[0]))
    left_out = len(both) - len(common)
    if not common:
        whole = f"; left out as whole photos: {left_out:,}" if left_out else ""
        raise RequestError(
            f"compare: {first} and {second} have no crop of a photo in common{whole}"
        )
    by_ratio: dict[str, list[Pair]] = {}
    compared: dict[str, int] = {}
    for source, ratio, size in common:
        compared[ratio] = compared.get(ratio, 0) + 1
        cuts = found[source, ratio, size]
        if _differ(*cuts):
            by_ratio.setdefault(ratio, []).append(Pair(source, ratio, "", cuts, False))
    differing = {ratio: len(pairs) for ratio, pairs in by_ratio.items()}
    chosen = _chosen(by_ratio, count, random.Random(seed))
    told = Comparison((first, second), tuple(chosen), compared, differing, left_out)
    return told, manifest


Key = tuple[str, str, Size]
"""A photo, a ratio's name, and the photo's size in pixels."""


def _cuts(manifest: Manifest) -> dict[Key, Cut | None]:
    """Return the crop of each photo and ratio of an output.

    It is None where presets' rules show the whole photo alone.
    """
    found: dict[Key, Cut | None] = {}
    for key, cut in _crops(manifest):
        if found.get(key) is None:
            found[key] = cut
    return found


def _comparable(one: Cut | None, other: Cut | None) -> tuple[Cut, Cut] | None:
    """Return two crops, or two photos that methods have retargeted; None for other pairs."""
    if one is None or other is None or (one.box is None) != (other.box is None):
        return None
    return one, other


def _crops(manifest: Manifest) -> Iterator[tuple[Key, Cut | None]]:
    """Yield the crops of an output; None for a whole photo that a preset's rule shows."""
    manifest.load_parts()
    for table in manifest.tables(["source_uri", "status", "width", "height", "variants"]):
        for row in table.to_pylist():
            if row["status"] != "ok" or not row["width"] or not row["height"]:
                continue
            size = Size(row["width"], row["height"])
            for variant in row["variants"]:
                yield (row["source_uri"], variant["aspect"], size), _cut_of(variant)


def _cut_of(variant: VariantRow) -> Cut | None:
    x0, y0, x1, y1 = variant["x0"], variant["y0"], variant["x1"], variant["y1"]
    if x0 is None or y0 is None or x1 is None or y1 is None:
        return None if variant["fit"] in WHOLE_PHOTO else Cut(None, variant["variant_uri"])
    return Cut((x0, y0, x1, y1), variant["variant_uri"])


def _centred(key: Key) -> Cut:
    """Return the largest centred window of a ratio."""
    _, name, size = key
    ratio = AspectRatio.parse(name.removesuffix("-smaller").removesuffix("px"))
    return Cut(Box.centred(ratio.largest_window(size), (0.5, 0.5), size).corners, None)


def _differ(one: Cut, other: Cut) -> bool:
    """Return whether two crops differ enough to be seen."""
    if one.box is None or other.box is None:
        return one.box is not other.box or one.uri != other.uri
    first, second = Box(*one.box), Box(*other.box)
    common = first.intersection(second)
    return common < ALIKE * (first.area + second.area - common)


def _chosen(
    by_ratio: Mapping[str, Sequence[Pair]], count: int, chance: random.Random
) -> Iterable[Pair]:
    """Return pairs of all ratios in turn, in random order and on random sides."""
    shuffled = [chance.sample(pairs, len(pairs)) for _, pairs in sorted(by_ratio.items())]
    chosen: list[Pair] = []
    for turn in range(max(map(len, shuffled), default=0)):
        chosen += [pairs[turn] for pairs in shuffled if turn < len(pairs)]
    chosen = chosen[:count]
    chance.shuffle(chosen)
    return [
        Pair(each.source, each.ratio, each.kind, each.cuts, chance.random() < 0.5)
        for each in chosen
    ]


def read(folder: str, storage: Storage) -> Comparison | None:
    """Read the comparison of a folder; None where there is none."""
    try:
        return Comparison.of_json(storage.read(f"{folder}/pairs.json"))
    except NotFound:
        return None


def write(comparison: Comparison, folder: str, storage: Storage) -> None:
    """Write a comparison, once: the judgements are about these pairs."""
    storage.write(f"{folder}/pairs.json", comparison.to_json().encode(), "application/json")

"""Flags as the page shows them: their texts, the order that they give sources, and their columns.

In the manifest a source's flags include those of its variants. The page separates them, because a
person who looks at one ratio needs the flags of that ratio's variants and of the source itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..flags import Flag
from ..manifest.rows import VariantRow


@dataclass(frozen=True)
class FlagText:
    """The text of a flag for a person."""

    label: str
    """Two or three words, for a badge."""
    explanation: str
    """One sentence."""


FLAG_TEXTS: Mapping[str, FlagText] = {
    Flag.FOCAL_OUTSIDE: FlagText(
        "focal point outside", "The crop box leaves out the source's own focal point."
    ),
    Flag.HEAD_CUT: FlagText("head cut", "The crop box cuts a head that was found in the source."),
    Flag.SUBJECT_CUT: FlagText("subject cut", "The crop box cuts the main subject of the source."),
    Flag.ENLARGED: FlagText("enlarged", "The variant has more pixels than its crop box."),
    Flag.SMALLER: FlagText(
        "smaller than asked",
        "The crop box has fewer pixels than the size that the job asks for; the note says more.",
    ),
    Flag.OVER_MAX_BYTES: FlagText(
        "too many bytes", "The variant has more bytes than its preset allows."
    ),
    Flag.REVIEW: FlagText(
        "to review", "A preset's rule for photos that don't fit sends this one to a person."
    ),
    Flag.REJECTED: FlagText("rejected", "A person rejected a variant: it is not made."),
    Flag.CORRECTED: FlagText(
        "corrected", "A person moved the focal point or a crop box, or marked what must stay in."
    ),
    Flag.ANIMATION_FLATTENED: FlagText(
        "animation flattened", "The source has several frames; one of them was used."
    ),
    Flag.PAGE_CHOSEN: FlagText(
        "page chosen", "The source has several pages; one of them was used."
    ),
    Flag.HDR_MAPPED: FlagText(
        "HDR mapped", "The source has a high dynamic range; it was tone-mapped to SDR."
    ),
    Flag.ALPHA_FLATTENED: FlagText(
        "alpha flattened",
        "The source has transparent parts; a background colour was put behind them.",
    ),
    Flag.PADDED: FlagText(
        "padded", "The variant shows the whole photo with bars, as a preset's rule says."
    ),
    Flag.RETARGETED: FlagText(
        "retargeted", "The variant shows the whole photo rearranged, as a preset's rule says."
    ),
    Flag.LEFT_OUT: FlagText("left out", "The variant was not made, as a preset's rule says."),
}

INFORMATIONAL = frozenset(
    {
        Flag.REJECTED,
        Flag.CORRECTED,
        Flag.ANIMATION_FLATTENED,
        Flag.PAGE_CHOSEN,
        Flag.HDR_MAPPED,
        Flag.ALPHA_FLATTENED,
        Flag.PADDED,
        Flag.RETARGETED,
        Flag.LEFT_OUT,
    }
)
"""Flags that say how a variant was made; the others say that something may be wrong with it."""

ORDER = [str(flag) for flag in Flag]
UNFLAGGED = 99
"""Rank of a source that has informational flags at most."""


class FlagLegend(TypedDict):
    """A flag as the page's scripts know it."""

    name: str
    label: str
    text: str
    """The explanation of :class:`FlagText`."""
    count: int
    """Sources that have the flag, themselves or in a variant."""
    problem: bool
    """Whether the flag says that something may be wrong."""


def flag_text(flag: str) -> FlagText:
    """Return the text of a flag; that of an unknown flag, of a later release, is its name."""
    return FLAG_TEXTS.get(flag, FlagText(flag.replace("-", " "), ""))


def worst_flag_ranks(flags: pa.ChunkedArray) -> NDArray[numpy.int64]:
    """Return the rank of each source's worst flag, int64 (rows,): the lowest are to be seen first.

    Args:
        flags: the column ``flags``, a list of flags in each row.
    """
    column = flags.combine_chunks()
    found = numpy.full(len(column), UNFLAGGED)
    values = pc.list_flatten(column)
    problem = pc.invert(pc.is_in(values, value_set=pa.array(sorted(INFORMATIONAL), pa.string())))
    positions = pc.fill_null(pc.index_in(values, value_set=pa.array(ORDER)), len(ORDER))
    rows = pc.list_parent_indices(column).filter(problem).to_numpy()
    numpy.minimum.at(found, rows, positions.filter(problem).to_numpy())
    return found


@dataclass(frozen=True)
class FlagColumns:
    """The flags of many sources as bits: bit ``n`` stands for ``names[n]``."""

    names: list[str]
    counts: list[int]
    """Sources that have each flag, themselves or in a variant."""
    bits: NDArray[numpy.int32]
    """Flags of the sources themselves, then of their variants by ratio: (1 + ratios, rows)."""

    @classmethod
    def of(cls, rows: pa.Table, aspects: Sequence[str]) -> FlagColumns:
        """Read the flags of rows of the images manifest; ``aspects`` are the ratios' names."""
        flags, variants = rows["flags"].combine_chunks(), rows["variants"].combine_chunks()
        # Few rows have flags: only those are converted to Python objects.
        flagged = pc.unique(pc.list_parent_indices(flags)).to_numpy()
        made = variants.take(flagged).to_pylist()
        found = [
            _separated(set(every), each, aspects)
            for every, each in zip(flags.take(flagged).to_pylist(), made, strict=True)
        ]
        counts = Counter(flag for each in found for flag in set().union(*each))
        names = sorted(counts, key=_sort_key)
        bit_of = {name: 1 << position for position, name in enumerate(names)}
        bits = numpy.zeros((1 + len(aspects), len(flags)), numpy.int32)
        for row, each in zip(flagged, found, strict=True):
            bits[:, row] = [sum(bit_of[flag] for flag in column) for column in each]
        return cls(names, [counts[name] for name in names], bits)

    @property
    def has_problems(self) -> bool:
        """Whether any source has a flag that says that something may be wrong."""
        return not INFORMATIONAL.issuperset(self.names)

    def columns(self, start: int, stop: int) -> list[list[int]]:
        """Return the flags of the rows ``start`` to ``stop``, sparsely.

        Returns:
            A list for the sources themselves, then one for each ratio: a row's number, counted
            from ``start``, and its bits; then the next row that has flags.
        """
        columns = []
        for bits in self.bits[:, start:stop]:
            rows = numpy.flatnonzero(bits)
            columns.append(numpy.stack([rows, bits[rows]], 1).ravel().tolist())
        return columns

    def bits_of(self, flags: Iterable[str]) -> int:
        """Return flags as bits."""
        return sum(1 << self.names.index(flag) for flag in set(flags))

    def legend(self) -> list[FlagLegend]:
        """Return the flags as the page's scripts know them, in the order of the bits."""
        return [
            {
                "name": name,
                "label": flag_text(name).label,
                "text": flag_text(name).explanation,
                "count": count,
                "problem": name not in INFORMATIONAL,
            }
            for name, count in zip(self.names, self.counts, strict=True)
        ]


def _separated(
    every: set[str], variants: Sequence[VariantRow], aspects: Sequence[str]
) -> list[set[str]]:
    """Return the flags of a source itself, then of its variants of each ratio."""
    of_variants: dict[str, set[str]] = {}
    for each in variants:
        of_variants.setdefault(each["aspect"], set()).update(each["flags"] or ())
    own = every.difference(*of_variants.values())
    return [own, *(of_variants.get(aspect, set()) for aspect in aspects)]


def _sort_key(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER)), name

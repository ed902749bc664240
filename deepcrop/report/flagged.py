"""Flags as the page shows them: their words, the order that they give sources, their columns.

A source's flags in the manifest are those of its variants and its own. The page needs them apart:
someone who looks at one ratio wants the flags of its variants, and of the source as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from ..flags import Flag


@dataclass(frozen=True)
class Words:
    """How the page writes a flag."""

    label: str
    """Two or three words, for a badge."""
    explanation: str
    """One sentence."""


WORDS: Mapping[str, Words] = {
    Flag.FOCAL_OUTSIDE: Words(
        "focal point outside", "The crop box leaves out the source's own focal point."
    ),
    Flag.HEAD_CUT: Words("head cut", "The crop box cuts a head that was found in the source."),
    Flag.SUBJECT_CUT: Words("subject cut", "The crop box cuts the main subject of the source."),
    Flag.ENLARGED: Words("enlarged", "The variant has more pixels than its crop box."),
    Flag.SMALLER: Words(
        "smaller than asked",
        "The crop box has fewer pixels than the size that the job asks for; the note says more.",
    ),
    Flag.REJECTED: Words("rejected", "A person rejected a variant: it is not made."),
    Flag.CORRECTED: Words(
        "corrected", "A person moved the focal point or a crop box, or marked what must stay in."
    ),
    Flag.ANIMATION_FLATTENED: Words(
        "animation flattened", "The source has several frames; one of them was used."
    ),
    Flag.PAGE_CHOSEN: Words("page chosen", "The source has several pages; one of them was used."),
    Flag.HDR_MAPPED: Words(
        "HDR mapped", "The source has a high dynamic range; it was tone-mapped to SDR."
    ),
    Flag.ALPHA_FLATTENED: Words(
        "alpha flattened", "The source is transparent in places; a ground was laid under it."
    ),
}

REMARKS = frozenset(
    {
        Flag.REJECTED,
        Flag.CORRECTED,
        Flag.ANIMATION_FLATTENED,
        Flag.PAGE_CHOSEN,
        Flag.HDR_MAPPED,
        Flag.ALPHA_FLATTENED,
    }
)
"""Flags that say how a variant came to be; the others say that something may be wrong with it."""

ORDER = [str(flag) for flag in Flag]
UNFLAGGED = 99
"""Rank of a source about which no flag says that something may be wrong."""


def words(flag: str) -> Words:
    """Return the words of a flag; those of a later release's flag are made of its name."""
    return WORDS.get(flag, Words(flag.replace("-", " "), ""))


def ranks(flags: pa.ChunkedArray) -> numpy.ndarray:
    """Return int64 (rows,): the lower, the sooner a person should look; see :data:`UNFLAGGED`.

    Args:
        flags: a list of flags each row.
    """
    column = flags.combine_chunks()
    found = numpy.full(len(column), UNFLAGGED)
    values = pc.list_flatten(column)
    problem = pc.invert(pc.is_in(values, value_set=pa.array(sorted(REMARKS), pa.string())))
    places = pc.fill_null(pc.index_in(values, value_set=pa.array(ORDER)), len(ORDER))
    rows = pc.list_parent_indices(column).filter(problem).to_numpy()
    numpy.minimum.at(found, rows, places.filter(problem).to_numpy())
    return found


@dataclass(frozen=True)
class Flagged:
    """The flags of many sources, as bits: bit ``n`` is that of ``names[n]``."""

    names: list[str]
    counts: list[int]
    """Sources that have each flag, themselves or in a variant."""
    bits: numpy.ndarray
    """int32 (1 + ratios, rows): flags of the sources themselves, then of their variants."""

    @classmethod
    def of(cls, rows: pa.Table, aspects: Sequence[str]) -> Flagged:
        """Read the flags of an images manifest's rows; ``aspects`` are the names of its ratios."""
        flags, variants = rows["flags"].combine_chunks(), rows["variants"].combine_chunks()
        # Few rows have any: only those become Python objects.
        flagged = pc.unique(pc.list_parent_indices(flags)).to_numpy()
        made = variants.take(flagged).to_pylist()
        found = [
            _told(set(every), each, aspects)
            for every, each in zip(flags.take(flagged).to_pylist(), made, strict=True)
        ]
        counts = Counter(flag for each in found for flag in set().union(*each))
        names = sorted(counts, key=_place)
        places = {name: 1 << place for place, name in enumerate(names)}
        bits = numpy.zeros((1 + len(aspects), len(flags)), numpy.int32)
        for row, each in zip(flagged, found, strict=True):
            bits[:, row] = [sum(places[flag] for flag in told) for told in each]
        return cls(names, [counts[name] for name in names], bits)

    @property
    def problems(self) -> bool:
        """Whether a flag of any source says that something may be wrong."""
        return not REMARKS.issuperset(self.names)

    def columns(self, start: int, stop: int) -> list[list[int]]:
        """Return the rows ``start .. stop`` that have flags, for a script.

        Returns:
            For the sources themselves and for each ratio: row (from ``start``), bits, row, bits...
        """
        share = self.bits[:, start:stop]
        places = [numpy.flatnonzero(line) for line in share]
        pairs = zip(places, share, strict=True)
        return [numpy.stack([place, line[place]], 1).ravel().tolist() for place, line in pairs]

    def legend(self) -> list[dict[str, Any]]:
        """Return what the page must know of each flag, in the order of the bits."""
        return [
            {
                "name": name,
                "label": words(name).label,
                "text": words(name).explanation,
                "count": count,
                "problem": name not in REMARKS,
            }
            for name, count in zip(self.names, self.counts, strict=True)
        ]


def _told(
    every: set[str], variants: Sequence[Mapping[str, Any]], aspects: Sequence[str]
) -> list[set[str]]:
    """Return the flags of a source itself, then of its variant of each ratio."""
    of_variants = {each["aspect"]: set(each["flags"] or ()) for each in variants}
    own = every.difference(*of_variants.values())
    return [own, *(of_variants.get(aspect, set()) for aspect in aspects)]


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER)), name

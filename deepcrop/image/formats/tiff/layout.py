"""The layout of a TIFF page's samples in the file (TIFF 6.0)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ....errors import Corrupt
from .pages import HEIGHT, PHOTOMETRIC, WIDTH, Directory

_BITS, _COMPRESSION, _FILL_ORDER, _ORIENTATION, _SAMPLES = 258, 259, 266, 274, 277
_STRIPS, _ROWS, _STRIP_BYTES, _PLANAR, _PREDICTOR, _COLOURMAP = 273, 278, 279, 284, 317, 320
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_INKS, _EXTRA, _FORMAT, _YCBCR_SAMPLING = 332, 338, 339, 530


@dataclass(frozen=True)
class Layout:
    """The layout of a page's samples in the file; names and values are those of TIFF 6.0.

    Attributes:
        bits: bits of a sample, equal for all samples of a pixel; 0 if they differ.
        kind: ``u`` unsigned, ``i`` signed, ``f`` floating point, ``?`` anything else.
        samples: samples of a pixel, including extra samples.
        extra: kind of each extra sample: 0 unspecified, 1 premultiplied alpha, 2 straight alpha.
        planar: whether each sample is stored in a separate plane.
        segment: width and height of a tile, or of a strip (the image's width and the strip's rows).
    """

    directory: Directory
    width: int
    height: int
    bits: int
    kind: str
    samples: int
    extra: tuple[int, ...]
    photometric: int
    compression: int
    planar: bool
    predictor: int
    fill_order: int
    tiled: bool
    segment: tuple[int, int]
    sampling: tuple[int, int]
    inks: int

    @classmethod
    def of(cls, directory: Directory) -> Layout:
        """Read a directory's tags.

        Raises:
            Corrupt: a required tag is missing or has an impossible value.
        """
        number = directory.number
        width, height = number(WIDTH, 0), number(HEIGHT, 0)
        samples = number(_SAMPLES, 1)
        if width < 1 or height < 1 or samples < 1:
            raise Corrupt(f"tiff: {width}x{height} pixels of {samples} samples")
        extra = directory.values(_EXTRA)
        sampling = directory.values(_YCBCR_SAMPLING)
        sampling = None if sampling is None or len(sampling) != 2 else sampling
        tiled = _TILE_WIDTH in directory.entries
        if tiled:
            segment = number(_TILE_WIDTH, 0), number(_TILE_HEIGHT, 0)
        else:
            segment = width, min(number(_ROWS, height), height)
        if min(segment) < 1:
            raise Corrupt(f"tiff: strips or tiles of {segment[0]}x{segment[1]} pixels")
        return cls(
            directory=directory,
            width=width,
            height=height,
            bits=_same(directory.values(_BITS), samples, 1),
            kind={1: "u", 2: "i", 3: "f", 4: "u"}.get(
                _same(directory.values(_FORMAT), samples, 1), "?"
            ),
            samples=samples,
            extra=() if extra is None else tuple(int(each) for each in extra[:samples]),
            photometric=number(PHOTOMETRIC, -1),
            compression=number(_COMPRESSION, 1),
            planar=number(_PLANAR, 1) == 2,
            predictor=number(_PREDICTOR, 1),
            fill_order=number(_FILL_ORDER, 1),
            tiled=tiled,
            segment=segment,
            sampling=(2, 2) if sampling is None else (int(sampling[0]), int(sampling[-1])),
            inks=number(_INKS, 1),
        )

    @property
    def orientation(self) -> int:
        """The EXIF orientation, 1 to 8."""
        value = self.directory.number(_ORIENTATION, 1)
        return value if 1 <= value <= 8 else 1

    @property
    def colours(self) -> int:
        """The number of samples of a pixel without its extra samples."""
        return self.samples - len(self.extra)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """The offset and length in bytes of each strip or tile, shape (N, 2).

        Raises:
            Corrupt: strips or tiles are missing, or some lie outside the file.
        """
        tags = (_TILES, _TILE_BYTES) if self.tiled else (_STRIPS, _STRIP_BYTES)
        columns = [column for tag in tags if (column := self.directory.values(tag)) is not None]
        if len(columns) < 2:
            raise Corrupt("tiff: no strips or tiles")
        across, down = self.grid
        count = across * down * (self.samples if self.planar else 1)
        if min(map(len, columns)) < count:
            raise Corrupt(f"tiff: fewer strips or tiles than the {count} that the image needs")
        places = np.stack([column[:count].astype(np.int64) for column in columns], axis=1)
        if places.min() < 0 or (places.sum(axis=1) > len(self.directory.data)).any():
            raise Corrupt("tiff: a strip or tile lies beyond the end of the file")
        return places

    @property
    def grid(self) -> tuple[int, int]:
        """The number of strips or tiles across and down."""
        return -(-self.width // self.segment[0]), -(-self.height // self.segment[1])

    @property
    def colourmap(self) -> NDArray[np.uint16] | None:
        """The palette, shape (levels, 3)."""
        values = self.directory.values(_COLOURMAP)
        if values is None or len(values) != 3 << self.bits:
            return None
        return values.reshape(3, -1).T.astype(np.uint16)

    @property
    def deep_colours(self) -> bool:
        """Whether the palette's colours have 16 bits, as TIFF requires; some writers use 8."""
        return self.colourmap is not None and int(self.colourmap.max()) > 255


def _same(values: NDArray[np.number] | None, samples: int, default: int) -> int:
    """Return the value that all samples share; 0 if they differ. A single value applies to all."""
    if values is None or not len(values):
        return default
    distinct = {int(each) for each in values[:samples].tolist()}
    return distinct.pop() if len(distinct) == 1 else 0

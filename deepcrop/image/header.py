"""Read an image's header without decoding its pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from PIL import Image

from ..errors import Corrupt, SourceError, TooLarge, Unsupported
from .opened import Opened, Probe
from .openers import opener_of
from .pillow import without_warnings
from .signature import format_of

MAX_PIXELS = 2**27
"""Default limit of an image's size in pixels (width times height): 134 megapixels."""

# Messages of readers for valid files of an unsupported kind.
_UNKNOWN_KIND = re.compile(r"[Uu]nsupported|cannot handle|unknown pixel mode|data organization")


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Probe:
    """Read an image's header.

    Args:
        data: the whole file.
        max_pixels: the largest width times height to accept.

    Raises:
        NotAnImage: no decoder recognises the bytes; the message says what they look like.
        Corrupt: the header is broken.
        Unsupported: the file is of a kind that can't be read, or whose reader isn't installed; the
            message names the kind, or the extra.
        TooLarge: the image has more than ``max_pixels``.
    """
    with opened(data, max_pixels) as source:
        return replace(source.header, animated=source.several)


@contextmanager
def opened(data: bytes, max_pixels: int) -> Iterator[Opened]:
    """Open a file with the reader of its format; errors inside the context become DecodeErrors."""
    name = format_of(data)
    with without_warnings():
        try:
            with opener_of(name)(name, data, max_pixels) as source:
                yield source
        except SourceError:
            raise
        except (Image.DecompressionBombError, MemoryError) as error:
            raise TooLarge(f"{name}: {str(error) or 'not enough memory to decode it'}") from error
        except Exception as error:
            # On broken files, readers raise many kinds: struct.error, KeyError, EOFError, ...
            kind = Unsupported if _UNKNOWN_KIND.search(str(error)) else Corrupt
            raise kind(f"{name}: {type(error).__name__}: {error}"[:300]) from error

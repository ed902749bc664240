"""Where the captions of sources come from that have none in the list.

A job's ``caption`` is one of three things:

- ``metadata``: each source's own, from its XMP, IPTC or EXIF;
- ``module:function``: what a function of an installed module returns for the source's row;
- any other text: a caption for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from ..errors import InferError, RequestError
from ..image.metadata.blocks import SourceMetadata
from ..image.metadata.caption import caption_of

METADATA = "metadata"
"""The caption that stands for each source's own."""
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

CaptionFunction = Callable[[Mapping[str, object]], str | None]
"""Takes a row of the listing, returns the caption of the source or None."""


class Captions:
    """The captions of a job's sources."""

    def __init__(self, stated: str | None) -> None:
        """Take the job's ``caption``.

        Raises:
            RequestError: it names a function that can't be imported.
        """
        self.stated = stated
        self._function = None
        if stated is not None and _REFERENCE.fullmatch(stated):
            self._function = _imported(stated)

    def of(self, source: Mapping[str, object], metadata: SourceMetadata) -> str | None:
        """Return the caption of a source; None if it has none.

        Args:
            source: its row of the listing, whose own caption comes first.
            metadata: the metadata of its file.

        Raises:
            InferError: the job's function failed, or returned no text.
        """
        own = source.get("caption")
        if isinstance(own, str) and own:
            return own
        if self.stated == METADATA:
            return caption_of(metadata)
        if self._function is None:
            return self.stated
        try:
            found = self._function(source)
        except Exception as error:
            raise InferError(f"caption: {self.stated}: {type(error).__name__}: {error}") from error
        if found is not None and not isinstance(found, str):
            raise InferError(f"caption: {self.stated}: returned {type(found).__name__}, no text")
        return found or None


def _imported(reference: str) -> CaptionFunction:
    module, _, name = reference.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise RequestError(
            f"caption: {reference!r} cannot be imported ({error}); give module:function of an "
            "installed package, 'metadata', or a text"
        ) from error
    if not callable(found):
        raise RequestError(f"caption: {reference!r} is no function")
    return cast(CaptionFunction, found)

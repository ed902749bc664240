"""Name the optional extra that reads a kind of file, where its package is not installed."""

from __future__ import annotations

from ...errors import Unsupported


def missing(kind: str, extra: str) -> Unsupported:
    """Return the error for a file whose reader is not installed.

    Args:
        kind: what the file is, such as ``heif: HEIC``.
        extra: the name of the extra in ``pyproject.toml``.
    """
    return Unsupported(f"{kind} is read by the extra {extra!r}: pip install 'deepcrop[{extra}]'")

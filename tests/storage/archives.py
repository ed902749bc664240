"""Tar archives as the tests of stores need them."""

from __future__ import annotations

import io
import tarfile

FILES = {"a.jpg": b"first" * 300, "deep/b c.jpg": b"second", "empty.txt": b""}


def archive(files: dict[str, bytes] = FILES) -> bytes:
    """Return a tar archive of these files."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        folder = tarfile.TarInfo("deep")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return sink.getvalue()

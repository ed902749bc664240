"""Orphans: variants that a killed run stored, and that no row names.

They are made again under the same names, unless the job or the input changed since. Only then they
are looked for.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..sources.rows import source_id
from .store import Manifest

CHUNK = 4096
"""Objects that are looked up at once."""


def remove_orphans(manifest: Manifest) -> int:
    """Delete the files below ``variants/`` that no row names; return their number.

    Args:
        manifest: the manifest, which this process alone writes; all its sources are done.
    """
    names = [np.empty(0, np.int64)]
    for number in manifest.parts:
        rows = manifest.read_raw(number, ["variants.list.element.variant_uri"])
        uris = pc.struct_field(pc.list_flatten(rows["variants"]), "variant_uri").to_pylist()
        names.append(np.array([source_id(uri) for uri in uris], np.int64))
    named = pa.array(np.concatenate(names))
    entries = manifest.storage.list(f"{manifest.output}/variants")
    count = 0
    while chunk := [entry.uri for entry in islice(entries, CHUNK)]:
        ids = pa.array([source_id(uri) for uri in chunk], pa.int64())
        known = pc.is_in(ids, value_set=named).to_pylist()
        orphans = [uri for uri, is_named in zip(chunk, known, strict=True) if not is_named]
        manifest.storage.delete(orphans)
        count += len(orphans)
    return count

"""The corrections of an output: those that its job applies, with new ones among them."""

from __future__ import annotations

from ..sources.corrections import Corrections
from .store import Manifest


def all_corrections(new: Corrections, manifest: Manifest) -> Corrections:
    """Return new corrections, and the earlier ones about other sources."""
    table = manifest.read_corrections()
    return new if table is None else new.merged_over(Corrections(table))


def keep_corrections(new: Corrections, manifest: Manifest) -> None:
    """Write corrections down, before the first source that they change is worked on.

    Args:
        new: the new ones, about sources of the job.
        manifest: the manifest of the output.
    """
    if not new.statements:
        return
    merged = all_corrections(new, manifest)
    table = manifest.read_corrections()
    if table is None or not merged.table.equals(table):
        manifest.write_corrections(merged.table)

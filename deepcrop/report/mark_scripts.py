"""The log of marks as scripts of the page, for pages that no server serves."""

from __future__ import annotations

import json

from ..manifest.mark_log import MarkLog

MARK_ROWS = 5_000
"""Entries of the log in a script."""


def mark_scripts(log: MarkLog, build: str) -> list[tuple[str, str]]:
    """Return the names and texts of the scripts; none where nobody has marked anything.

    Args:
        log: the log, which is read here.
        build: name of the build of the page.
    """
    log.refresh()
    entries = [{**each, "applied": each["id"] in log.applied} for each in log.ordered()]
    scripts = []
    for number, start in enumerate(range(0, len(entries), MARK_ROWS)):
        told = json.dumps(entries[start : start + MARK_ROWS], ensure_ascii=False)
        call = f"deepcrop.marks({json.dumps(build)},{told});\n"
        scripts.append((f"marks-{number:04d}.js", call))
    return scripts

"""The staging area: variants that will replace others, until the rows of their sources name them.

A variant of a changed source has the name of the one that it replaces. It is written below
``OUTPUT/staging/RUN/`` first. The source's new row names it there; then it is copied to its own
name, and the row names that. So a row names whole variants at any time: all of the earlier ones,
or all of the new ones.
"""

from __future__ import annotations

from ..storage import join

FOLDER = "staging"
"""The folder of the output that holds the staging area."""


def staging_area(output: str, run: str) -> str:
    """Return the folder of a run's staged variants.

    Args:
        output: the output's URI.
        run: a text that no other run has: what is left of a killed run may write still.
    """
    return f"{output}/{FOLDER}/{run}"


def staged_uri(uri: str, output: str, area: str) -> str:
    """Return where a variant is written that replaces another one.

    Args:
        uri: the variant's own URI.
        output: the output's URI.
        area: the staging area of the run.
    """
    return area + uri.removeprefix(join(output, "variants"))


def own_uri(uri: str, output: str) -> str:
    """Return the URI that a variant has in the end; its own is returned as it is."""
    start = f"{output}/{FOLDER}/"
    if not uri.startswith(start):
        return uri
    return f"{output}/variants" + uri[uri.index("/", len(start)) :]

"""The driver process of a torture round: ``python -m jobs.faults.torture.driver JOB.json``.

It is the command ``deepcrop run``, but commits often, so that there is something to resume from
when it is killed.
"""

from __future__ import annotations

import sys

from deepcrop.cli import main
from deepcrop.engine import committer

PART_ROWS = 64
"""Rows after which a part of the manifest is committed."""
PART_SECONDS = 2.0
"""Seconds after which a part of the manifest is committed."""

if __name__ == "__main__":
    committer.PART_ROWS, committer.PART_SECONDS = PART_ROWS, PART_SECONDS
    main(["run", *sys.argv[1:]])

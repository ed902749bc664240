"""The driver process of a torture round: ``python -m tests.torture.driver JOB.json``.

The command ``deepcrop run``, but it commits often, so that much is committed when it is killed.
"""

from __future__ import annotations

import sys

from deepcrop.cli import main
from deepcrop.engine import driver as run

if __name__ == "__main__":
    run.PART_ROWS, run.PART_SECONDS = 64, 2.0
    main(["run", sys.argv[1]])

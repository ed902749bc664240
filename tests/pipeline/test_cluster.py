"""A cluster of a job's own."""

import os
import subprocess
import sys

ALONE = """
import psutil
from deepcrop.pipeline.cluster import connected
own = psutil.Process()
with connected():
    names = " ".join(part for each in own.children(recursive=True) for part in each.cmdline())
    assert "monitor.py" in names and "raylet" in names, names
print(own.children(recursive=True))
"""


def test_a_cluster_of_our_own_leaves_no_process():
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr

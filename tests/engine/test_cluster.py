"""A cluster of a job's own."""

import ast
import os
import subprocess
import sys

ALONE = """
import psutil
from deepcrop.engine.cluster import connected
own = psutil.Process()
with connected():
    names = " ".join(part for each in own.children(recursive=True) for part in each.cmdline())
    assert "monitor.py" in names and "raylet" in names, names
print(own.children(recursive=True))
"""

ACTORS = """
import ray
from ray._private.state import actors
from deepcrop.engine.cluster import connected

class Same:
    def __call__(self, batch):
        return batch

def kinds():
    pool = ray.data.ActorPoolStrategy(size=2)
    rows = ray.data.range(40, override_num_blocks=4).map_batches(Same, compute=pool)
    blocks = [block for bundle in rows.iter_internal_ref_bundles() for block in bundle.block_refs]
    assert sum(block.num_rows for block in ray.get(blocks)) == 40
    return sorted({each["ActorClassName"].partition("(")[0] for each in actors().values()})

with connected():
    print(kinds())
ray.init(address="local", include_dashboard=False, log_to_driver=False)
print(kinds())
ray.shutdown()
"""


def script(text):
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, env=environment
    )


def test_a_cluster_of_our_own_leaves_no_process():
    done = script(ALONE)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_cluster_of_our_own_has_no_actors_but_a_jobs_and_others_have_all():
    done = script(ACTORS)
    ours, theirs = done.stdout.splitlines()
    assert ours == "['MapWorker']", done.stderr
    attendants = {"ActorLocationTracker", "_AutoscalingCoordinatorActor", "_StatsActor"}
    assert set(ast.literal_eval(theirs)) == {"MapWorker"} | attendants

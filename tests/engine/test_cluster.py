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
import psutil
import ray
from deepcrop.engine.cluster import connected

class Same:
    def __call__(self, batch):
        return batch

def kinds():
    # Ray names the process of an actor after its class.
    names = {" ".join(each.cmdline()) for each in psutil.Process().children(recursive=True)}
    return {name[5:].partition("(")[0].partition(".")[0] for name in names if "ray::" in name}

def run():
    found = set()
    pool = ray.data.ActorPoolStrategy(size=2)
    rows = ray.data.range(40, override_num_blocks=4).map_batches(Same, compute=pool)
    for batch in rows.iter_batches(batch_size=None):
        found |= kinds()
        assert batch["id"].size
    return sorted(found)

with connected():
    print(run())
ray.init(address="local", include_dashboard=False, log_to_driver=False)
print(run())
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


def test_a_cluster_of_our_own_has_no_services_of_ray_data_and_others_have_all():
    done = script(ACTORS)
    ours, theirs = done.stdout.splitlines()
    services = {"ActorLocationTracker", "_AutoscalingCoordinatorActor", "_StatsActor"}
    assert "MapWorker" in ours and not services & set(ast.literal_eval(ours)), done.stderr
    assert set(ast.literal_eval(theirs)) >= {"MapWorker"} | services

"""A cluster of a job's own."""

import os
import signal
import subprocess
import sys

import pytest

from deepcrop.engine.cluster import own_sigterm

ALONE = """
import psutil
from deepcrop.engine.cluster import connected
own = psutil.Process()
with connected():
    names = " ".join(part for each in own.children(recursive=True) for part in each.cmdline())
    assert "raylet" in names, names
    for service in ("monitor.py", "dashboard.py"):  # which serve others than the job
        assert service not in names, names
print(own.children(recursive=True))
"""

SERVICES = """
import ray
from ray.util import list_named_actors
from deepcrop.engine.cluster import connected
from deepcrop.engine.compat import iter_blocks

class Same:
    def __call__(self, batch):
        return batch

def run():
    pool = ray.data.ActorPoolStrategy(size=2)
    rows = ray.data.range(40, override_num_blocks=4).map_batches(Same, compute=pool)
    assert sum(block.num_rows for block in iter_blocks(rows)) == 40
    return len(list_named_actors(all_namespaces=True))

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


@pytest.mark.slow
def test_a_cluster_of_our_own_has_no_services_of_ray_data_and_others_have_three():
    done = script(SERVICES)
    assert done.stdout.split() == ["0", "3"], done.stderr


def test_our_handler_of_sigterm_outlives_the_start_of_the_cluster():
    def ours(*_):
        pass

    before = signal.signal(signal.SIGTERM, ours)
    try:
        with own_sigterm():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as ray.init does
        assert signal.getsignal(signal.SIGTERM) is ours
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_exit_by_the_handler_of_ray_is_an_interrupt():
    with pytest.raises(KeyboardInterrupt), own_sigterm():
        sys.exit(signal.SIGTERM)
    with pytest.raises(SystemExit), own_sigterm():
        sys.exit(1)

"""A cluster that can't run the job is given up, but not before it has had time to recover."""

import pytest

from deepcrop.engine import capacity
from deepcrop.engine.capacity import CapacityMonitor
from deepcrop.errors import JobIncomplete

NODE = {"Alive": True, "Resources": {"CPU": 1.0}}
HEAD = {"Alive": True, "Resources": {"memory": 1e9}}


@pytest.fixture
def world(monkeypatch):
    """A cluster and a clock in a test's hands."""
    state = {"nodes": [HEAD, NODE], "time": 1000.0}
    monkeypatch.setattr("ray.nodes", lambda: state["nodes"])
    monkeypatch.setattr(capacity.time, "monotonic", lambda: state["time"])
    return state


def test_a_cluster_that_can_run_the_job_is_waited_for_as_long_as_it_takes(world):
    notes = []
    monitor = CapacityMonitor(0.9, 0.0, notes.append)
    for _ in range(10):
        world["time"] += capacity.NO_CAPACITY_TIMEOUT_S
        monitor.check()
    assert notes == []


@pytest.mark.parametrize(
    "nodes", [[], [HEAD], [HEAD, NODE | {"Alive": False}], [{"Alive": True, "Resources": {}}]]
)
def test_one_that_cannot_is_given_up_after_a_while(world, nodes):
    notes = []
    monitor = CapacityMonitor(0.9, 0.0, notes.append)
    world["nodes"] = nodes
    world["time"] += capacity.NO_CAPACITY_TIMEOUT_S
    monitor.check()
    assert len(notes) == 1 and "30 min" in notes[0]
    world["time"] += 1
    with pytest.raises(JobIncomplete, match=r"for 30 min; .*the same command resumes"):
        monitor.check()


def test_nodes_that_come_back_and_rows_begin_a_new_wait(world):
    notes = []
    monitor = CapacityMonitor(0.9, 0.0, notes.append)
    for back in (monitor.check, monitor.renew):
        world["nodes"] = [HEAD]
        world["time"] += capacity.NO_CAPACITY_TIMEOUT_S
        monitor.check()
        world["nodes"] = [HEAD, NODE]
        back()
    assert [bool(each) for each in notes] == [True, False, True, False]


def test_a_node_without_the_gpu_that_is_asked_for_is_none(world):
    monitor = CapacityMonitor(0.25, 0.5, lambda _: None)
    world["time"] += capacity.NO_CAPACITY_TIMEOUT_S + 1
    with pytest.raises(JobIncomplete):
        monitor.check()

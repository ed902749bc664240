"""Waiting: the driver has its turn while nothing comes, and gives a dead cluster up."""

import threading

import pytest

from deepcrop.engine import heartbeat as waiting
from deepcrop.engine.heartbeat import Patience, awaited
from deepcrop.errors import Interrupted


class Stop(Exception):
    """What a turn raises."""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(waiting, "PAUSE", 0.01)


def never():
    raise AssertionError("a turn although all came at once")


def test_a_stream_comes_through_in_its_order_and_is_closed(monkeypatch):
    monkeypatch.setattr(waiting, "PAUSE", 60.0)
    closed = []

    def stream():
        try:
            yield from range(5)
        finally:
            closed.append(True)

    assert list(awaited(stream(), never)) == [0, 1, 2, 3, 4] and closed == [True]
    first = awaited(stream(), never)
    assert next(first) == 0
    first.close()
    assert closed == [True, True]


def test_nothing_is_taken_ahead(monkeypatch):
    monkeypatch.setattr(waiting, "PAUSE", 60.0)
    taken = []

    def stream():
        for number in range(9):
            taken.append(number)
            yield number

    items = awaited(stream(), never)
    assert [next(items), next(items)] == [0, 1] and taken == [0, 1]
    items.close()


def test_errors_of_a_stream_are_its_own():
    def stream():
        yield 1
        raise ValueError("torn")

    items = awaited(stream(), lambda: None)
    assert next(items) == 1
    with pytest.raises(ValueError, match="torn"):
        next(items)


def test_turns_come_while_nothing_does_and_may_end_the_wait():
    gate, turns = threading.Event(), []

    def stream():
        gate.wait(60)
        yield "late"
        threading.Event().wait(60)
        yield "never"

    def turn():
        turns.append(len(turns))
        if turns == [0, 1, 2]:
            gate.set()
        if len(turns) > 5:
            raise Stop

    items = awaited(stream(), turn)
    with pytest.raises(Stop):
        list(items)
    assert gate.is_set()


NODE = {"Alive": True, "Resources": {"CPU": 1.0}}
HEAD = {"Alive": True, "Resources": {"memory": 1e9}}


@pytest.fixture
def world(monkeypatch):
    """A cluster and a clock in a test's hands."""
    state = {"nodes": [HEAD, NODE], "time": 1000.0}
    monkeypatch.setattr(waiting.ray, "nodes", lambda: state["nodes"])
    monkeypatch.setattr(waiting.time, "monotonic", lambda: state["time"])
    return state


def test_a_cluster_that_can_run_the_job_is_waited_for_as_long_as_it_takes(world):
    said = []
    patience = Patience(0.9, 0.0, said.append)
    for _ in range(10):
        world["time"] += waiting.PATIENCE
        patience.check()
    assert said == []


@pytest.mark.parametrize(
    "nodes", [[], [HEAD], [HEAD, NODE | {"Alive": False}], [{"Alive": True, "Resources": {}}]]
)
def test_one_that_cannot_is_given_up_after_a_while(world, nodes):
    said = []
    patience = Patience(0.9, 0.0, said.append)
    world["nodes"] = nodes
    world["time"] += waiting.PATIENCE
    patience.check()
    assert len(said) == 1 and "30 min" in said[0]
    world["time"] += 1
    with pytest.raises(Interrupted, match=r"for 30 min; .*the same command resumes"):
        patience.check()


def test_nodes_that_come_back_and_rows_begin_a_new_wait(world):
    said = []
    patience = Patience(0.9, 0.0, said.append)
    for back in (patience.check, patience.renew):
        world["nodes"] = [HEAD]
        world["time"] += waiting.PATIENCE
        patience.check()
        world["nodes"] = [HEAD, NODE]
        back()
    assert [bool(each) for each in said] == [True, False, True, False]


def test_a_node_without_the_gpu_that_is_asked_for_is_none(world):
    patience = Patience(0.25, 0.5, lambda _: None)
    world["time"] += waiting.PATIENCE + 1
    with pytest.raises(Interrupted):
        patience.check()

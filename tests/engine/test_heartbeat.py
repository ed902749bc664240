"""The heartbeat runs while nothing comes, and may end the wait."""

import threading

import pytest

from deepcrop.engine import heartbeat
from deepcrop.engine.heartbeat import iterate_with_heartbeat


class Stop(Exception):
    """What a heartbeat raises."""


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch):
    monkeypatch.setattr(heartbeat, "HEARTBEAT_S", 0.01)


def never():
    raise AssertionError("a heartbeat although all came at once")


def test_a_stream_comes_through_in_its_order_and_is_closed(monkeypatch):
    monkeypatch.setattr(heartbeat, "HEARTBEAT_S", 60.0)
    closed = []

    def stream():
        try:
            yield from range(5)
        finally:
            closed.append(True)

    assert list(iterate_with_heartbeat(stream(), never)) == [0, 1, 2, 3, 4] and closed == [True]
    first = iterate_with_heartbeat(stream(), never)
    assert next(first) == 0
    first.close()
    assert closed == [True, True]


def test_nothing_is_taken_ahead(monkeypatch):
    monkeypatch.setattr(heartbeat, "HEARTBEAT_S", 60.0)
    taken = []

    def stream():
        for number in range(9):
            taken.append(number)
            yield number

    items = iterate_with_heartbeat(stream(), never)
    assert [next(items), next(items)] == [0, 1] and taken == [0, 1]
    items.close()


def test_errors_of_a_stream_are_its_own():
    def stream():
        yield 1
        raise ValueError("torn")

    items = iterate_with_heartbeat(stream(), lambda: None)
    assert next(items) == 1
    with pytest.raises(ValueError, match="torn"):
        next(items)


def test_heartbeats_come_while_nothing_does_and_may_end_the_wait():
    gate, beats = threading.Event(), []

    def stream():
        gate.wait(60)
        yield "late"
        threading.Event().wait(60)
        yield "never"

    def beat():
        beats.append(len(beats))
        if beats == [0, 1, 2]:
            gate.set()
        if len(beats) > 5:
            raise Stop

    items = iterate_with_heartbeat(stream(), beat)
    with pytest.raises(Stop):
        list(items)
    assert gate.is_set()

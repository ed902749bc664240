"""Work side by side: in order, by the calling thread where no core is idle."""

from __future__ import annotations

import threading
import time

import pytest

from deepcrop.stages.parallel import SideBySide, idle_cores


@pytest.mark.parametrize("idle", [0, 1, 5])
def test_answers_come_in_the_order_of_the_items(idle):
    def work(item):
        time.sleep(0.001 * (item % 3))
        return item * item, threading.current_thread().name

    found = list(SideBySide(lambda: idle).map(work, iter(range(20))))
    assert [(item, answer[0]) for item, answer in found] == [(n, n * n) for n in range(20)]
    here = {threading.current_thread().name}
    assert ({answer[1] for _, answer in found} == here) == (idle == 0)


def test_items_are_taken_one_ahead_for_each_idle_core():
    taken = []

    def items():
        for item in range(10):
            taken.append(item)
            yield item

    answers = SideBySide(lambda: 2).map(lambda item: item, items())
    assert next(answers) == (0, 0) and taken == [0, 1, 2]


@pytest.mark.parametrize("idle", [0, 3])
def test_an_error_ends_it(idle):
    def work(item):
        if item == 4:
            raise ValueError("four")
        return item

    answers = SideBySide(lambda: idle).map(work, iter(range(9)))
    assert [next(answers)[0] for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="four"):
        next(answers)


def test_a_busy_core_is_not_idle():
    assert 0 <= idle_cores() < 1024

"""The layout of a job: whatever the nodes, what is laid out fits on them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from deepcrop.engine.layout import CPU_ACTOR_CPUS, Layout, Node, plan_for_nodes
from deepcrop.errors import RequestError
from deepcrop.job import Job


def job(**fields) -> Job:
    return Job(input="/in", output="/out", method="center", aspects=("1:1",), **fields)


def fits(nodes: list[Node], layout) -> bool:
    """Place actor after actor where there is room, networks first, as a scheduler does."""
    free = [[node.cpus, [1.0] * int(node.gpus)] for node in nodes]
    for _ in range(layout.actors):
        whole = max(1, int(layout.gpus))
        for node in free:
            room = [gpu for gpu, left in enumerate(node[1]) if left >= min(layout.gpus, 1) - 1e-6]
            if node[0] >= layout.cpus - 1e-6 and (not layout.gpus or len(room) >= whole):
                node[0] -= layout.cpus
                for gpu in room[: whole if layout.gpus else 0]:
                    node[1][gpu] -= min(layout.gpus, 1)
                break
        else:
            return False
    for _ in range(2 * layout.cpu_actors):
        node = max(free, key=lambda each: each[0])
        node[0] -= CPU_ACTOR_CPUS
    return all(cpus >= -1e-6 for cpus, _ in free)


@given(
    nodes=some.lists(
        some.builds(Node, cpus=some.integers(0, 16), gpus=some.integers(0, 4)),
        min_size=1,
        max_size=5,
    ),
    share=some.sampled_from([None, 0.0, 0.05, 0.25, 0.3, 0.5, 0.7, 1.0, 2.0]),
    actors=some.sampled_from([None, 1, 3, 20]),
)
def test_what_is_laid_out_fits_or_is_refused(nodes, share, actors):
    try:
        layout = plan_for_nodes(job(gpus=share, actors=actors), nodes)
    except RequestError:
        assert actors is not None or share is not None or min(n.cpus for n in nodes) < 2
        return
    assert layout.actors >= 1 and (actors is None or layout.actors == actors)
    assert fits(nodes, layout)


@pytest.mark.parametrize(
    ("nodes", "fields", "expected"),
    [
        ([Node(2, 0)], {}, (True, 2, 0)),
        ([Node(0, 0), Node(4, 0)], {"actors": 3}, (True, 3, 0)),
        ([Node(8, 1)], {}, (False, 1, 7)),
        ([Node(8, 2)], {"gpus": 0.5}, (False, 4, 6)),
        ([Node(4, 1)] * 3, {"gpus": 0.6}, (False, 3, 11)),
        ([Node(8, 1), Node(32, 0)], {"gpus": 0.25}, (False, 4, 38)),
        ([Node(8, 1)], {"gpus": 0}, (True, 8, 0)),
        ([Node(1, 1)] * 3, {}, (False, 3, 1)),  # a helper needs its CPU on one node
    ],
)
def test_layouts_of_common_machines(nodes, fields, expected):
    layout = plan_for_nodes(job(**fields), nodes)
    assert (layout.fused, layout.actors, layout.cpu_actors) == expected


def test_one_cpu_beside_a_gpu_is_too_few_and_that_is_said():
    with pytest.raises(RequestError, match="1 GPUs and 1 CPUs, room for 0"):
        plan_for_nodes(job(), [Node(1, 1)])


def test_blocks_grow_with_the_job_and_leave_enough_for_every_actor():
    layout = Layout(True, 2, 0.9, 0.0)
    for count, batches in ((1, 1), (6143, 1), (6144, 2), (12_288, 4), (10**6, 32)):
        assert layout.block_rows(count, 32) == 32 * batches
    assert layout.block_rows(10**6, 1) == 1
    assert Layout(False, 2, 0.25, 1.0, cpu_actors=4).block_rows(10**6, 32) == 32


def test_batches_of_a_small_job_are_small_so_that_every_actor_has_some():
    layout = Layout(True, 2, 0.9, 0.0)
    for count, batch in ((1, 2), (16, 2), (24, 3), (127, 15), (128, 16), (10**6, 16)):
        assert layout.batch_size(count, 16) == batch
    assert layout.batch_size(24, 1) == 1


def test_batches_on_a_gpu_are_no_smaller_for_many_helpers():
    layout = Layout(False, 2, 0.25, 1.0, cpu_actors=14)
    for count, batch in ((40, 5), (127, 15), (128, 16)):
        assert layout.batch_size(count, 16) == batch

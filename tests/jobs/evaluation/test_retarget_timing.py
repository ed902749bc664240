"""Timing retarget methods: operations counted, floors, the command."""

import pytest
import torch
from typer.testing import CliRunner

from deepcrop.geometry import Size
from jobs.benchmark import app
from jobs.evaluation.retarget_timing import Timing, measure


class Products:
    """Stands for a method: one product of two matrices an image, and its gradient's two."""

    def retarget(self, images, sizes):
        one, other = (torch.ones(*shape, requires_grad=True) for shape in ((8, 16), (16, 4)))
        torch.autograd.grad([(one @ other).sum() for _ in images], [one, other])
        return [[one.detach()] for _ in images]


def test_operations_are_those_of_an_image_backward_too():
    timing = measure(Products(), [torch.zeros(3, 4, 4)] * 5, Size(2, 4), threads=1, repeats=1)
    assert timing.operations == 3 * (2 * 8 * 16 * 4)
    assert timing.seconds > 0 and timing.rate > 0


def test_the_floor_is_operations_over_rate():
    assert Timing(seconds=1, operations=6e9, rate=3e9).floor == pytest.approx(2)


@pytest.mark.smoke
def test_the_command_prints_a_row_for_each_size():
    done = CliRunner().invoke(app, ["retarget", "--threads", "1", "--repeats", "1"])
    assert done.exit_code == 0, done.output
    assert "480x480" in done.output and "320x480" in done.output

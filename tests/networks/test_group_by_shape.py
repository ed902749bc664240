"""Images share a batch by size on an accelerator, and are alone on a CPU."""

import torch

from deepcrop.networks.group_by_shape import group_by_shape


def test_on_a_cpu_each_image_is_alone():
    inputs = [torch.rand(3, 4, 6), torch.rand(3, 4, 6), torch.rand(3, 2, 2)]
    found = list(group_by_shape(inputs))
    assert [members for members, _ in found] == [[0], [1], [2]]
    for [index], batch in found:
        assert torch.equal(batch[0], inputs[index])
        assert batch.is_contiguous(memory_format=torch.channels_last)


def test_elsewhere_those_of_one_size_go_together():
    sizes = [(4, 6), (2, 2), (4, 6)]
    inputs = [torch.empty(3, *size, device="meta") for size in sizes]
    found = [(members, batch.shape) for members, batch in group_by_shape(inputs)]
    assert found == [([0, 2], (2, 3, 4, 6)), ([1], (1, 3, 2, 2))]

"""oneDNN's convolution is used where it agrees with PyTorch's, and nowhere else."""

import warnings

import pytest
import torch

from deepcrop.networks import onednn
from deepcrop.networks.mobilenet import Conv2dSame


@pytest.fixture(autouse=True)
def _afresh():
    """Forget the self-tests before and after, and run on one thread."""
    threads = torch.get_num_threads()
    onednn._is_usable.cache_clear()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    onednn._is_usable.cache_clear()


def convolved():
    torch.manual_seed(0)
    layer, x = Conv2dSame(3, 4, 3, bias=True, clipped=True), torch.randn(1, 3, 8, 8)
    with torch.inference_mode():
        return onednn.is_faster(x), layer(x)


def test_the_operator_of_this_release_passes_its_self_test():
    assert onednn._self_test(torch.float32) == ""
    assert convolved()[0] is torch.backends.mkldnn.is_available()


@pytest.mark.parametrize("fault", ["wrong", "gone", "old"])
def test_an_operator_that_is_not_to_be_trusted_is_left_alone_with_one_warning(monkeypatch, fault):
    expected = convolved()[1]
    onednn._is_usable.cache_clear()
    if fault == "old":
        monkeypatch.setattr(onednn, "OLDEST_TORCH", (99, 0))
    else:

        def broken(x, *_, **__):
            if fault == "gone":
                raise RuntimeError("no such operator")
            return x

        monkeypatch.setattr(onednn, "convolve", broken)
    with pytest.warns(RuntimeWarning, match="without oneDNN") as warned:
        faster, found = convolved()
    assert not faster and len(warned) == 1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convolved()

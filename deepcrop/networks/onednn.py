"""Use oneDNN's convolution for small batches on one CPU thread, where PyTorch doesn't.

PyTorch (``use_mkldnn`` in Convolution.cpp) uses a slow convolution for batches below 16 on one
thread; with oneDNN the saliency network takes 23 instead of 27 ms. oneDNN also clips its results
while they are in the cache, which takes 0.89 of the time of a separate ReLU6, which reads and
writes them again.

The operator is internal to PyTorch: torch.compile emits calls of it. So it is used only in releases
from the first tested one on, and only if it agrees with ``conv2d`` in a self-test at first use.
Otherwise one warning is given, and PyTorch's own convolution is used.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

OLDEST_TORCH = (2, 11)
"""The first release of PyTorch, (major, minor), with which the operator was tested."""
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1}
"""Largest difference from ``conv2d`` in the self-test by type, for results in 0..6."""


def is_faster(input: Tensor) -> bool:
    """Return whether :func:`convolve` should replace PyTorch's convolution.

    Args:
        input: ``(B, C, H, W)``, the input of the convolution.
    """
    return (
        input.device.type == "cpu"
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not _is_exporting()
        and torch.get_num_threads() == 1
        and torch.backends.mkldnn.is_available()
        and input.dtype in TOLERANCE
        and _is_usable(input.dtype)
    )


def _is_exporting() -> bool:
    """Return whether the network is being converted to another form, which knows conv2d alone."""
    tracing = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return bool(tracing) or torch.compiler.is_compiling()


def convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    padding: str | tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    *,
    clipped: bool,
) -> Tensor:
    """Convolve ``(B, C, H, W)`` as ``conv2d`` does, without gradients.

    Args:
        input: a tensor on a CPU for which :func:`is_faster` returns True.
        weight: the weight of ``conv2d``, in the type of the input.
        bias: the bias of ``conv2d``; None without bias.
        padding: the padding of ``conv2d``.
        stride: the stride of ``conv2d``.
        dilation: the dilation of ``conv2d``.
        groups: the groups of ``conv2d``.
        clipped: whether to apply ReLU6 to the result.
    """
    end = ("hardtanh", [0.0, 6.0]) if clipped else ("none", [])
    operator = torch.ops.mkldnn._convolution_pointwise
    arguments = (input, weight, bias, padding, stride, dilation, groups, *end, "")
    return cast(Tensor, operator(*arguments))


@cache
def _is_usable(kind: torch.dtype) -> bool:
    """Return whether PyTorch has the operator and it agrees with ``conv2d``; warn if not."""
    try:
        if kind == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return False  # the processor doesn't support the type
        release = tuple(int(part) for part in torch.__version__.split(".")[:2])
        problem = "is too old" if release < OLDEST_TORCH else _self_test(kind)
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        problem = f"has no such operator ({str(error).splitlines()[0]})"
    if problem:
        warnings.warn(
            f"PyTorch {torch.__version__} {problem}: networks run without oneDNN's convolution on "
            "one thread, some 15% slower",
            RuntimeWarning,
            stacklevel=2,
        )
    return not problem


def _self_test(kind: torch.dtype) -> str:
    """Compare the operator with ``conv2d`` on random numbers; return the problem, or ""."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 8, 9, 11, generator=generator).to(kind, memory_format=torch.channels_last)
    bias = torch.randn(8, generator=generator).to(kind)
    for groups, stride, dilation in ((1, 1, 1), (8, 2, 1), (8, 1, 2)):
        weight = torch.randn(8, 8 // groups, 3, 3, generator=generator).to(kind)
        rest = ((stride, stride), (dilation, dilation), groups)
        found = convolve(x, weight, bias, (1, 1), *rest, clipped=True)
        expected = F.relu6(
            F.conv2d(x.float(), weight.float(), bias.float(), stride, 1, dilation, groups)
        )
        same = found.shape == expected.shape
        if not same or float((found.float() - expected).abs().max()) > TOLERANCE[kind]:
            return f"convolves {kind} by oneDNN to other numbers than conv2d"
    return ""

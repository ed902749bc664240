"""The number format in which a network runs on a device."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
"""Names of the CPU capabilities with native bfloat16 products; other CPUs convert, slowly."""


def inference_dtype(device: torch.device | str) -> torch.dtype:
    """Return bfloat16 on CPUs that multiply it natively, else float32.

    In bfloat16 the saliency network takes 0.6 of its time (`python -m jobs.benchmark crop`), and
    its maps correlate with those of float32 at 0.9996.
    """
    native = torch.device(device).type == "cpu" and _multiplies_bfloat16()
    return torch.bfloat16 if native else torch.float32


def check_dtype(x: Tensor, network: nn.Module) -> None:
    """Check that an input has the number format of a network's parameters.

    Without this check, the error would depend on PyTorch's backend.

    Raises:
        TypeError: the formats differ; the message names possible conversions.
    """
    wanted = next(network.parameters()).dtype
    if x.dtype != wanted and not torch.is_autocast_enabled(x.device.type):
        raise TypeError(
            f"an input of {x.dtype} for a network of {wanted}: "
            f"give it x.to({wanted}), or turn the network to {x.dtype} with network.to({x.dtype})"
        )


@cache
def _multiplies_bfloat16() -> bool:
    # Older releases of torch don't have this function; they use float32.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in INSTRUCTIONS)

"""deepcrop: crops and retargets whole image libraries with deep networks.

```python
>>> import deepcrop
>>> photo = deepcrop.open("photo.jpg")                         # oriented, sRGB
>>> square = deepcrop.crop(photo, "1:1", method="saliency")    # a PIL image
>>> job = deepcrop.Job(input="in", output="out", method="saliency", aspects=["1:1", "9:16"])
>>> result = deepcrop.run(job)
```
"""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import crop, retarget
    from .engine.driver import run
    from .errors import DeepcropError, JobIncomplete, RequestError, SourceError
    from .geometry import AspectRatio, Box, Size
    from .image import open
    from .job import Job
    from .manifest.results import Results
    from .methods.base import Crop, Hints
    from .methods.registry import load

# Arrow's own allocator keeps several times what tables took, for each thread. Arrow reads this
# once, when it is imported first; the processes of a job inherit it.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

__version__ = "0.2.0.dev0"

_HOMES = {
    "AspectRatio": ".geometry",
    "Box": ".geometry",
    "Crop": ".methods.base",
    "DeepcropError": ".errors",
    "Hints": ".methods.base",
    "JobIncomplete": ".errors",
    "Job": ".job",
    "RequestError": ".errors",
    "Results": ".manifest.results",
    "Size": ".geometry",
    "SourceError": ".errors",
    "crop": ".api",
    "load": ".methods.registry",
    "open": ".image",
    "retarget": ".api",
    "run": ".engine.driver",
}

_RENAMED = {"Interrupted": "JobIncomplete"}

__all__ = [
    "AspectRatio",
    "Box",
    "Crop",
    "DeepcropError",
    "Hints",
    "Job",
    "JobIncomplete",
    "RequestError",
    "Results",
    "Size",
    "SourceError",
    "crop",
    "load",
    "open",
    "retarget",
    "run",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use, so that ``import deepcrop`` waits for no network."""
    if name in _RENAMED:
        text = f"deepcrop.{name} is deepcrop.{_RENAMED[name]} now; the old name ends with 0.3"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        name = _RENAMED[name]
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*__all__, "__version__"])

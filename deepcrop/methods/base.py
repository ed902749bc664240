"""The two protocols that every method follows, and the registry that knows them by name.

A **crop method** answers with boxes, a **retarget method** with new pixels:

```python
>>> method = load("saliency")
>>> [[square, wide]] = method.boxes([photo], ["1:1", "16:9"])
>>> square.box, square.score, square.focal
```

Both take batches of images of different sizes, answer in order, are deterministic, and give each
image the result that it would have alone. A method of your own joins through the entry point
group ``deepcrop.methods``: its value names a class with the attributes of :class:`CropMethod` or
:class:`RetargetMethod`. Derived from one of them, it is checked by a type checker as ours are;
either way its attributes are checked when it is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Protocol,
    Self,
    TypeAlias,
    runtime_checkable,
)

from ..flags import Flag
from ..geometry import Box, Focal, RatioLike, Size
from .pictures import Photo, as_aspects, as_tensor, size_of
from .registry import (
    BUILT_IN,
    GROUP,
    Entry,
    analysis_of,
    check_weights,
    find,
    load,
    load_crop,
    load_retarget,
    registry,
    validate_options,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "BUILT_IN",
    "GROUP",
    "Crop",
    "CropMethod",
    "Entry",
    "Hints",
    "Kind",
    "Loaded",
    "MethodClass",
    "Part",
    "Photo",
    "RetargetMethod",
    "Trained",
    "analysis_of",
    "as_aspects",
    "as_tensor",
    "check_weights",
    "find",
    "load",
    "load_crop",
    "load_retarget",
    "registry",
    "size_of",
    "validate_options",
]

Kind = Literal["crop", "retarget"]


@dataclass(frozen=True)
class Part:
    """Something that a method found in an image, and that a crop box had better not cut."""

    box: Box
    """In source pixels, not empty, inside the image."""
    flag: Flag
    """What a crop gets whose box cuts it: ``head-cut`` or ``subject-cut``."""

    def cut_by(self, box: Box) -> bool:
        """Tell whether a crop box cuts it: it shows more than 5% and less than 95% of its area.

        What is left out isn't cut: of two people a portrait may show one.
        """
        return 0.05 < box.intersection(self.box) / self.box.area < 0.95


@dataclass(frozen=True)
class Crop:
    """One answer of a crop method."""

    box: Box
    """In source pixels, exactly of the requested ratio (to the nearest pixel)."""
    score: float
    """How good the method finds the crop, 0 (worst) to 1."""
    focal: Focal
    """The point that matters most, 0..1 of the source's sides: the same for all ratios."""
    note: str | None = None
    """What the user should know of this answer, such as words that were not understood."""
    flags: tuple[Flag, ...] = ()
    """What the method itself finds wrong with this box, beside the parts that it cuts."""
    parts: tuple[Part, ...] = ()
    """What the method found that the box may cut: the same for all ratios."""

    def flagged(self, size: Size) -> Self:
        """Return it with all flags of its box: the method's own, and those that can be computed.

        Those are: a part that it cuts, and a focal point that it leaves out. They are computed
        from the box as it is, also where a person has moved it since.

        Args:
            size: of the source.
        """
        flags = set(self.flags) - {Flag.FOCAL_OUTSIDE} - {part.flag for part in self.parts}
        flags |= {part.flag for part in self.parts if part.cut_by(self.box)}
        x, y = self.focal[0] * size.width, self.focal[1] * size.height
        if not (self.box.x0 <= x <= self.box.x1 and self.box.y0 <= y <= self.box.y1):
            flags.add(Flag.FOCAL_OUTSIDE)
        return replace(self, flags=tuple(each for each in Flag if each in flags))


@dataclass(frozen=True)
class Hints:
    """What a user says about one image; a method follows what it can."""

    caption: str | None = None
    """What the crop should show (CAGIC)."""
    focal: Focal | None = None
    """A point that must stay in the crop, as near to its centre as the image allows."""
    keep: tuple[Box, ...] = ()
    """Boxes, in source pixels, that no crop may cut where the ratio permits."""
    boosts: tuple[tuple[Box, float], ...] = ()
    """Boxes that matter more, each with the saliency that it adds, in units of the image's."""


class _Method(Protocol):
    """What crop and retarget methods have in common: attributes of the class, declared once."""

    name: ClassVar[str]
    """How it is called in jobs and commands."""
    summary: ClassVar[str]
    """What it does, in one line."""
    weights: ClassVar[str | None]
    """Name of the default weights; None where it needs none."""
    Options: ClassVar[type]
    """A dataclass: what may be chosen."""


@runtime_checkable
class CropMethod(_Method, Protocol):
    """Looks at images and says what to cut."""

    kind: ClassVar[Literal["crop"]] = "crop"

    @property
    def analysis(self) -> int:
        """Longest edge, in pixels, at which it looks at an image; more is wasted on it.

        Where it is the same for all weights and options, a class attribute of this name says so
        (``analysis: ClassVar[int] = 640``). Where not, it is a property, and :meth:`analysis_of`
        is overridden.
        """
        ...

    @classmethod
    def analysis_of(cls, options: Any, metadata: Mapping[str, str]) -> int:
        """Return :attr:`analysis` as an instance would have it, before there is one.

        Those who fetch and decode are told by it what to make for a network that others hold.

        Args:
            options: an instance of the class' ``Options``.
            metadata: of the weights' file; empty where it has none.
        """
        fixed = cls.analysis
        if not isinstance(fixed, int):
            raise NotImplementedError(f"{cls.__name__}: a property needs analysis_of beside it")
        return fixed

    def boxes(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
        hints: Sequence[Hints] | None = None,
    ) -> list[list[Crop]]:
        """Return one crop per image and ratio.

        Args:
            images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
            aspects: the ratios wanted of every image.
            sizes: the sources' sizes where ``images`` are scaled down; boxes are in their pixels.
            hints: what the user said, an entry an image.
        """
        ...


@runtime_checkable
class RetargetMethod(_Method, Protocol):
    """Makes new pixels for another shape."""

    kind: ClassVar[Literal["retarget"]] = "retarget"

    def retarget(
        self, images: Sequence[Photo], sizes: Sequence[Sequence[Size]]
    ) -> list[list[Tensor]]:
        """Return one image per image and size.

        Args:
            images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
            sizes: the sizes wanted of each image.

        Returns:
            uint8 tensors (3, height, width), exactly of those sizes.
        """
        ...


Loaded: TypeAlias = CropMethod | RetargetMethod
"""A method that is ready for work."""
MethodClass: TypeAlias = type[CropMethod] | type[RetargetMethod]


class Trained(Protocol):
    """What a method with weights has beside the rest."""

    @classmethod
    def from_weights(
        cls,
        state: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        options: Any,
        *,
        device: torch.device,
    ) -> Loaded:
        """Build the method from the contents of a weights file, on a device."""
        ...

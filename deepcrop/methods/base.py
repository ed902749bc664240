"""The contract of every method: what it is called with, and what it answers.

A **crop method** answers with boxes, a **retarget method** with new pixels:

```python
>>> method = deepcrop.load("saliency")
>>> [[square, wide]] = method.boxes([photo], ["1:1", "16:9"])
>>> square.box, square.score, square.focal
```

Both take batches of images of different sizes, answer in order, are deterministic, and give each
image the result that it would have alone. A method of your own joins through the entry point
group ``deepcrop.methods``: its value names a class with the attributes of :class:`CropMethod` or
:class:`RetargetMethod`. Derived from one of them, it is checked by a type checker as ours are;
either way its attributes are checked when it is found (:mod:`deepcrop.methods.registry`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import (
    TYPE_CHECKING,
    ClassVar,
    Literal,
    NamedTuple,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    runtime_checkable,
)

from ..flags import Flag
from ..geometry import AspectRatio, Box, Focal, RatioLike, Size
from .pictures import Photo, as_aspects, as_tensor, size_of

if TYPE_CHECKING:
    import torch
    from _typeshed import DataclassInstance
    from torch import Tensor

__all__ = [
    "Crop",
    "CropInputs",
    "CropMethod",
    "Hints",
    "Kind",
    "Loaded",
    "Method",
    "MethodClass",
    "Part",
    "Photo",
    "RetargetMethod",
    "Trained",
    "as_aspects",
    "as_tensor",
    "options_of",
    "read_inputs",
    "size_of",
]

OptionsT = TypeVar("OptionsT", bound="DataclassInstance")

Kind = Literal["crop", "retarget"]


@dataclass(frozen=True)
class Part:
    """Something that a method found in an image, and that a crop box should not cut."""

    box: Box
    """The place of the part, in source pixels, not empty, inside the image."""
    flag: Flag
    """The flag of a crop whose box cuts it: ``head-cut`` or ``subject-cut``."""

    def cut_by(self, box: Box) -> bool:
        """Tell whether a crop box cuts it: it shows more than 5% and less than 95% of its area.

        What is left out isn't cut: of two people a portrait may show one.
        """
        return 0.05 < box.intersection(self.box) / self.box.area < 0.95


@dataclass(frozen=True)
class Crop:
    """One answer of a crop method."""

    box: Box
    """The crop box, in source pixels, of the requested ratio to the nearest pixel."""
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


class CropInputs(NamedTuple):
    """The arguments of :meth:`CropMethod.boxes`, read and completed; an entry an image."""

    images: Sequence[Tensor]
    """Tensors uint8 ``(3, H, W)``."""
    ratios: Sequence[AspectRatio]
    """The ratios wanted of every image."""
    sizes: Sequence[Size]
    """The sources' sizes, in whose pixels boxes are answered."""
    hints: Sequence[Hints]
    """What the user said; empty hints where nothing was said."""


def read_inputs(
    images: Sequence[Photo],
    aspects: Sequence[RatioLike],
    sizes: Sequence[Size] | None,
    hints: Sequence[Hints] | None,
) -> CropInputs:
    """Read the arguments of :meth:`CropMethod.boxes`, which every crop method starts with.

    Args:
        images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
        aspects: the ratios wanted of every image.
        sizes: the sources' sizes; None where the images are the sources.
        hints: what the user said, an entry an image; None: nothing.

    Raises:
        RequestError: one is no image or no ratio.
    """
    tensors = [as_tensor(image) for image in images]
    return CropInputs(
        tensors,
        as_aspects(aspects),
        sizes or [size_of(tensor) for tensor in tensors],
        hints or [Hints()] * len(tensors),
    )


def options_of(kind: type[OptionsT], options: DataclassInstance | None) -> OptionsT:
    """Return options as the dataclass of a method; its defaults where there are none.

    Args:
        kind: the ``Options`` of the method.
        options: an instance of it, or None.

    Raises:
        TypeError: they are of another method.
    """
    if options is None:
        return kind()
    if not isinstance(options, kind):
        raise TypeError(f"options {options!r}: expected {kind.__qualname__}")
    return options


class Method(Protocol):
    """What crop and retarget methods have in common: attributes of the class, declared once."""

    name: ClassVar[str]
    """The name of the method in jobs and commands."""
    summary: ClassVar[str]
    """What the method does, in one line."""
    weights: ClassVar[str | None]
    """The name of the default weights; None for a method that needs none."""
    Options: ClassVar[type[DataclassInstance]]
    """A dataclass whose fields are the options that a user may choose."""


@runtime_checkable
class CropMethod(Method, Protocol):
    """Finds the crop box of each image and ratio."""

    kind: ClassVar[Literal["crop"]] = "crop"

    @property
    def analysis(self) -> int:
        """The longest edge, in pixels, of the images that the method analyses.

        Where it is the same for all weights and options, it is a class attribute
        (``analysis: ClassVar[int] = 640``). Where not, it is a property, and :meth:`analysis_of`
        is overridden.
        """
        ...

    @classmethod
    def analysis_of(cls, options: DataclassInstance, metadata: Mapping[str, str]) -> int:
        """Return :attr:`analysis`, in pixels, without an instance.

        The processes that fetch and decode images ask for it, and load no network.

        Args:
            options: an instance of the class' ``Options``.
            metadata: of the weights' file; empty for a method without weights.

        Raises:
            NotImplementedError: ``analysis`` is a property, and this method isn't overridden.
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
class RetargetMethod(Method, Protocol):
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
"""An instance of a method, with its network on a device."""
MethodClass: TypeAlias = type[CropMethod] | type[RetargetMethod]


class Trained(Protocol):
    """The constructor of a method with weights."""

    @classmethod
    def from_weights(
        cls,
        state: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        options: DataclassInstance | None = None,
        *,
        device: torch.device | str = "cpu",
    ) -> Loaded:
        """Build the method from the contents of a weights file.

        Args:
            state: the parameters by name.
            metadata: of the weights' file.
            options: an instance of the class' ``Options``; None: its defaults.
            device: where the network runs.
        """
        ...

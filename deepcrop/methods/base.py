"""The contract of methods: their attributes, arguments and results.

A **crop method** returns boxes, a **retarget method** returns new pixels:

```python
>>> method = deepcrop.load("saliency")
>>> [[square, wide]] = method.boxes([photo], ["1:1", "16:9"])
>>> square.box, square.score, square.focal
```

Both take batches of images of different sizes, return results in order, are deterministic, and give
each image the result that it would have alone. Other packages add methods through the entry point
group ``deepcrop.methods``: an entry point names a class with the attributes of :class:`CropMethod`
or :class:`RetargetMethod`. A class that is derived from one of them can be checked by a type
checker. The attributes of all classes are checked when the method is looked up
(:mod:`deepcrop.methods.registry`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from ..geometry import WHOLE, AspectRatio, Box, Focal, RatioLike, SafeArea, Size
from .pictures import Photo, as_array, as_aspects, as_tensor, size_of, size_of_array

if TYPE_CHECKING:
    import numpy as np
    import torch
    from _typeshed import DataclassInstance
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = [
    "CaptionMapped",
    "Crop",
    "CropInputs",
    "CropMethod",
    "Finder",
    "Hints",
    "Kind",
    "Loaded",
    "Method",
    "MethodClass",
    "Part",
    "Photo",
    "PixelInputs",
    "Remembering",
    "RetargetMethod",
    "Trained",
    "as_array",
    "as_aspects",
    "as_tensor",
    "finder_of",
    "options_of",
    "read_inputs",
    "read_pixels",
    "size_of",
]

OptionsT = TypeVar("OptionsT", bound="DataclassInstance")

Kind = Literal["crop", "retarget"]


@dataclass(frozen=True)
class Part:
    """Something that a method found in an image and that a crop box should not cut."""

    box: Box
    """The box around the part in source pixels, not empty, inside the image."""
    flag: Flag
    """The flag of a crop whose box cuts the part: ``head-cut`` or ``subject-cut``."""

    def cut_by(self, box: Box) -> bool:
        """Return whether a crop box cuts the part: it has more than 5%, less than 95% of its area.

        A part that is left out doesn't count as cut: a portrait may show one of two people.
        """
        return 0.05 < box.intersection(self.box) / self.box.area < 0.95


@dataclass(frozen=True)
class Crop:
    """One result of a crop method."""

    box: Box
    """The crop box in source pixels, of the requested aspect ratio to the nearest pixel."""
    score: float
    """The crop's quality, 0 (worst) to 1; what it measures, the method's ``score_meaning`` says."""
    focal: Focal
    """The most important point, 0..1 of the source's sides, equal for all ratios."""
    note: str | None = None
    """A note for the user on this result, such as words that were not understood."""
    flags: tuple[Flag, ...] = ()
    """The method's own flags of this box, except those of cut parts."""
    parts: tuple[Part, ...] = ()
    """Parts of the image that the box should not cut, equal for all ratios."""
    preference: float | None = None
    """The chance (0..1) that a person prefers the crop to the largest centred one; None if the
    method doesn't estimate it."""

    def flagged(self, size: Size) -> Self:
        """Return the crop with all flags of its box: the method's own and the computed ones.

        The computed flags report cut parts, and a focal point outside the box. They are computed
        from the current box, which a person may have moved.

        Args:
            size: size of the source in pixels.
        """
        flags = set(self.flags) - {Flag.FOCAL_OUTSIDE} - {part.flag for part in self.parts}
        flags |= {part.flag for part in self.parts if part.cut_by(self.box)}
        x, y = self.focal[0] * size.width, self.focal[1] * size.height
        if not (self.box.x0 <= x <= self.box.x1 and self.box.y0 <= y <= self.box.y1):
            flags.add(Flag.FOCAL_OUTSIDE)
        return replace(self, flags=tuple(each for each in Flag if each in flags))


@dataclass(frozen=True)
class Hints:
    """A user's hints for one image; a method follows the hints that it supports."""

    caption: str | None = None
    """A description of what the crop should show (CAGIC)."""
    focal: Focal | None = None
    """A point that must be in the crop, as near to its centre as the image allows (0..1)."""
    keep: tuple[Box, ...] = ()
    """Boxes in source pixels that crops must not cut, unless they don't fit the ratio."""
    safe: Mapping[AspectRatio, SafeArea] = field(default_factory=dict)
    """The parts of the crops that nothing is laid over, by ratio; followed by methods whose
    ``follows_safe`` says so. Of others the boxes are shifted afterwards."""

    def safe_of(self, ratio: AspectRatio) -> SafeArea:
        """Return the safe area of a ratio's crop; the whole crop where none was stated."""
        return self.safe.get(ratio, WHOLE)


Finder = Callable[[Hints], "list[Crop]"]
"""Finds the crops of one image, one for each ratio, from hints: the network isn't run again."""


class CropInputs(NamedTuple):
    """The converted arguments of :meth:`CropMethod.boxes`, with defaults filled in."""

    images: Sequence[Tensor]
    """The images, uint8 ``(3, H, W)`` each."""
    ratios: Sequence[AspectRatio]
    """The aspect ratios requested for every image."""
    sizes: Sequence[Size]
    """The size of each image's source in pixels; boxes are in these pixels."""
    hints: Sequence[Hints]
    """The hints for each image; empty hints if the user gave none."""


def read_inputs(
    images: Sequence[Photo],
    aspects: Sequence[RatioLike],
    sizes: Sequence[Size] | None,
    hints: Sequence[Hints] | None,
) -> CropInputs:
    """Convert and check the arguments of :meth:`CropMethod.boxes`; every crop method starts so.

    Args:
        images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
        aspects: the aspect ratios requested for every image.
        sizes: the size of each image's source; None if the images are the sources.
        hints: the user's hints for each image; None if there are none.

    Raises:
        RequestError: an argument isn't an image or isn't an aspect ratio.
    """
    tensors = [as_tensor(image) for image in images]
    return CropInputs(
        tensors,
        as_aspects(aspects),
        sizes or [size_of(tensor) for tensor in tensors],
        hints or [Hints()] * len(tensors),
    )


class PixelInputs(NamedTuple):
    """:class:`CropInputs` for methods that do without PyTorch, whose import takes seconds."""

    images: Sequence[NDArray[np.uint8]]
    """The images, ``(H, W, 3)`` each."""
    ratios: Sequence[AspectRatio]
    """See :attr:`CropInputs.ratios`."""
    sizes: Sequence[Size]
    """See :attr:`CropInputs.sizes`."""
    hints: Sequence[Hints]
    """See :attr:`CropInputs.hints`."""


def read_pixels(
    images: Sequence[Photo],
    aspects: Sequence[RatioLike],
    sizes: Sequence[Size] | None,
    hints: Sequence[Hints] | None,
) -> PixelInputs:
    """Convert and check the arguments of :meth:`CropMethod.boxes` as :func:`read_inputs` does.

    Args:
        images: see :func:`read_inputs`.
        aspects: see :func:`read_inputs`.
        sizes: see :func:`read_inputs`.
        hints: see :func:`read_inputs`.

    Raises:
        RequestError: an argument isn't an image or isn't an aspect ratio.
    """
    arrays = [as_array(image) for image in images]
    return PixelInputs(
        arrays,
        as_aspects(aspects),
        sizes or [size_of_array(each) for each in arrays],
        hints or [Hints()] * len(arrays),
    )


def options_of(kind: type[OptionsT], options: DataclassInstance | None) -> OptionsT:
    """Return the options of a method, checked to be of its dataclass; None gives the defaults.

    Args:
        kind: the ``Options`` dataclass of the method.
        options: an instance of ``kind``, or None.

    Raises:
        TypeError: the options are of another method.
    """
    if options is None:
        return kind()
    if not isinstance(options, kind):
        raise TypeError(f"options {options!r}: expected {kind.__qualname__}")
    return options


@runtime_checkable
class Remembering(Protocol):
    """A crop method whose look at images can be kept, to search crops again with other hints."""

    def finders(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
    ) -> list[Finder]:
        """Look at images; the results give for hints what :meth:`CropMethod.boxes` does.

        Args:
            images: the images, as for :meth:`CropMethod.boxes`.
            aspects: the aspect ratios, as for :meth:`CropMethod.boxes`.
            sizes: the sizes of the sources, as for :meth:`CropMethod.boxes`.
        """
        ...


def finder_of(
    method: CropMethod, image: Photo, ratios: Sequence[AspectRatio], size: Size
) -> Finder:
    """Return what finds the crops of an image for hints; it runs the network again if it must.

    Args:
        method: the method.
        image: the image at the method's analysis size.
        ratios: the aspect ratios of the crops.
        size: size of the source in pixels.
    """
    if isinstance(method, Remembering):
        return method.finders([image], ratios, sizes=[size])[0]
    return lambda hints: method.boxes([image], ratios, sizes=[size], hints=[hints])[0]


@runtime_checkable
class CaptionMapped(Protocol):
    """A crop method that can show where an image has what a caption names."""

    def caption_map(self, image: Photo, caption: str) -> Tensor | None:
        """Return how much each place is what a caption names ``(h, w)``, >= 0; None if none is.

        Args:
            image: the image, as for :meth:`CropMethod.boxes`.
            caption: the caption.
        """
        ...


class Method(Protocol):
    """The class attributes that crop and retarget methods have in common."""

    name: ClassVar[str]
    """The name of the method in jobs and commands."""
    summary: ClassVar[str]
    """A description of the method in one line."""
    weights: ClassVar[str | None]
    """The name of the default weights; None for a method that needs none."""
    Options: ClassVar[type[DataclassInstance]]
    """A dataclass whose fields are the options that a user may set."""
    algorithm: ClassVar[int] = 1
    """The version of the method's algorithm: raised where the same weights and options give other
    results, so that outputs are brought up to date."""


@runtime_checkable
class CropMethod(Method, Protocol):
    """A method that finds a crop box for each image and aspect ratio."""

    kind: ClassVar[Literal["crop"]] = "crop"
    score_meaning: ClassVar[str] = "how good the method finds the crop, 0 (worst) to 1"
    """What :attr:`Crop.score` says of this method's crops, in one line without a full stop."""

    cheap_boxes: ClassVar[bool] = False
    """Whether the boxes of further ratios cost next to nothing once the method has seen an image.
    Jobs then record those of common ratios too, so that one that is asked for later needs no
    further look."""
    follows_safe: ClassVar[bool] = False
    """Whether the search itself follows :attr:`Hints.safe`."""
    needs_pixels: ClassVar[bool] = True
    """Whether the method looks at images; False: it may be given blank ones of the right shape,
    since scaling a photo down takes milliseconds. Derived classes don't inherit it."""

    @property
    def analysis(self) -> int:
        """The longest edge, in pixels, of the images that the method analyses.

        If it is equal for all weights and options, it is a class attribute
        (``analysis: ClassVar[int] = 640``). Otherwise it is a property, and :meth:`analysis_of` is
        overridden.
        """
        ...

    @classmethod
    def analysis_of(cls, options: DataclassInstance, metadata: Mapping[str, str]) -> int:
        """Return :attr:`analysis`, in pixels, without an instance.

        It is called in the processes that fetch and decode images, which don't load a network.

        Args:
            options: an instance of the class' ``Options``.
            metadata: the metadata of the weights file; empty for a method without weights.

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
        """Return one crop for each image and aspect ratio.

        Args:
            images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
            aspects: the aspect ratios requested for every image.
            sizes: the sizes of the sources if ``images`` are scaled down; boxes are in source
                pixels.
            hints: the user's hints for each image.
        """
        ...


@runtime_checkable
class RetargetMethod(Method, Protocol):
    """A method that computes new pixels for other sizes."""

    kind: ClassVar[Literal["retarget"]] = "retarget"

    def retarget(
        self, images: Sequence[Photo], sizes: Sequence[Sequence[Size]]
    ) -> list[list[Tensor]]:
        """Return one result for each image and size.

        Args:
            images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
            sizes: the sizes requested for each image, in pixels.

        Returns:
            uint8 tensors (3, height, width), exactly of the requested sizes.
        """
        ...


Loaded: TypeAlias = CropMethod | RetargetMethod
"""An instance of a method, with its network on a device."""
MethodClass: TypeAlias = type[CropMethod] | type[RetargetMethod]


class Trained(Protocol):
    """The constructor of methods with weights."""

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
            metadata: the metadata of the weights file.
            options: an instance of the class' ``Options``; None: its defaults.
            device: the device on which the network runs.
        """
        ...

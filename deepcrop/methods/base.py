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

from collections.abc import Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    ClassVar,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    runtime_checkable,
)

from ..geometry import AspectRatio, RatioLike, Size
from .crops import Crop, Finder, Hints, Part
from .inputs import CropInputs, PixelInputs, read_inputs, read_pixels
from .pictures import Photo, as_array, as_aspects, as_tensor, size_of

if TYPE_CHECKING:
    import torch
    from _typeshed import DataclassInstance
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

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
:class:`RetargetMethod`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from ..errors import RequestError
from ..flags import Flag
from ..geometry import AspectRatio, Box, Focal, Size

if TYPE_CHECKING:
    from torch import Tensor

GROUP = "deepcrop.methods"
Kind = Literal["crop", "retarget"]


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
    """What the method itself finds wrong with this box, such as a head that it cuts."""


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


@runtime_checkable
class CropMethod(Protocol):
    """Looks at images and says what to cut."""

    kind: ClassVar[Kind] = "crop"
    name: ClassVar[str]
    summary: ClassVar[str]
    weights: ClassVar[str | None]
    """Name of the default weights."""
    analysis: int
    """Longest edge, in pixels, at which the method looks at an image; more is wasted on it."""

    def boxes(
        self,
        images: Sequence[Any],
        aspects: Sequence[AspectRatio | str],
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
class RetargetMethod(Protocol):
    """Makes new pixels for another shape."""

    kind: ClassVar[Kind] = "retarget"
    name: ClassVar[str]
    summary: ClassVar[str]
    weights: ClassVar[str | None]

    def retarget(
        self, images: Sequence[Any], sizes: Sequence[Sequence[Size]]
    ) -> list[list[Tensor]]:
        """Return one image per image and size.

        Args:
            images: PIL images, arrays (H, W, 3) or tensors (3, H, W), 8-bit RGB, of any sizes.
            sizes: the sizes wanted of each image.

        Returns:
            uint8 tensors (3, height, width), exactly of those sizes.
        """
        ...


@dataclass(frozen=True)
class Entry:
    """What the registry knows of a method before it is imported."""

    name: str
    target: str
    """``module:class``."""

    def method(self) -> Any:
        """Import the class."""
        module, _, attribute = self.target.partition(":")
        return getattr(import_module(module), attribute)


BUILT_IN = {
    "center": "deepcrop.methods.center:Center",
    "deepir": "deepcrop.methods.deepir:DeepIR",
    "dnr": "deepcrop.methods.dnr:DNR",
    "dnr-paper": "deepcrop.methods.dnr:PaperDNR",
    "cagic": "deepcrop.methods.cagic:Cagic",
    "saliency": "deepcrop.methods.saliency:SaliencyCrop",
    "mars": "deepcrop.methods.mars:MarsCrop",
}


@cache
def registry() -> Mapping[str, Entry]:
    """Return every method by name: ours, and those of installed packages."""
    ours = {name: Entry(name, target) for name, target in BUILT_IN.items()}
    theirs = {point.name: Entry(point.name, point.value) for point in entry_points(group=GROUP)}
    return theirs | ours


def find(name: str) -> Any:
    """Return the class of a method.

    Raises:
        RequestError: no method has this name.
    """
    if name not in registry():
        known = ", ".join(sorted(registry()))
        raise RequestError(f"method {name!r}: unknown; one of: {known}")
    return registry()[name].method()


def load(
    name: str, *, device: str | None = None, weights: str | None = None, **options: Any
) -> Any:
    """Make a method ready for work, with its network on a device.

    Args:
        name: one of ``deepcrop methods``.
        device: ``"cuda"``, ``"cuda:1"``, ``"cpu"``; by default a GPU where there is one.
        weights: a catalogue name or the path of a file; by default the method's own.
        options: fields of the method's ``Options``.

    Raises:
        RequestError: unknown method, weights, option, or option value.
    """
    method = find(name)
    settings = validate_options(name, options)
    if method.weights is None:
        return method(settings)
    import torch

    from .. import weights as store

    state, metadata = store.load(weights or method.weights)
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return method.from_weights(state, metadata, settings, device=torch.device(chosen))
    except (KeyError, ValueError, RuntimeError) as error:
        foreign = not isinstance(error, RuntimeError) or "state_dict" in str(error)
        if weights is None or not foreign:
            raise
        raise _foreign(name, weights) from error


def check_weights(name: str, weights: str) -> None:
    """Make sure that there are such weights, and that named ones are of the method.

    What is in a file shows when it is loaded.

    Args:
        name: of the method.
        weights: a catalogue name or the path of a file.

    Raises:
        RequestError: there are none, or they are of another method.
    """
    from .. import weights as store

    entry = store.catalogue().get(weights)
    if entry is not None and name in BUILT_IN and name not in entry.methods:
        raise _foreign(name, weights)
    store.locate(weights)


def _foreign(name: str, weights: str) -> RequestError:
    return RequestError(
        f"weights {weights!r}: not of the method {name!r}; see: deepcrop weights list"
    )


def validate_options(name: str, options: Mapping[str, Any]) -> Any:
    """Return the options of a method as its ``Options`` dataclass, types checked and converted.

    Raises:
        RequestError: an option is unknown or has a wrong value; the message names what is right.
    """
    from pydantic import TypeAdapter, ValidationError

    kind = find(name).Options
    known = [field.name for field in fields(kind)]
    for option in options:
        if option not in known:
            right = ", ".join(known) or "none"
            raise RequestError(f"option {option!r} of method {name!r}: unknown; it has: {right}")
    try:
        return TypeAdapter(kind).validate_python(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise RequestError(
            f"option {field!r} of method {name!r}: {first['input']!r}: {first['msg']}"
        ) from None


def as_tensor(image: Any) -> Tensor:
    """Return an image as a uint8 tensor (3, H, W), RGB.

    Args:
        image: a PIL image, an array (H, W, 3) or a tensor (3, H, W); 8-bit.

    Raises:
        RequestError: it is none of these.
    """
    import numpy
    import torch

    if isinstance(image, torch.Tensor):
        if image.dtype == torch.uint8 and image.ndim == 3 and image.shape[0] == 3:
            return image
        raise RequestError(
            f"image tensor of {image.dtype}, shape {tuple(image.shape)}: "
            "expected uint8 of shape (3, H, W)"
        )
    if hasattr(image, "convert") and getattr(image, "mode", "RGB") != "RGB":
        image = image.convert("RGB")
    array = numpy.asarray(image)
    if array.dtype != numpy.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise RequestError(
            f"image array of {array.dtype}, shape {array.shape}: "
            "expected a PIL image or uint8 of shape (H, W, 3)"
        )
    return torch.from_numpy(numpy.array(array, order="C")).permute(2, 0, 1)


def as_aspects(aspects: Sequence[AspectRatio | str]) -> list[AspectRatio]:
    """Read ratios given as text."""
    return [AspectRatio.parse(each) if isinstance(each, str) else each for each in aspects]


def size_of(image: Tensor) -> Size:
    """Return the size of a tensor (..., H, W)."""
    return Size(int(image.shape[-1]), int(image.shape[-2]))

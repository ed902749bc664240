"""Find and load methods by name: ours and those of installed packages, which are checked first.

```python
method = load("saliency", device="cpu", faces=0)     # ready for use
find("saliency").summary                             # the class; no network is loaded
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, cast, overload

from .. import runtimes
from ..errors import RequestError
from .base import CropMethod, Loaded, MethodClass, RetargetMethod, Trained

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from .mars.method import MarsCrop
    from .saliency import SaliencyCrop

GROUP = "deepcrop.methods"
"""The entry point group by which installed packages add methods."""

OptionsT = TypeVar("OptionsT", bound="DataclassInstance")

BUILT_IN = {
    "center": "deepcrop.methods.center:Center",
    "deepir": "deepcrop.methods.deepir.method:DeepIR",
    "dnr": "deepcrop.methods.dnr.method:DNR",
    "dnr-paper": "deepcrop.methods.dnr.method:PaperDNR",
    "cagic": "deepcrop.methods.cagic.method:Cagic",
    "saliency": "deepcrop.methods.saliency:SaliencyCrop",
    "mars": "deepcrop.methods.mars.method:MarsCrop",
}
"""The methods of this package by name, as ``module:class``."""

WithoutTorch = Callable[[Path, "DataclassInstance"], Loaded | None]
"""The class method ``without_torch`` of a method that another runtime may serve on a CPU: takes a
weights file and the options, and returns the method, or None if PyTorch has to serve."""

ANSWERS = {"crop": "boxes", "retarget": "retarget"}
"""The name of the function that returns a method's results, by the method's kind."""


@dataclass(frozen=True)
class Entry:
    """A method in the registry, which needn't be imported yet."""

    name: str
    target: str
    """The class as ``module:class``."""

    def method(self) -> MethodClass:
        """Import the class, and check that it has all attributes of a method.

        Raises:
            RequestError: the class can't be imported, or lacks an attribute that the message names.
        """
        return _imported(self)


@cache
def _imported(entry: Entry) -> MethodClass:
    module, _, attribute = entry.target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise RequestError(
            f"method {entry.name!r}: {entry.target} cannot be imported ({error})"
        ) from error
    if problem := _problem(found):
        raise RequestError(
            f"method {entry.name!r}: {entry.target} {problem}; see deepcrop.methods.base"
        )
    return cast("MethodClass", found)


def _problem(found: object) -> str | None:
    """Return the reason why a class isn't a valid method; None if it is."""
    if not isinstance(found, type):
        return "is no class"
    kind = getattr(found, "kind", None)
    if kind not in ANSWERS:
        return f"has the kind {kind!r}: expected 'crop' or 'retarget'"
    for name in ("name", "summary"):
        if not isinstance(getattr(found, name, None), str):
            return f"lacks the attribute {name!r}, a text"
    weights = getattr(found, "weights", 0)
    if weights is not None and not isinstance(weights, str):
        return "lacks the attribute 'weights': the name of its default weights, or None"
    if weights is not None and not callable(getattr(found, "from_weights", None)):
        return f"has the weights {weights!r}, but lacks the class method 'from_weights'"
    if not is_dataclass(getattr(found, "Options", None)):
        return "lacks the attribute 'Options', a dataclass"
    if not callable(getattr(found, ANSWERS[kind], None)):
        return f"is of the kind {kind!r}, but lacks the function {ANSWERS[kind]!r}"
    size = getattr(found, "analysis", None)
    sized = callable(getattr(found, "analysis_of", None)) or (isinstance(size, int) and size > 0)
    if kind == "crop" and not sized:
        return "lacks the attribute 'analysis': the longest edge, in pixels, at which it looks"
    return None


@cache
def entries() -> Mapping[str, Entry]:
    """Return all methods by name: ours and those of installed packages."""
    ours = {name: Entry(name, target) for name, target in BUILT_IN.items()}
    theirs = {point.name: Entry(point.name, point.value) for point in entry_points(group=GROUP)}
    return theirs | ours


def find(name: str) -> MethodClass:
    """Return the class of a method.

    Raises:
        RequestError: no method has this name, or its class isn't a valid method.
    """
    if name not in entries():
        known = ", ".join(sorted(entries()))
        raise RequestError(f"method {name!r}: unknown; one of: {known}")
    return entries()[name].method()


@overload
def load(
    name: Literal["saliency"],
    *,
    device: str | None = None,
    weights: str | None = None,
    **options: object,
) -> SaliencyCrop: ...
@overload
def load(
    name: Literal["mars"],
    *,
    device: str | None = None,
    weights: str | None = None,
    **options: object,
) -> MarsCrop: ...
@overload
def load(
    name: str, *, device: str | None = None, weights: str | None = None, **options: object
) -> Loaded: ...
def load(
    name: str, *, device: str | None = None, weights: str | None = None, **options: object
) -> Loaded:
    """Load a method with its network on a device.

    Args:
        name: a name that ``deepcrop methods`` lists.
        device: ``"cuda"``, ``"cuda:1"``, ``"cpu"``; by default a GPU if there is one.
        weights: a catalogue name or the path of a file; by default the method's own.
        options: fields of the method's ``Options``.

    Raises:
        RequestError: unknown method, weights, option, or option value.
    """
    method = find(name)
    settings = validate_options(name, options)
    if method.weights is None:
        return cast("Callable[[DataclassInstance], Loaded]", method)(settings)
    from .. import weights as store

    if device == "cpu" or not (device or runtimes.may_have_gpu()):
        path = store.locate(weights or method.weights)
        build = cast("WithoutTorch | None", getattr(method, "without_torch", None))
        if build is not None and path.suffix == ".safetensors":
            loaded = build(path, settings)
            if loaded is not None:
                return loaded
    import torch

    state, metadata = store.load(weights or method.weights)
    if device and device.startswith("cuda") and not torch.cuda.is_available():
        raise RequestError(f"device {device!r}: torch finds no GPU here; use --device cpu, or none")
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        trained = cast("type[Trained]", method)
        return trained.from_weights(state, metadata, settings, device=torch.device(chosen))
    except (KeyError, ValueError, RuntimeError) as error:
        foreign = not isinstance(error, RuntimeError) or "state_dict" in str(error)
        if weights is None or not foreign:
            raise
        raise _foreign(name, weights) from error


def load_crop(
    name: str, *, device: str | None = None, weights: str | None = None, **options: object
) -> CropMethod:
    """Load a crop method; see :func:`load`.

    Raises:
        RequestError: as for :func:`load`, or the method is a retarget method.
    """
    method = load(name, device=device, weights=weights, **options)
    if method.kind == "retarget":
        raise RequestError(f"method {name!r}: retargets; expected a crop method")
    return method


def load_retarget(
    name: str, *, device: str | None = None, weights: str | None = None, **options: object
) -> RetargetMethod:
    """Load a retarget method; see :func:`load`.

    Raises:
        RequestError: as for :func:`load`, or the method is a crop method.
    """
    method = load(name, device=device, weights=weights, **options)
    if method.kind == "crop":
        raise RequestError(f"method {name!r}: crops; expected a retarget method")
    return method


def analysis_of(
    name: str, *, weights: str | None = None, options: Mapping[str, object] | None = None
) -> int | None:
    """Return the longest edge of the images that a method analyses, without loading a network.

    Args:
        name: a name that ``deepcrop methods`` lists.
        weights: a catalogue name or the path of a file; by default the method's own. Only the
            header of the file is read.
        options: fields of the method's ``Options``.

    Returns:
        The edge in pixels; None for retarget methods, which need the image's own size.

    Raises:
        RequestError: unknown method, weights, option, or option value.
    """
    method = find(name)
    if method.kind == "retarget":
        return None
    if not hasattr(method, "analysis_of"):  # a class that isn't derived from CropMethod
        assert isinstance(method.analysis, int)
        return method.analysis
    from .. import weights as store

    chosen = weights or method.weights
    metadata = {} if chosen is None else store.metadata(chosen)
    try:
        return method.analysis_of(validate_options(name, options or {}), metadata)
    except (KeyError, ValueError) as error:
        if weights is None:
            raise
        raise _foreign(name, weights) from error


def needs_pixels(name: str) -> bool:
    """Return whether a method looks at the images; see :attr:`.base.CropMethod.needs_pixels`.

    Raises:
        RequestError: no method has this name, or its class isn't a valid method.
    """
    # Not inherited: a class that is derived from one of ours may well look.
    return bool(vars(find(name)).get("needs_pixels", True))


def score_meaning(name: str) -> str | None:
    """Return what the scores of a method's crops say, in one line; None for retarget methods.

    Raises:
        RequestError: no method has this name, or its class isn't a valid method.
    """
    method = find(name)
    if method.kind == "retarget":
        return None
    return str(getattr(method, "score_meaning", CropMethod.score_meaning))


def check_weights(name: str, weights: str) -> None:
    """Check that weights exist, and that weights of the catalogue are of the method.

    The content of a file is only checked when it is loaded.

    Args:
        name: the name of the method.
        weights: a catalogue name or the path of a file.

    Raises:
        RequestError: the weights don't exist, or are of another method.
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


def validate_options(name: str, options: Mapping[str, object]) -> DataclassInstance:
    """Return the options of a method as its ``Options`` dataclass, types checked and converted.

    Raises:
        RequestError: an option is unknown or has a wrong value; the message names what is right.
    """
    return read_options(find(name).Options, options, method=name)


def read_options(kind: type[OptionsT], options: Mapping[str, object], *, method: str) -> OptionsT:
    """Return options as an instance of a dataclass, types checked and converted.

    Args:
        kind: the ``Options`` of the method.
        options: values by the names of its fields.
        method: the name of the method, for messages.

    Raises:
        RequestError: an option is unknown or has a wrong value; the message names what is right.
    """
    from pydantic import TypeAdapter, ValidationError

    known = [field.name for field in fields(kind)]
    for option in options:
        if option not in known:
            right = ", ".join(known) or "none"
            raise RequestError(f"option {option!r} of method {method!r}: unknown; it has: {right}")
    try:
        return TypeAdapter(kind).validate_python(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise RequestError(
            f"option {field!r} of method {method!r}: {first['input']!r}: {first['msg']}"
        ) from None

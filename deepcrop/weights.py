"""Named weights: their files, hashes and licences.

```python
>>> state, metadata = load("saliency")        # ships with the package
>>> state, metadata = load("vgg19")           # downloaded once, checked, cached
>>> state, metadata = load("/models/my.safetensors")
```

Weights that ship with the package are in ``deepcrop/pretrained``, each beside its model card.
Others are downloaded into ``$DEEPCROP_WEIGHTS`` (default ``~/.cache/deepcrop``). The catalogue of
both is ``pretrained/catalogue.json``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from .errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

PRETRAINED = Path(__file__).parent / "pretrained"

Commercial: TypeAlias = Literal["yes", "no", "unclear"]
"""Whether weights may be used commercially.

``no``: their licence, or the explicit terms of data that training used, exclude it. ``yes``: their
licence and the terms of all data allow it. ``unclear``: neither, because terms are not stated, or
because a network that training set out from, or learned from, was published under a licence that
allows it but learned from data whose terms don't.
"""
NOT_JUDGED = "the terms of their training data have not been judged"
"""The reason that weights have until somebody gives one."""

RETIRED = {
    "saliency-fast": "'saliency', which is as fast now",
    "mars-fast": "'mars' with -o pixels=110592",
}
"""What takes the place of weights that earlier releases had."""


@dataclass(frozen=True)
class Weights:
    """One catalogue entry: the trained parameters of one network."""

    name: str
    file: str
    """Name of the file in the package or in the cache."""
    sha256: str
    """SHA-256 of the file in hexadecimal; its first digits where no more is published."""
    licence: str
    summary: str
    methods: tuple[str, ...]
    """Names of the methods that use this network."""
    commercial: Commercial
    commercial_reason: str
    """Why ``commercial`` is so, in one sentence without a full stop."""
    url: str | None = None
    """URL to download the file from; None when it ships with the package."""

    def __post_init__(self) -> None:
        """Check what a type checker doesn't see in a file.

        Raises:
            ValueError: ``commercial`` is none of the three words, or a text is empty.
        """
        check_commercial(self.commercial, f"weights {self.name!r}")
        for field in ("file", "sha256", "licence", "summary", "commercial_reason"):
            text = getattr(self, field)
            if not isinstance(text, str) or not text.strip() or "\n" in text:
                raise ValueError(f"weights {self.name!r}: {field}: {text!r}: expected a line")

    @property
    def path(self) -> Path:
        """Where the file is, or will be once it is fetched."""
        return (cache_folder() if self.url else PRETRAINED) / self.file

    @property
    def card(self) -> Path | None:
        """The model card, for weights that ship with the package."""
        return None if self.url else (PRETRAINED / self.file).with_suffix(".md")


def cache_folder() -> Path:
    """Return the folder of downloaded weights."""
    return Path(os.environ.get("DEEPCROP_WEIGHTS", "~/.cache/deepcrop")).expanduser()


def check_commercial(value: object, where: str) -> Commercial:
    """Return a value that was read from a file, checked to be one of the three words.

    Raises:
        ValueError: it is none of them; the message begins with ``where``.
    """
    if value not in get_args(Commercial):
        expected = ", ".join(get_args(Commercial))
        raise ValueError(f"{where}: commercial: {value!r}: expected one of: {expected}")
    return cast("Commercial", value)


@cache
def catalogue() -> Mapping[str, Weights]:
    """Return every named entry, by name.

    Raises:
        ValueError: an entry lacks a field, has an unknown one, or has a wrong value.
    """
    return read_catalogue(PRETRAINED / "catalogue.json")


def read_catalogue(path: Path) -> Mapping[str, Weights]:
    """Read the entries of a catalogue file, by name; errors are those of :func:`catalogue`."""
    found = {}
    for name, entry in sorted(json.loads(path.read_text()).items()):
        try:
            found[name] = Weights(name=name, **entry | {"methods": tuple(entry["methods"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: weights {name!r}: {error}") from error
    return found


def find(name: str) -> Weights:
    """Return the catalogue entry of this name.

    Raises:
        RequestError: there is none.
    """
    try:
        return catalogue()[name]
    except KeyError:
        known = ", ".join(catalogue())
        if name in RETIRED:
            raise RequestError(f"weights {name!r}: gone; use {RETIRED[name]}") from None
        raise RequestError(
            f"weights {name!r}: no weights file of that name (.safetensors, .pth), "
            f"nor one of: {known}"
        ) from None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(weights: Weights) -> str:
    """Hash the file of an entry and compare it with the catalogue; return the hash.

    Raises:
        RequestError: the file is absent, or it is not the one that the catalogue names.
    """
    if not weights.path.exists():
        hint = f"deepcrop weights fetch {weights.name}"
        raise RequestError(f"weights {weights.name!r}: {weights.path} is absent; try: {hint}")
    found = sha256(weights.path)
    if not found.startswith(weights.sha256):
        raise RequestError(
            f"weights {weights.name!r}: {weights.path} has sha256 {found[:16]}..., "
            f"expected {weights.sha256[:16]}...; delete it and fetch it again"
        )
    return found


def fetch(weights: Weights) -> Path:
    """Return the file of an entry; download it first where it is missing.

    The download gets its final name only after its hash was checked, so that several processes of
    one node may download it at the same time.

    Raises:
        RequestError: it can't be downloaded, or the download has another hash.
    """
    if weights.url is None or weights.path.exists():
        return weights.path
    weights.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=weights.path.parent, suffix=".part") as part:
        try:
            with urllib.request.urlopen(weights.url, timeout=60) as response:
                shutil.copyfileobj(response, part)
        except OSError as error:
            raise RequestError(
                f"weights {weights.name!r}: cannot download {weights.url} ({error}); "
                f"put the file at {weights.path} or give its path with --weights"
            ) from error
        part.flush()
        found = sha256(Path(part.name))
        if not found.startswith(weights.sha256):
            raise RequestError(
                f"weights {weights.name!r}: the download has sha256 {found[:16]}..., "
                f"expected {weights.sha256[:16]}..."
            )
        os.link(part.name, partial := weights.path.with_name(f".{weights.file}.{os.getpid()}"))
        os.replace(partial, weights.path)
    return weights.path


def locate(name_or_path: str) -> Path:
    """Return the file of a named entry (fetched if need be) or of a path.

    Raises:
        RequestError: it is neither.
    """
    path = Path(name_or_path)
    if path.suffix in {".safetensors", ".pth", ".pt", ".tar"}:
        if path.is_file():
            return path
        raise RequestError(f"weights {name_or_path!r}: no such file")
    return fetch(find(name_or_path))


def load(name_or_path: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read parameters and metadata of a named entry or of a file.

    Returns:
        The state dict, on the CPU, floating-point tensors as float32, and the file's metadata
        (empty for formats that hold none).

    Raises:
        RequestError: there are no such weights, or the file can't be read.
    """
    import torch  # heavy: listing weights must not wait for it
    from safetensors import SafetensorError, safe_open

    path = locate(name_or_path)
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                metadata = dict(file.metadata() or {})
                state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        else:
            metadata = {}
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError) as error:
        raise RequestError(f"weights {name_or_path!r}: cannot read {path} ({error})") from error
    floats = {
        key: value.float() if value.is_floating_point() else value for key, value in state.items()
    }
    return floats, metadata


def load_arrays(path: Path) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Read what :func:`load` returns as arrays, without importing torch.

    Args:
        path: a file ``.safetensors``.

    Raises:
        RequestError: the file can't be read.
    """
    import numpy
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise RequestError(f"weights {str(path)!r}: cannot read it ({error})") from error
    return {key: value.astype(numpy.float32) for key, value in found.items()}, metadata


def metadata(name_or_path: str) -> dict[str, str]:
    """Read the metadata alone, as :func:`load` returns it, without importing torch.

    Raises:
        RequestError: there are no such weights, or the file can't be read.
    """
    from safetensors import SafetensorError, safe_open

    path = locate(name_or_path)
    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise RequestError(f"weights {name_or_path!r}: cannot read {path} ({error})") from error


def publish(
    name: str,
    state: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    *,
    licence: str,
    summary: str,
    methods: Sequence[str],
    commercial: Commercial = "unclear",
    commercial_reason: str = NOT_JUDGED,
    folder: Path = PRETRAINED,
) -> Path:
    """Write trained parameters as float16 and enter them in the catalogue.

    A judgement of the commercial use, where one is given, also becomes part of the file's metadata,
    so that it goes with the file. The caller writes the model card ``NAME.md`` beside it.
    """
    import torch
    from safetensors.torch import save_file

    path = folder / f"{name}.safetensors"
    halves = {
        key: (value.to(torch.float16) if value.is_floating_point() else value).contiguous()
        for key, value in state.items()
    }
    judgement = {"commercial": commercial, "commercial_reason": commercial_reason}
    judged = judgement if commercial_reason != NOT_JUDGED else {}
    save_file(halves, path, metadata={**metadata, **judged})
    index = folder / "catalogue.json"
    entries = json.loads(index.read_text()) if index.exists() else {}
    entries[name] = {
        "file": path.name,
        "sha256": sha256(path),
        "licence": licence,
        "summary": summary,
        "methods": list(methods),
        **judgement,
    }
    index.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n")
    catalogue.cache_clear()
    return path

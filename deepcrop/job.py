"""The specification of a job: typed fields, read from options, YAML or Python.

```python
>>> job = Job(input="s3://media/in", output="s3://media/out", method="saliency", aspects=["1:1"])
>>> deepcrop.run(job)
```
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from . import weights
from .errors import RequestError
from .geometry import WHOLE, AspectRatio, SafeArea, Size
from .image import LONGEST_SIDE, MAX_PIXELS, Colour, ExifColour, Hdr
from .job_fields import (
    Aspects,
    Endpoint,
    ExactSize,
    Format,
    Glob,
    SafeAreas,
    Share,
    unknown_field,
    wrong_value,
)
from .job_files import read_yaml
from .methods import base, registry
from .methods import licence as licences
from .outputs.presets import Output, Presets, Rendition, plain_presets
from .outputs.rules import RETARGETING
from .storage import Attributes, Storage, StorageOptions
from .storage.attributes import NO_ATTRIBUTES
from .storage.uri import scheme
from .variant_requests import VariantRequest

__all__ = ["Format", "Job", "VariantRequest", "read_yaml"]


class Job(BaseModel):
    """A job's specification. What decides a variant, :mod:`deepcrop.recipes` says."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)

    input: str
    """A folder, file, s3://bucket/prefix or glob; a .txt, .csv, .tsv or .parquet list; a .tar."""
    include: tuple[Glob, ...] = ()
    """Globs of the only files that are sources, below the input; see
    :class:`deepcrop.sources.selection.Selection`."""
    exclude: tuple[Glob, ...] = ()
    """Globs of files that are not sources, even where ``include`` matches them."""
    output: str
    """A folder or s3://bucket/prefix, not inside the input."""
    method: str = "saliency"
    """One of ``deepcrop methods``."""
    aspects: Aspects = ()
    """Aspect ratios, W:H, of the variants."""
    sizes: tuple[ExactSize, ...] = ()
    """Exact pixel sizes, WxH, of further variants."""
    outputs: Presets = {}
    """Presets by name, each a ladder of widths in several formats."""
    options: dict[str, Any] = {}
    """Options of the method."""
    weights: str | None = None
    """A catalogue name or a file; by default the method's own."""
    licence: licences.Policy = "any"
    """Which weights may be used, by what is known of their terms; the job is refused if it uses
    others. It decides no result."""
    caption: str | None = None
    """A caption for every source that has none of its own; ``metadata`` for that in each file, or
    ``module:function``: see :mod:`deepcrop.sources.captions`."""

    format: Format = "jpeg"
    quality: int | None = Field(default=None, ge=1, le=100)
    """On the format's own scale; by default jpeg 88, webp 82, avif 65."""
    max_size: int | None = Field(default=None, ge=1)
    """Longest edge of the variants of ``aspects``, in pixels; by default the window's own size."""
    upscale: Literal["never", "allow", "skip", "fail"] = "never"
    """What to do where an exact size is larger than the crop box: ``allow`` enlarges it; ``skip``
    makes no such variant; ``fail`` fails the source; ``never`` gives the crop box at its own size,
    in the folder ``WxHpx-smaller``. A note and a flag say so in every case."""
    safe: SafeAreas = {}
    """The part of the crop that nothing is laid over, by ratio: ``[x0, y0, x1, y1]``, shares of its
    width and height. What matters is placed there, as far as the source allows."""
    keep_metadata: bool = False
    """Copy EXIF, XMP and IPTC into the variants, adapted to the crop."""
    colour: Colour = "srgb"
    """Convert to sRGB; or keep the source's profile; or convert nothing and drop the profile.

    Colours that a file describes by other means than a profile are kept as an equivalent profile.
    HDR becomes sRGB unless its colours are dropped.
    """
    exif_colour: ExifColour = "use"
    """Convert JPEGs that their EXIF alone marks as Adobe RGB (DCF option files), or don't."""
    hdr: Hdr = "drop"
    """Keep gain maps, which make photos of phones HDR, in JPEG variants; or leave them out."""
    keys: Literal["mirror", "hash"] = "mirror"
    """Name the variants after the sources' paths, or after a hash of the source's URI."""
    dedupe: bool = False
    """Process sources with identical bytes once; the rows of the duplicates refer to the first."""

    check_listed: bool = True
    """Ask the store of each source in a list file that is done whether it was edited: a HEAD
    request of an object or a web address. It decides no result."""
    limit: int | None = Field(default=None, ge=1)
    """The number of sources to take, the first in the order of their URIs; by default all."""
    sample: int | None = Field(default=None, ge=1)
    """The number of sources to take, drawn evenly by the hash of their URI; by default all."""
    max_pixels: int = Field(default=MAX_PIXELS, ge=1)
    """A source with more pixels than this fails, as a decompression bomb."""
    time_limit: float | None = Field(default=None, gt=0)
    """Seconds that each stage of the work on one source may take before its process is ended, for
    the method a ratio or size; by default 60, and of some methods more."""
    max_failed: Share | None = None
    """Share of failed sources beyond which the job stops early and its exit status is 1; by default
    it goes on to its end, and its exit status is 1 wherever a source failed."""

    s3_endpoint: Endpoint = None
    """URL of an S3 server; by default AWS, or what ``AWS_ENDPOINT_URL`` says."""
    store: Attributes = NO_ATTRIBUTES
    """How results are written to an object store: headers, encryption, tags, access."""
    no_sign_request: bool = False
    """Read public buckets without credentials."""

    batch_size: int = Field(default=16, ge=1, le=4096)
    """The most sources that an actor is given at once; on a GPU, all in one call of the network."""
    actors: int | None = Field(default=None, ge=1)
    """Processes that hold the network; by default one a CPU, or one a GPU share."""
    max_actors: int | None = Field(default=None, ge=1)
    """The most actors where nodes join later; by default as many as at the start."""
    gpus: float | None = Field(default=None, ge=0)
    """Share of a GPU for each actor; by default 1 where the cluster has GPUs and 0 where not."""

    @model_validator(mode="after")
    def _request_is_possible(self) -> Job:
        if not (self.aspects or self.sizes or self.outputs):
            raise RequestError(
                "nothing to make: give a ratio (--aspect 16:9), a size (--size 1200x630) or a "
                "preset (--preset 'card=4:5 widths=320,640')"
            )
        for field in ("input", "output"):
            if not getattr(self, field).strip():
                raise RequestError(f"{field}: empty; expected a folder or s3://bucket/prefix")
        for glob in (*self.include, *self.exclude):
            if glob.startswith(self.input.rstrip("/") + "/"):
                below = glob.removeprefix(self.input.rstrip("/") + "/")
                raise RequestError(f"glob {glob!r}: is below the input already; write {below!r}")
        longest = LONGEST_SIDE.get(self.format)
        for size in self.sizes:
            if longest is not None and max(map(int, size.split("x"))) > longest:
                raise RequestError(f"sizes: {size}: {self.format} has at most {longest} a side")
        shown = {str(request.aspect) for request in self.requests}
        for ratio in self.safe:
            if ratio not in shown:
                known = ", ".join(sorted(shown))
                raise RequestError(f"safe: {ratio}: the job has no such ratio; it has: {known}")
        if self.max_actors is not None and self.max_actors < (self.actors or 1):
            raise RequestError(f"max_actors: {self.max_actors} is less than actors: {self.actors}")
        refused = self.store.refused_by(scheme(self.output))
        if not self.store.refused_by(scheme(self.input), reading=True):
            refused = [field for field in refused if field != "requester_pays"]
        if refused:
            raise RequestError(f"store: {scheme(self.output)}:// takes no {', '.join(refused)}")
        kind = registry.find(self.method).kind
        registry.validate_options(self.method, self.options)
        if kind == "retarget" and self.upscale != "allow" and self.max_size is not None:
            raise RequestError("max_size: retarget methods make the sizes that are asked for")
        self._check_rules(kind)
        # First, because checking weights may download them.
        licences.check(self.licence, self.method, weights=self.weights, options=self.options)
        if self.may_retarget:
            licences.check(self.licence, RETARGETING)
        if self.weights is not None:
            registry.check_weights(self.method, self.weights)
        return self

    def _check_rules(self, kind: base.Kind) -> None:
        for name, output in self.outputs.items():
            if output.fit and kind == "retarget":
                raise RequestError(
                    f"outputs.{name}.fit: the method {self.method!r} shows whole photos; "
                    "rules are for methods that crop"
                )

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> Job:
        """Validate a mapping of fields.

        Raises:
            RequestError: one line that names the field, its value and what would be right.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "job"
            if first["type"] == "missing":
                option = f"; give --{field}, or the field {field} of a job file"
                raise RequestError(f"{field}: missing{option}") from None
            if first["type"] == "extra_forbidden":
                raise RequestError(cls._unknown(field, len(first["loc"]))) from None
            raise RequestError(wrong_value(error)) from None

    @classmethod
    def _unknown(cls, field: str, depth: int) -> str:
        """Return what is wrong with a field that there isn't, found at a depth of the mapping."""
        head, dot, _ = field.partition(".")
        if depth > 1:
            return unknown_field(field, head, Attributes.model_fields)
        if dot and head in cls.model_fields:
            option = {"options": "--option", "store": "--store", "outputs": "--preset"}.get(head)
            give = f", or give {option}" if option else ""
            return (
                f"{field}: --set changes whole fields, and {field} is a part of {head}: change it "
                f"in the job file{give}"
            )
        return unknown_field(field, "a job", cls.model_fields)

    @classmethod
    def read(cls, path: str | Path, changes: Mapping[str, object] | None = None) -> Job:
        """Read a YAML file, then apply ``changes`` over it.

        Raises:
            RequestError: it can't be read, is not YAML, or its content is wrong.
        """
        return cls.parse(read_yaml(path) | dict(changes or {}))

    def to_dict(self) -> dict[str, object]:
        """Return the method, and the fields that differ from their defaults, as plain values."""
        chosen = self.model_dump(exclude_defaults=True).keys() | {"method"}
        fields = self.model_dump(mode="json", include=set(chosen))
        if "store" in fields:
            fields["store"] = self.store.model_dump(mode="json", exclude_defaults=True)
        if "outputs" in fields:
            fields["outputs"] = plain_presets(self.outputs)
        return fields

    def with_absolute_paths(self) -> Job:
        """Return the job with local paths from the root on, so that it is the same anywhere."""
        paths = {"input": self.input, "output": self.output}
        if self.weights and self.weights.endswith(".safetensors"):
            paths["weights"] = self.weights
        local = {
            field: os.path.abspath(path)
            for field, path in paths.items()
            if scheme(path) == "file" and not path.startswith("file:")
        }
        return self.model_copy(update=local)

    def to_yaml(self) -> str:
        """Write what :meth:`to_dict` returns as a job file."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False)

    @cached_property
    def requests(self) -> tuple[VariantRequest, ...]:
        """The variants made of every source, each once: ratios, exact sizes, presets."""
        ratios = [AspectRatio.parse(text) for text in dict.fromkeys(self.aspects)]
        sizes = [Size.parse(text) for text in dict.fromkeys(self.sizes)]
        exact = [(AspectRatio.parse(f"{size.width}:{size.height}"), size) for size in sizes]
        safe = {ratio: SafeArea(*sides) for ratio, sides in self.safe.items()}
        found: list[tuple[AspectRatio, Size | None, str]] = [
            (ratio, None, ratio.slug) for ratio in ratios
        ]
        found += [(ratio, size, f"{size}px") for ratio, size in exact]
        plain = [VariantRequest(*each, safe=safe.get(str(each[0]), WHOLE)) for each in found]
        presets = [
            VariantRequest(*each, safe=safe.get(str(each[0]), WHOLE))
            for name, output in self.outputs.items()
            for each in _of(name, output)
        ]
        return tuple(plain + presets)

    @cached_property
    def slugs(self) -> tuple[str, ...]:
        """The names of the ratios and sizes that are asked for, each once, in their order."""
        return tuple(dict.fromkeys(request.slug for request in self.requests))

    @cached_property
    def first_requests(self) -> tuple[VariantRequest, ...]:
        """The first request of each of :attr:`slugs`: all of a name have one crop."""
        first = {request.slug: request for request in reversed(self.requests)}
        return tuple(first[name] for name in self.slugs)

    @property
    def may_retarget(self) -> bool:
        """Whether a preset's rules may retarget photos that don't fit."""
        return any(output.may("retarget") for output in self.outputs.values())

    @property
    def kind(self) -> base.Kind:
        """Whether the method crops or retargets."""
        return registry.find(self.method).kind

    @property
    def storage(self) -> Storage:
        """The store that the URIs are read from and written to.

        It has the endpoint and region of this process's environment, and takes them along to the
        actors; credentials it doesn't.
        """
        named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return Storage(
            StorageOptions(
                endpoint=self.s3_endpoint or named,
                region=region,
                sign=not self.no_sign_request,
                attributes=self.store,
            )
        )

    @cached_property
    def weights_sha256(self) -> str | None:
        """Hash of the weights that the method will use."""
        name = self.weights or registry.find(self.method).weights
        return None if name is None else weights.sha256(weights.locate(name))

    @cached_property
    def further_weights_sha256(self) -> tuple[str, ...]:
        """Hashes of the weights that the method will use beside its own."""
        method = registry.find(self.method)
        further = getattr(method, "further_weights", None)
        if further is None:
            return ()
        names = further(registry.validate_options(self.method, self.options))
        return tuple(weights.sha256(weights.locate(name)) for name in names)

    @cached_property
    def weights_terms(self) -> tuple[licences.Terms, ...]:
        """The terms of all weights that the method will use."""
        terms = licences.terms_of(self.method, weights=self.weights, options=self.options)
        if self.may_retarget:
            terms += licences.terms_of(RETARGETING)
        return tuple(dict.fromkeys(terms))

    def settings(self) -> dict[str, object]:
        """Return everything that decides the results: the fields and the weights."""
        ignored = {"batch_size", "actors", "max_actors", "gpus", "max_failed"}
        ignored |= {"max_pixels", "time_limit"}  # sources that exceed them can be retried
        ignored |= {"licence", "check_listed"}  # they change no result
        ignored |= {"output", "s3_endpoint", "no_sign_request", "store"}
        if not self.outputs:
            ignored |= {"outputs"}  # as before there were presets
        if not self.safe:
            ignored |= {"safe"}  # jobs without one are those of releases without this field
        fields = json.loads(self.model_dump_json(exclude=ignored))
        return fields | {"weights_sha256": self.weights_sha256}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of :meth:`settings`, by which records and pages of one job are known."""
        text = json.dumps(self.settings(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def run(self, **arguments: Any) -> Any:
        """Run the job: the short form of :func:`deepcrop.run`, kept until 0.3."""
        import deepcrop

        warnings.warn(
            "job.run() ends with 0.3: deepcrop.run(job)", DeprecationWarning, stacklevel=2
        )
        return deepcrop.run(self, **arguments)


def _of(name: str, output: Output) -> Iterator[tuple[AspectRatio, Size | None, str, Rendition]]:
    """Yield ratio, exact size, name and rendition of the variants of a preset."""
    exact = output.exact_size
    for each in output.renditions(name):
        size = None if exact is None else output.pixels(each.width, each.density)
        yield output.ratio, size, output.slug, each

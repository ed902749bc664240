"""The recipes of variants: what decides where a crop box lies, and what decides a variant's bytes.

A variant depends on the bytes of its source and on two recipes:

* the *analysis* recipe decides the crop box: the method, its weights and options, the scale at
  which it sees the source, hints of the input list, and focal points and boxes to keep of people;
* the *rendering* recipe decides the rest, for a given box: the ratio or size, or the preset's
  width and rules, format, quality, colours, metadata.

A manifest row records both for each variant. A later run makes anew what differs, and nothing
else: a recipe has no other fields than those that change results, and the version of deepcrop is
not among them. :data:`ANALYSIS_VERSION`, :data:`RENDERING_VERSION` and a method's ``algorithm``
are raised where the same input would give other boxes or bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

from . import image
from .geometry import WHOLE, AspectRatio, Box, Focal, Size
from .image import DEFAULT_QUALITY
from .job import Job, VariantRequest
from .methods import registry
from .outputs.presets import Rendition
from .outputs.rules import RETARGETING
from .outputs.rules import plain as plain_rules
from .sources.corrections import Correction

ANALYSIS_VERSION = 1
"""Raised where sources are decoded, or shown to the methods, in another way."""
RENDERING_VERSION = 1
"""Raised where the same box gives other bytes."""
COMMON_RATIOS = tuple(
    AspectRatio.parse(text) for text in ("1:1", "4:5", "2:3", "3:4", "4:3", "3:2", "16:9", "9:16")
)
"""Ratios of which boxes are recorded where they are cheap; see
:attr:`.methods.base.CropMethod.cheap_boxes`."""
BY_PEOPLE = "corrected"
"""Analysis recipe of a source of which people set, or rejected, every crop box."""


@dataclass(frozen=True)
class Wanted:
    """The recipes that a job wants for one source."""

    method: str
    """Analysis recipe of the crop boxes that the method finds."""
    row: str
    """Analysis recipe of the source's row: that of the method, unless people set every box."""
    boxes: tuple[str, ...]
    """Analysis recipe of each request's crop box: that of the method, or the box of a person."""
    renderings: tuple[str, ...]
    """Rendering recipe of each request."""
    names: tuple[str, ...]
    """Name of each request's ratio or size; all variants of a preset have the same."""
    remarks: tuple[str, ...]
    """Name of each request in remarks."""
    entries: tuple[str, ...]
    """What the row's ``rendering_recipes`` hold for each request: its rendering recipe, with the
    box that a person set; or that a person rejected it."""
    needs_method: tuple[bool, ...]
    """Whether the method decides on each request."""
    rejected: tuple[str, ...]
    """Names of the requests that a person rejected."""

    @property
    def rejected_remarks(self) -> frozenset[str]:
        """The names in remarks of the requests that a person rejected."""
        named = zip(self.names, self.remarks, strict=True)
        return frozenset(remark for name, remark in named if name in self.rejected)


class Recipes:
    """The recipes of a job."""

    def __init__(self, job: Job, weights_sha256: str | None = None) -> None:
        """Take a job; nothing is hashed yet.

        Args:
            job: the job.
            weights_sha256: hash of the weights in place of those that the job would use now.
        """
        self.job = job
        self._weights_sha256 = weights_sha256
        self._plain: dict[int, Wanted] = {}

    @cached_property
    def renderings(self) -> tuple[str, ...]:
        """The rendering recipe of each of the job's requests."""
        return tuple(self._rendering(request) for request in self.job.requests)

    @cached_property
    def spare_ratios(self) -> tuple[AspectRatio, ...]:
        """The ratios of which boxes are recorded whenever the method sees a source."""
        method = registry.find(self.job.method)
        return COMMON_RATIOS if getattr(method, "cheap_boxes", False) else ()

    @cached_property
    def _base(self) -> dict[str, object]:
        job = self.job
        method = registry.find(job.method)
        options = registry.validate_options(job.method, job.options)
        # What rows of 0.1 say of weights leaves these out, so that they count as other ones.
        further = () if self._weights_sha256 else job.further_weights_sha256
        others: dict[str, object] = {"further_weights": further} if further else {}
        return others | {
            "version": ANALYSIS_VERSION,
            "method": job.method,
            "algorithm": getattr(method, "algorithm", 1),
            "weights": self._weights_sha256 or job.weights_sha256,
            "options": asdict(options),
            "colour": [job.colour, job.exif_colour],
        }

    @cached_property
    def _analysis_edge(self) -> int | None:
        """The longest edge of the method's input, in pixels; None: it takes the full pictures."""
        job = self.job
        return registry.analysis_of(job.method, weights=job.weights, options=job.options)

    def least(self, size: Size) -> Size | None:
        """Return the size at which a source is at least decoded for the method; None: its own.

        It serves the method, and every variant of a ratio whose crop box is the largest window of
        this ratio, whatever ratios the job asks for: one decode is enough for most sources, and
        one more ratio changes none of the others.

        Args:
            size: of the source, as shown.
        """
        job = self.job
        if job.max_size is None or self._analysis_edge is None:
            return None
        side = min(size.width, size.height)
        square = Size(side, side)
        box = Box.centred(square, (0.5, 0.5), size)
        ratios = image.size_to_decode(size, [(box, square.fit(job.max_size))])
        return size.fit(self._analysis_edge).cover(ratios)

    def shrink(self, size: Size, source_format: str | None) -> int:
        """Return the factor by which a source is shrunk as it is decoded for the method.

        Args:
            size: of the source, as shown.
            source_format: of the source; only ``jpeg`` is ever shrunk.
        """
        if source_format != "jpeg" or self.job.max_size is None:
            return 1
        return image.shrink_for(size, self.least(size))

    def plain(self, shrink: int = 1) -> Wanted:
        """Return the recipes for a source of which neither the list nor a person says anything.

        Args:
            shrink: as :meth:`shrink` returns it.
        """
        if shrink not in self._plain:
            self._plain[shrink] = self._wanted(shrink, None, None, Correction())
        return self._plain[shrink]

    def wanted(
        self,
        source: Mapping[str, object],
        correction: Correction,
        size: Size,
        source_format: str | None,
    ) -> Wanted:
        """Return the recipes for a source.

        Args:
            source: a row of the listing: its caption and focal point count.
            correction: the part of it that applies to the photo; see :meth:`.Correction.within`.
            size: of the source, as shown.
            source_format: of the source.
        """
        x, y = source.get("focal_x"), source.get("focal_y")
        focal = (x, y) if isinstance(x, float) and isinstance(y, float) else None
        caption = source.get("caption") or None
        shrink = self.shrink(size, source_format)
        if focal is None and caption is None and correction == _NO_CORRECTION:
            return self.plain(shrink)
        return self._wanted(shrink, caption, focal, correction)

    def _wanted(
        self, shrink: int, caption: object, focal: Focal | None, correction: Correction
    ) -> Wanted:
        hints: dict[str, object] = {
            "caption": caption or self.job.caption,
            "focal": correction.focal or focal,
            "corrected": correction.focal is not None,
            "keep": [box.corners for box in correction.keep],
        }
        by_method = _hash(self._base | {"shrink": shrink, "hints": hints})
        boxes, entries, needs = [], [], []
        for request, rendering in zip(self.job.requests, self.renderings, strict=True):
            box = correction.boxes.get(request.slug)
            rejected = correction.rejects(request)
            corners = ",".join(map(str, box.corners)) if box else ""
            boxes.append(f"box {corners}" if box else _in_safe_area(by_method, request))
            entry = f"{rendering} {corners}" if box else _considered(rendering, request)
            entries.append(f"{request.slug} rejected" if rejected else entry)
            needs.append(not rejected and box is None)
        return Wanted(
            method=by_method,
            row=by_method if any(needs) else _hash({"row": BY_PEOPLE, "hints": hints}),
            boxes=tuple(boxes),
            renderings=self.renderings,
            names=tuple(request.slug for request in self.job.requests),
            remarks=tuple(request.name for request in self.job.requests),
            entries=tuple(entries),
            needs_method=tuple(needs),
            rejected=tuple(each.slug for each in self.job.requests if correction.rejects(each)),
        )

    def _rendering(self, request: VariantRequest) -> str:
        job = self.job
        encoding: dict[str, object] = {
            "format": job.format,
            "quality": job.quality or DEFAULT_QUALITY.get(job.format),
        }
        size: dict[str, object] = {"max_size": job.max_size}
        if request.size is not None:
            size = {"upscale": job.upscale}
        if request.rendition is not None:
            encoding, size = self._of_rendition(request.rendition), {"upscale": job.upscale}
        return _hash(
            {
                "version": RENDERING_VERSION,
                "request": request.slug,
                "colour": [job.colour, job.exif_colour],
                "metadata": job.keep_metadata,
                "hdr": job.hdr,
                "keys": job.keys,
            }
            | encoding
            | size
        )

    def _of_rendition(self, rendition: Rendition) -> dict[str, object]:
        """Return what else decides a variant of a preset."""
        output = rendition.output
        decided: dict[str, object] = {
            "preset": [rendition.preset, rendition.width, rendition.density],
            "format": rendition.format,
            "quality": output.quality_of(rendition.format),
            "settings": output.settings.deciding(rendition.format),
            "max_bytes": output.max_bytes,
            "fit": plain_rules(output.fit),
            "min_width": [output.min_width, output.min_width and output.below_min_width],
        }
        if output.may("pad"):
            decided["background"] = output.background
        if output.may("retarget"):
            decided["retargeting"] = self._retargeting
        return decided

    @cached_property
    def _retargeting(self) -> list[object]:
        """What decides the photos that rules retarget: the algorithm and its weights."""
        method = registry.find(RETARGETING)
        other = Job(input="/", output="/-", method=RETARGETING, aspects=("1:1",))
        return [
            getattr(method, "algorithm", 1),
            other.weights_sha256,
            *other.further_weights_sha256,
        ]


def _considered(rendering: str, request: VariantRequest) -> str:
    """Return what says that a request was considered: its rendering recipe, and its safe area."""
    if request.safe == WHOLE:
        return rendering
    return f"{rendering} safe {','.join(f'{side:g}' for side in request.safe.sides)}"


def _in_safe_area(by_method: str, request: VariantRequest) -> str:
    """Return the analysis recipe of a request's box, which its safe area may decide too."""
    if request.safe == WHOLE:
        return by_method
    return _hash({"method": by_method, "safe": list(request.safe.sides)})


_NO_CORRECTION = Correction()


def _hash(values: object) -> str:
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

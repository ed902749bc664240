"""The rows of variants, and their order in the row of their source."""

from __future__ import annotations

import hashlib
from typing import TypedDict

from ..flags import Flag, ordered
from ..geometry import Size
from ..job import Job, VariantRequest
from ..manifest.places import Place, place_of, requested_places
from ..manifest.rows import VariantRow
from ..methods.base import Crop
from ..outputs.rules import Fit
from .encoder import Encoded, Encoding
from .frames import Frame
from .item import ImageTask
from .rendered import size_of


class VariantRows:
    """Makes the rows of a job's variants."""

    def __init__(self, job: Job) -> None:
        """Take the job."""
        self.job = job

    def new(self, task: ImageTask, encoding: Encoding, encoded: Encoded, uri: str) -> VariantRow:
        """Return the row of a variant that was just encoded.

        Args:
            task: the source.
            encoding: what it was encoded from.
            encoded: its file.
            uri: where it will lie.
        """
        assert task.wanted is not None
        variant = encoding.variant
        request, size = self.job.requests[variant.index], size_of(variant.pixels)
        flags = self._flags(
            task, request, variant.crop, variant.fit, size, upscaled=variant.upscaled
        )
        flags += [Flag.OVER_MAX_BYTES] * encoded.is_too_large
        row: VariantRow = {
            **_box_columns(variant.crop),
            "upscaled": variant.upscaled,
            "flags": ordered(flags),
            "variant_uri": uri,
            "aspect": request.slug,
            "width": size.width,
            "height": size.height,
            "format": encoding.format,
            "bytes": len(encoded.data),
            "sha256": hashlib.sha256(encoded.data).hexdigest(),
            "method": self.job.method,
            "source_sha256": task.sha256,
            "analysis_recipe": task.wanted.boxes[variant.index],
            "rendering_recipe": task.wanted.renderings[variant.index],
            **_preset_columns(request, encoded, variant.fit),
        }
        return row

    def standing(self, task: ImageTask, frame: Frame) -> VariantRow | None:
        """Return the variant that is there already, where another recipe gave the same box."""
        assert task.wanted is not None
        request, corners = self.job.requests[frame.index], _corners(frame.shown)
        for each in task.standing.values() if task.same else ():
            if (
                each["aspect"] == request.slug
                and each["rendering_recipe"] == task.wanted.renderings[frame.index]
                and each["source_sha256"] == (task.sha256 or each["source_sha256"])
                and (each["x0"], each["y0"], each["x1"], each["y1"]) == corners
                and each["fit"] == (frame.fit and frame.fit.action)
                and not (frame.fit and frame.fit.action == "blur")  # its background is the crop
            ):
                size = Size(each["width"], each["height"])
                flags = self._flags(
                    task, request, frame.shown, frame.fit, size, upscaled=each["upscaled"]
                )
                flags += [Flag.OVER_MAX_BYTES] * (Flag.OVER_MAX_BYTES in (each["flags"] or ()))
                changed: VariantRow = {**each, "flags": ordered(flags), "method": self.job.method}
                if (crop := frame.shown) is not None:
                    changed["score"], changed["preference"] = crop.score, crop.preference
                if frame.fit is not None:
                    changed["fit_reason"] = frame.fit.reason
                recipe = task.wanted.boxes[frame.index]
                return {**changed, "analysis_recipe": recipe}
        return None

    def in_order(self, task: ImageTask) -> list[VariantRow]:
        """Return the variants in the order of the requests, then those that nobody asks for."""
        made = {each["rendering_recipe"]: each for each in task.variants}
        kept = task.reuse.kept if task.reuse else {}
        found = [
            variant
            for index, recipe in enumerate(task.wanted.renderings if task.wanted else ())
            if (variant := made.get(recipe) or kept.get(index)) is not None
        ]
        asked = requested_places(self.job, task.format)
        return found + [each for each in task.standing.values() if _place(each) not in asked]

    def _flags(
        self,
        task: ImageTask,
        request: VariantRequest,
        crop: Crop | None,
        fit: Fit | None,
        size: Size,
        *,
        upscaled: bool,
    ) -> list[Flag]:
        flags = list(crop.flags) if crop else []
        flags += [Flag.ENLARGED] * upscaled + [Flag.SMALLER] * request.is_smaller(size)
        flags += [Flag.CORRECTED] * task.correction.changes(request)
        if fit is not None:
            flags += [Flag.REVIEW] * (fit.action == "review")
            flags += [Flag.PADDED] * (fit.action in ("pad", "blur"))
            flags += [Flag.RETARGETED] * (fit.action == "retarget")
        return flags


def _place(variant: VariantRow) -> Place:
    density, width = variant["density"], variant["asked_width"]
    return place_of(variant["aspect"], variant["preset"], width, density, variant["format"])


class _BoxColumns(TypedDict):
    """The crop box of a variant in source pixels and its chances; all None for whole photos."""

    x0: int | None
    y0: int | None
    x1: int | None
    y1: int | None
    score: float | None
    preference: float | None


class _PresetColumns(TypedDict):
    """What a variant's row says of its preset; all None without one."""

    preset: str | None
    asked_width: int | None
    density: float | None
    quality: int | None
    fit: str | None
    fit_reason: str | None


def _corners(crop: Crop | None) -> tuple[int | None, int | None, int | None, int | None]:
    return (None, None, None, None) if crop is None else crop.box.corners


def _box_columns(crop: Crop | None) -> _BoxColumns:
    x0, y0, x1, y1 = _corners(crop)
    score, preference = (None, None) if crop is None else (crop.score, crop.preference)
    return _BoxColumns(x0=x0, y0=y0, x1=x1, y1=y1, score=score, preference=preference)


def _preset_columns(request: VariantRequest, encoded: Encoded, fit: Fit | None) -> _PresetColumns:
    each = request.rendition
    if each is None:
        return _PresetColumns(
            preset=None, asked_width=None, density=None, quality=None, fit=None, fit_reason=None
        )
    return _PresetColumns(
        preset=each.preset,
        asked_width=each.width,
        density=each.density,
        quality=encoded.quality,
        fit=None if fit is None else fit.action,
        fit_reason=None if fit is None else fit.reason,
    )

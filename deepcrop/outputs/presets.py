"""Presets: outputs with a name, each a ladder of widths in several formats.

```yaml
outputs:
  card: {aspect: '4:5', widths: [320, 640, 1280], formats: [avif, webp, jpeg], max_bytes: 60k}
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ..errors import RequestError
from ..geometry import AspectRatio, Size
from ..image import DEFAULT_QUALITY, LONGEST_SIDE, LOSSLESS_FORMATS, Chroma, EncoderSettings
from ..job_fields import Aspect, ExactSize, unknown_field, wrong_value
from .quantities import background_of, bytes_of, list_of
from .rules import Action, RulesField

OutputFormat = Literal["avif", "webp", "jpeg", "png", "jxl"]
Width = Annotated[int, Field(ge=1, le=65500)]
Density = Annotated[float, Field(gt=0, le=8)]
Quality = Annotated[int, Field(ge=1, le=100)]

_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,39}$")


def _qualities(value: object) -> object:
    """Read ``avif:55,webp:75`` as a mapping."""
    if isinstance(value, str) and ":" in value:
        return dict(each.split(":", 1) for each in value.split(","))
    return value


Qualities = Annotated[Quality | dict[OutputFormat, Quality] | None, BeforeValidator(_qualities)]


class Output(BaseModel):
    """A preset: what is made of every source under one name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aspect: Aspect | None = None
    """The aspect ratio, W:H; or else ``size``."""
    size: ExactSize | None = None
    """The exact size, WxH in pixels, at density 1; or else ``aspect`` and ``widths``."""
    widths: Annotated[tuple[Width, ...], BeforeValidator(list_of)] = ()
    """Widths at density 1, in pixels."""
    densities: Annotated[tuple[Density, ...], BeforeValidator(list_of)] = (1.0,)
    """Pixels for each pixel of a width, along each side: 2 for displays with two."""
    formats: Annotated[tuple[OutputFormat, ...], BeforeValidator(list_of)] = ("jpeg",)
    """File formats, the preferred ones first."""
    quality: Qualities = None
    """1 to 100 on each format's own scale, for all formats or by format; by default jpeg 88, webp
    82, avif 65, jxl 85."""
    max_bytes: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(bytes_of)] = None
    """The most bytes of a file: its quality is lowered until it has no more."""
    progressive: bool = True
    """Whether JPEG is progressive."""
    chroma: Chroma = "4:2:0"
    """The resolution of colour in JPEG and AVIF."""
    avif_speed: int = Field(default=8, ge=0, le=10)
    webp_effort: int = Field(default=2, ge=0, le=6)
    jxl_effort: int = Field(default=4, ge=1, le=9)
    lossless: bool = False
    """Whether WebP and JPEG XL are written without loss."""
    fit: RulesField = ()
    """What is done with photos that don't fit: see :mod:`.rules`."""
    background: Annotated[str, AfterValidator(background_of)] = "edge"
    """The bars of padded photos: a colour such as ``#ffffff``, or that of the photo's own edges."""
    min_width: Width | None = None
    """The fewest pixels of the source, from left to right, that a variant may be made of."""
    below_min_width: Literal["skip", "enlarge"] = "skip"
    """What is done with fewer: no variant is made, or it is enlarged up to ``min_width``."""
    html_sizes: str | None = Field(default=None, pattern=r"^[^\"<>]+$")
    """The attribute ``sizes`` of HTML's images; it changes no file."""

    @model_validator(mode="after")
    def _fits_together(self) -> Output:
        if (self.aspect is None) == (self.size is None):
            raise RequestError("needs either aspect, with widths, or size")
        if self.aspect is not None and not self.widths:
            raise RequestError("widths: missing, such as [320, 640, 1280]")
        if self.size is not None and self.widths:
            raise RequestError("widths: go with aspect; a size has its own")
        for field in ("widths", "densities", "formats"):
            values = getattr(self, field)
            if not values and (field != "widths" or self.size is None):
                raise RequestError(f"{field}: empty")
            if len(set(values)) != len(values):
                raise RequestError(f"{field}: {_listed(values)}: one is there twice")
        if self.lossless and not set(self.formats) <= set(LOSSLESS_FORMATS):
            lossy = next(each for each in self.formats if each not in LOSSLESS_FORMATS)
            raise RequestError(f"lossless: {lossy} can't be; {_listed(LOSSLESS_FORMATS)} can")
        if isinstance(self.quality, dict):
            for name in self.quality:
                if name not in self.formats:
                    raise RequestError(f"quality: {name} is not among the formats")
        for rendition in self.renditions(""):
            largest = self.pixels(rendition.width, rendition.density).longest
            if largest > LONGEST_SIDE[rendition.format]:
                limit = LONGEST_SIDE[rendition.format]
                raise RequestError(f"{rendition.format} has at most {limit} pixels a side")
        return self

    @property
    def ratio(self) -> AspectRatio:
        """The aspect ratio that it asks for."""
        if self.aspect is not None:
            return AspectRatio.parse(self.aspect)
        size = self.exact_size
        assert size is not None
        return AspectRatio.parse(f"{size.width}:{size.height}")

    @property
    def exact_size(self) -> Size | None:
        """The exact size at density 1; None if it asks for widths of a ratio."""
        return None if self.size is None else Size.parse(self.size)

    @property
    def slug(self) -> str:
        """The name of its ratio or size in the manifest's column ``aspect``."""
        return self.ratio.slug if self.exact_size is None else f"{self.exact_size}px"

    @property
    def settings(self) -> EncoderSettings:
        """The settings of the encoders."""
        return EncoderSettings(
            progressive=self.progressive,
            chroma=self.chroma,
            avif_speed=self.avif_speed,
            webp_effort=self.webp_effort,
            jxl_effort=self.jxl_effort,
            lossless=self.lossless,
        )

    def pixels(self, width: int, density: float) -> Size:
        """Return the size of a variant in pixels.

        Args:
            width: one of the widths; or that of the exact size.
            density: one of the densities.
        """
        if (exact := self.exact_size) is not None:
            sides = (max(1, round(side * density)) for side in (exact.width, exact.height))
            return Size(*sides)
        return sized(self.ratio, max(1, round(width * density)))

    def quality_of(self, image_format: str) -> int | None:
        """Return the quality of a format; None if it is written without loss."""
        if self.settings.is_lossless(image_format):
            return None
        if isinstance(self.quality, dict):
            own = cast("Mapping[str, int]", self.quality).get(image_format)
            return own or DEFAULT_QUALITY[image_format]
        return self.quality or DEFAULT_QUALITY[image_format]

    def may(self, action: Action) -> bool:
        """Return whether one of the rules leads to an action."""
        return any(rule.action == action for rule in self.fit)

    def renditions(self, name: str) -> Iterator[Rendition]:
        """Yield what is made of every source.

        Args:
            name: the name of the preset.
        """
        exact = self.exact_size
        for width in self.widths if exact is None else (exact.width,):
            for density in self.densities:
                for each in self.formats:
                    yield Rendition(name, self, width, density, each)


@dataclass(frozen=True)
class Rendition:
    """One variant of a preset: a width at a density in a format."""

    preset: str
    output: Output
    width: int
    """The width that is asked for, at density 1."""
    density: float
    format: OutputFormat

    @property
    def pixel_width(self) -> int:
        """The width that is asked for, in pixels of the file."""
        return self.output.pixels(self.width, self.density).width

    @property
    def folder(self) -> str:
        """The folder of its files, below ``variants/``: ``card/320w`` or ``card/320w@2x``."""
        return folder_of(self.preset, self.width, self.density)

    @property
    def name(self) -> str:
        """Its name in remarks: ``card/320w.avif``."""
        return f"{self.folder}.{self.format}"


def folder_of(preset: str, width: int, density: float) -> str:
    """Return the folder of a preset's files of a width and density, below ``variants/``."""
    return f"{preset}/{width}w" + ("" if density == 1 else f"@{density:g}x")


def sized(ratio: AspectRatio, width: int) -> Size:
    """Return the size of a ratio and a width in pixels, to the nearest pixel."""
    return Size(width, max(1, (2 * width * ratio.height + ratio.width) // (2 * ratio.width)))


def read_presets(value: object) -> object:
    """Read presets by name; each a mapping of fields, or a text as :func:`fields_of` reads it.

    Raises:
        RequestError: one line that names the preset, the field, and what would be right.
    """
    if not isinstance(value, Mapping):
        raise RequestError(
            "outputs: expected presets by name, such as card: {aspect: '4:5', widths: [320, 640]}"
        )
    return {name: _preset(name, fields) for name, fields in value.items()}


def _preset(name: object, fields: object) -> Output:
    if not (isinstance(name, str) and _NAME.match(name)):
        raise RequestError(
            f"outputs: {name!r}: no name for a preset; expected small letters, digits, - and _, "
            "a letter first"
        )
    if isinstance(fields, Output):
        return fields
    try:
        return Output.model_validate(fields_of(fields) if isinstance(fields, str) else fields)
    except RequestError as error:
        raise RequestError(f"outputs.{name}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            text = unknown_field(str(first["loc"][0]), "a preset", Output.model_fields)
        else:
            text = wrong_value(error)
        raise RequestError(f"outputs.{name}: {text}") from None


def fields_of(text: str) -> dict[str, object]:
    """Read a preset in one text, such as ``4:5 widths=320,640 formats=avif,jpeg max_bytes=60k``.

    Raises:
        RequestError: a word is neither a ratio, nor a size, nor FIELD=VALUE.
    """
    fields: dict[str, object] = {}
    for word in text.split():
        field, equals, value = word.partition("=")
        if equals and field:
            fields[field] = value
        elif ":" in word:
            fields["aspect"] = word
        elif "x" in word:
            fields["size"] = word
        else:
            raise RequestError(
                f"{word!r}: expected a ratio, a size or FIELD=VALUE, such as "
                "'4:5 widths=320,640 formats=avif,jpeg'"
            )
    return fields


def _listed(values: object) -> str:
    assert isinstance(values, tuple)
    return ", ".join(map(str, values))


def plain_presets(presets: Mapping[str, Output]) -> dict[str, dict[str, object]]:
    """Return presets as plain values, without what is as by default."""
    return {
        name: each.model_dump(mode="json", exclude_defaults=True) for name, each in presets.items()
    }


Presets = Annotated[dict[str, Output], BeforeValidator(read_presets)]
"""Presets as a field of a job."""

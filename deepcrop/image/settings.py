"""The settings of the encoders, besides quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Chroma = Literal["4:2:0", "4:4:4"]
"""The resolution of colour in lossy JPEG and AVIF: half of luma's along each side, or all."""

LOSSLESS_FORMATS = ("webp", "png", "jxl")
"""The formats that can be written without loss; Pillow's AVIF is up to 2 levels off at best."""


@dataclass(frozen=True)
class EncoderSettings:
    """What is chosen of each format's encoder; a format reads only its own settings.

    Attributes:
        progressive: whether JPEG is progressive: some 5% smaller at the widths of web pages, at
            three times the encoding time.
        chroma: the resolution of colour in JPEG and AVIF.
        avif_speed: 0 (slowest, smallest) to 10.
        webp_effort: 0 to 6 (slowest, smallest).
        jxl_effort: 1 to 9 (slowest, smallest).
        lossless: whether WebP and JPEG XL are written without loss.
    """

    progressive: bool = False
    chroma: Chroma = "4:2:0"
    # Slower settings save 2 to 3% of the bytes at two to three times the cost.
    avif_speed: int = 8
    webp_effort: int = 2
    jxl_effort: int = 4
    lossless: bool = False

    def deciding(self, format: str) -> dict[str, object]:
        """Return the settings that decide the bytes of files of a format, by name."""
        names = {
            "jpeg": ("progressive", "chroma"),
            "webp": ("webp_effort", "lossless"),
            "avif": ("avif_speed", "chroma"),
            "jxl": ("jxl_effort", "lossless"),
        }
        return {name: getattr(self, name) for name in names.get(format, ())}

    def is_lossless(self, format: str) -> bool:
        """Return whether files of a format are written without loss, so that quality has no say."""
        return format == "png" or (self.lossless and format in LOSSLESS_FORMATS)

    def for_pillow(self, format: str, quality: int) -> dict[str, object]:
        """Return the arguments of Pillow's ``save`` for jpeg, webp, avif or png."""
        match format:
            case "jpeg":
                return {
                    "quality": quality,
                    "subsampling": self.chroma,
                    "progressive": self.progressive,
                }
            case "webp" if self.lossless:
                return {"method": self.webp_effort, "lossless": True}
            case "webp":
                return {"method": self.webp_effort, "quality": quality}
            case "avif":
                return {
                    "speed": self.avif_speed,
                    "max_threads": 1,
                    "quality": quality,
                    "subsampling": self.chroma,
                }
            case _:
                return {"compress_level": 6}


DEFAULT_SETTINGS = EncoderSettings()
"""The settings of variants that no preset asks for."""

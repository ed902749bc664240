"""Variant requests: what a job makes of every source."""

from __future__ import annotations

from .geometry import WHOLE, AspectRatio, SafeArea, Size
from .outputs.presets import Rendition


class VariantRequest:
    """One variant that the job makes of every source: a ratio, an exact size, or of a preset."""

    def __init__(
        self,
        aspect: AspectRatio,
        size: Size | None,
        slug: str,
        rendition: Rendition | None = None,
        safe: SafeArea = WHOLE,
    ) -> None:
        """Keep what is asked for.

        Args:
            aspect: the ratio.
            size: the exact size in pixels, if one is asked for.
            slug: the name of the ratio or size in the manifest's column ``aspect``; all variants of
                a preset have the same.
            rendition: which variant of which preset it is.
            safe: the part of the crop that nothing is laid over.
        """
        self.aspect = aspect
        self.size = size
        self.slug = slug
        self.rendition = rendition
        self.safe = safe

    def __repr__(self) -> str:
        """Show the name."""
        return f"VariantRequest({self.name})"

    @property
    def name(self) -> str:
        """The name in remarks, which no other variant has."""
        return self.slug if self.rendition is None else self.rendition.name

    @property
    def names(self) -> tuple[str, ...]:
        """The names used in paths: for variants as asked, and for smaller ones of an exact size."""
        folder = self.slug if self.rendition is None else self.rendition.folder
        return (folder,) if self.size is None else (folder, f"{folder}-smaller")

    def is_smaller(self, size: Size) -> bool:
        """Return whether a variant has fewer pixels than are asked for."""
        if self.size is not None:
            return size != self.size
        return self.rendition is not None and size.width < self.rendition.pixel_width

    @property
    def wanted(self) -> str:
        """The size that is asked for, in words; empty where the crop box decides."""
        if self.size is not None:
            return str(self.size)
        return "" if self.rendition is None else f"{self.rendition.pixel_width} wide"

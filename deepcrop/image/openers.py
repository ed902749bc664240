"""Open files of each format: read the header, check the size, choose the decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import lru_cache, partial

from ..flags import Flag, Note
from ..geometry import Size
from .formats import avif, heif, jpeg, jxl, png, psd, raw, webp
from .formats.tiff import decoding as tiff_decoding
from .formats.tiff import pages as tiff
from .formats.tiff import support as tiff_support
from .formats.tiff.layout import Layout
from .gain_maps import heif_form, jpeg_form
from .libtiff import silence
from .metadata import exif, iptc
from .metadata.blocks import orientation_of, stored_orientation
from .opened import Opened, Probe, check_size, shown_size, without_pixels
from .pillow import open_with_pillow
from .samples import Samples

Opener = Callable[[str, bytes, int], AbstractContextManager[Opened]]
"""Opens a file, from its format, its bytes and the largest number of pixels to accept."""


def opener_of(format: str) -> Opener:
    """Return the function that opens files of a format."""
    return _OPENERS.get(format, _by_pillow)


@contextmanager
def _by_pillow(name: str, data: bytes, max_pixels: int, scalable: bool = False) -> Iterator[Opened]:
    if name == "webp" and (canvas := webp.canvas_size(data)) is not None:
        check_size(canvas, max_pixels)  # Pillow allocates a WebP's canvas when opening it
    data = avif.with_joined_associations(data) if name == "avif" else data
    with open_with_pillow(name, png.for_pillow(data) if name == "png" else data) as image:
        if name == "png" and (profile := png.large_profile_of(data)):
            image.info["icc_profile"] = profile
        orientation = orientation_of(image, data)
        size = shown_size(image.size, orientation)
        check_size(size, max_pixels)
        header = Probe(name, Size(*size), orientation, image.mode, False)
        found = jpeg_form.find(data) if name == "jpeg" else None
        gain_map = partial(found.read, size[0] * size[1]) if found else None
        yield Opened(header, data, image, scalable=scalable, gain_map=gain_map)


def _jpeg(name: str, data: bytes, max_pixels: int) -> AbstractContextManager[Opened]:
    frame = jpeg.frame_of(data)
    if frame is None:
        return _by_pillow(name, data, max_pixels)
    if frame.ordinary:
        return _by_pillow(name, data, max_pixels, frame.scalable)
    return _rare_jpeg(name, data, max_pixels, frame)


@contextmanager
def _rare_jpeg(name: str, data: bytes, max_pixels: int, frame: jpeg.Frame) -> Iterator[Opened]:
    check_size((frame.width, frame.height), max_pixels)
    frame.check()
    with _by_pillow(name, jpeg.as_ordinary(data, frame), max_pixels) as source:
        mode = f"{source.header.mode};{frame.precision}"
        samples = partial(jpeg.read, data, frame)
        header = replace(source.header, mode=mode)
        yield replace(source, header=header, data=data, samples=samples)


@contextmanager
def _tiff(name: str, data: bytes, max_pixels: int) -> Iterator[Opened]:
    page = tiff.page_of(data)
    layout = Layout.of(page.directory)
    if tiff_support.is_camera_raw(layout):
        with _raw("raw", data, max_pixels) as source:
            yield source
        return
    notes = (Note(page.remark, Flag.PAGE_CHOSEN),) if page.remark else ()
    check_size((layout.width, layout.height), max_pixels)
    several = page.count > 1
    if tiff_support.by_pillow(layout):
        silence()
        with open_with_pillow(name, page.data) as image:
            orientation = orientation_of(image, page.data)
            # Pillow has already applied the orientation to the size, and applies it to the pixels
            # when it loads them.
            check_size(image.size, max_pixels)
            header = Probe(name, Size(*image.size), orientation, image.mode, False)
            yield Opened(header, page.data, image, upright=True, notes=notes, frames=several)
        return
    tiff_support.check(layout, max_pixels)
    size = shown_size((layout.width, layout.height), layout.orientation)
    header = Probe(name, Size(*size), layout.orientation, tiff_support.mode_of(layout), False)
    directory = layout.directory
    blocks = {"icc_profile": directory.block(tiff.ICC), "xmp": directory.block(tiff.XMP)}
    blocks["exif"] = exif.PREFIX + directory.data  # a TIFF's metadata is stored like EXIF
    image = without_pixels("GIF", blocks)
    samples = partial(tiff_decoding.read, layout)
    yield Opened(header, page.data, image, samples, notes=notes, frames=several)


@contextmanager
def _heif(name: str, data: bytes, max_pixels: int) -> Iterator[Opened]:
    primary = heif.primary_of(data)
    check_size(primary.size, max_pixels)
    header = Probe(name, Size(*primary.size), primary.orientation, primary.mode, False)
    blocks = {"icc_profile": primary.icc, "exif": primary.exif, "xmp": primary.xmp}
    several = primary.count > 1
    gain_map = heif_form.find(data, primary.auxiliary, primary.read_auxiliary, primary.exif)
    which = Note(f"image {primary.index + 1} of {primary.count}", Flag.PAGE_CHOSEN)
    yield Opened(
        header, data, without_pixels("HEIF", blocks), primary.read, upright=True,
        notes=(which,) if several else (), frames=several, gain_map=gain_map,
    )  # fmt: skip


@contextmanager
def _jxl(name: str, data: bytes, max_pixels: int) -> Iterator[Opened]:
    header = jxl.header_of(data)
    check_size(header.shown, max_pixels)
    if original := _original(data):
        with _jpeg("jpeg", original, max_pixels) as source:
            yield replace(source, header=replace(source.header, format=name))
        return
    mode = f"{'L' if header.grey else 'RGB'}{'A' if header.alpha else ''}"
    mode += "" if header.bits == 8 else f";{header.bits}{'f' if header.floats else ''}"
    found = Probe(name, Size(*header.shown), header.orientation, mode, False)
    blocks = jxl.blocks_of(data)
    image = without_pixels("JXL", {"exif": blocks.exif, "xmp": blocks.xmp})
    samples = partial(jxl.read, data, header)
    yield Opened(found, data, image, samples, upright=True, frames=header.animated)


@lru_cache(maxsize=1)
def _original(data: bytes) -> bytes | None:
    """Return `jxl.recompressed`; a file is opened once to probe and once to decode it."""
    return jxl.recompressed(data)


@contextmanager
def _psd(name: str, data: bytes, max_pixels: int) -> Iterator[Opened]:
    document = psd.document_of(data)
    check_size((document.width, document.height), max_pixels)
    resources = iptc.resources(document.resources)
    psd.check(document, resources.get(psd.VERSION, b""))
    tags = resources.pop(psd.EXIF, None)
    blocks = {
        "icc_profile": resources.pop(psd.ICC, None),
        "exif": exif.PREFIX + tags if tags else None,
        "xmp": resources.pop(psd.XMP, None),
        "photoshop": resources,
    }
    # Photoshop stores pixels as it shows them, whatever EXIF says of the camera.
    header = Probe(name, Size(document.width, document.height), 1, document.name, False)
    samples = partial(psd.read, data, document)
    yield Opened(header, data, without_pixels("PSD", blocks), samples, frames=False)


@contextmanager
def _raw(name: str, data: bytes, max_pixels: int) -> Iterator[Opened]:
    preview = raw.preview_of(data)
    if preview.jpeg is not None:
        with _jpeg("jpeg", preview.jpeg, max_pixels) as source:
            size = source.header.size.width, source.header.size.height
            stored = shown_size(size, source.header.orientation)
            own = stored_orientation(source.image, source.data)
            yield _as_preview(name, preview, source, stored, own)
    elif preview.pixels is not None:
        height, width = preview.pixels.shape[:2]
        check_size((width, height), max_pixels)
        header = Probe("raw", Size(width, height), 1, "RGB", False)
        samples = partial(Samples, preview.pixels, "RGB", 255.0)
        source = Opened(header, data, without_pixels("GIF", {}), samples)
        yield _as_preview(name, preview, source, (width, height), None)


def _as_preview(
    name: str, preview: raw.Preview, source: Opened, stored: tuple[int, int], own: int | None
) -> Opened:
    """Return a raw file's preview as it is shown.

    Args:
        name: the format.
        preview: the preview.
        source: the preview as a file of its own.
        stored: the preview's width and height as stored.
        own: the orientation in the preview's EXIF; None if it has none.
    """
    orientation = own or preview.orientation_of(stored)
    size = Size(*shown_size(stored, orientation))
    header = replace(source.header, format=name, size=size, orientation=orientation)
    whole = Size(*shown_size(preview.raw_size, preview.orientation))
    note = Note(f"embedded preview of {size} pixels; the raw image has {whole}")
    return replace(source, header=header, notes=(note, *source.notes), frames=False)


_OPENERS: dict[str, Opener] = {
    "jpeg": _jpeg,
    "tiff": _tiff,
    "heif": _heif,
    "jxl": _jxl,
    "psd": _psd,
    "raw": _raw,
}

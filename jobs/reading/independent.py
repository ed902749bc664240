"""Readers of other projects, each of which returns a picture as shown, in sRGB.

A reader whose package isn't installed has nothing to say. The published pictures are those that lie
beside the files: decoded by the project itself, or the picture that was encoded.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from . import chromium
from .reader import Absent, Closeness, Pixels, Reader


def readers_of(path: Path) -> Iterator[Reader]:
    """Yield the readers of a file, those that know most of its format first."""
    suffix = path.suffix.lower()
    picture, closeness = _published(path)
    if picture is not None:
        yield Reader("published", lambda _: _vips(picture), closeness)
    if suffix in (".psd", ".psb"):
        yield Reader("psd-tools", _psd_tools)
        return  # what others read of these, they don't read well
    if suffix in (".heic", ".heif", ".hif"):
        yield Reader("pillow-heif", _pillow_heif)
    if suffix == ".jxl":
        yield Reader("vips (JPEG inside)", _jpeg_inside)
        yield Reader("pillow-jxl", _pillow_jxl)
        return
    if suffix in _RAW:
        yield Reader("libraw", _libraw, "look")
    if suffix in (".tif", ".tiff"):
        yield Reader("tifffile", _tifffile)
    yield Reader("vips", _vips)
    if suffix == ".avif":
        yield Reader("libavif", _libavif)
    yield Reader("opencv", _opencv)
    yield Reader("pillow", _pillow)
    if suffix in _OF_BROWSERS:
        yield Reader("chromium", chromium.read)


_OF_BROWSERS = {".jpg", ".jpeg", ".png", ".apng", ".gif", ".bmp", ".webp", ".avif"}
_RAW = {
    *(".arw", ".cr2", ".cr3", ".crw", ".dng", ".iiq", ".kdc", ".mrw", ".nef", ".orf", ".pef"),
    *(".raf", ".raw", ".rw2", ".sr2", ".srw", ".x3f"),
}


def _published(path: Path) -> tuple[Path | None, Closeness]:
    """Return the picture that a project publishes of a file, and how close a reading must be."""
    if path.name == "input.jxl":  # libjxl/conformance
        names = ("ref.png", "ref.apng", "ref.gif")
        return next(
            (path.with_name(name) for name in names if path.with_name(name).exists()), None
        ), "levels"
    if path.suffix == ".avif" and (name := _AVIF_SAMPLE.match(path.name)):  # link-u
        # Photos in half the resolution of colour, or grey: only the mean is near the original.
        size = "".join(re.findall(r"\.odd-(?:width|height)", path.name))
        picture = path.with_name(f"{name[1]}{size}.png")
        if picture.exists() and "monochrome" not in path.name:
            return picture, "mean"
    if "images" in path.parts:  # image-rs/image
        at = len(path.parts) - 1 - path.parts[::-1].index("images")
        folder = Path(*path.parts[:at], "reference", *path.parts[at + 1 : -1])
        picture = folder / f"{path.name}.png"
        if picture.exists() and path.suffix != ".tga":
            return picture, "levels"
    return None, "levels"


_AVIF_SAMPLE = re.compile(
    r"(fox|kimono(?:\.[a-z.\-0-9]+)?|plum-blossom-\w+)(?:\.profile.*)?\.avif$"
)


def _vips(path: Path) -> Pixels:
    try:
        import pyvips
    except ImportError:
        raise Absent from None
    image = pyvips.Image.new_from_file(str(path), fail_on="truncated").autorot()
    profile = image.get_typeof("icc-profile-data") and image.get("icc-profile-data")
    if profile and image.interpretation in ("rgb16", "grey16"):  # lcms as vips asks is inexact
        return _exactly(image.numpy().reshape(image.height, image.width, -1), profile)
    if profile:
        image = image.icc_transform(
            "srgb", embedded=True, intent="relative", black_point_compensation=True, depth=8
        )
    elif image.interpretation != "srgb":
        image = image.colourspace("srgb")
    if image.format != "uchar":
        image = image.cast("uchar")
    pixels: Pixels = image.numpy()
    pixels = pixels.reshape(image.height, image.width, -1)
    return np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else _grey_alpha(pixels)


def _libavif(path: Path) -> Pixels:
    """Read more than 8 bits with a profile, which the other readers of AVIF reduce to 8 first."""
    import imagecodecs

    with Image.open(path) as image:
        profile = image.info.get("icc_profile")
    if not profile:
        raise Absent
    samples = imagecodecs.avif_decode(path.read_bytes(), numthreads=1)
    if samples.dtype != np.uint16:
        raise Absent
    bits = int(samples.max()).bit_length()
    deep = np.rint(samples * (65535 / ((1 << bits) - 1))).astype(np.uint16)
    return _exactly(deep, profile)


def _grey_alpha(pixels: Pixels) -> Pixels:
    return pixels[..., [0, 0, 0, 1]] if pixels.shape[2] == 2 else pixels


def _opencv(path: Path) -> Pixels:
    try:
        import cv2
    except ImportError:
        raise Absent from None
    # Without profiles and alpha, and in 8 bits.
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise ValueError("not read")
    return np.asarray(pixels, np.uint8)


def _pillow_jxl(path: Path) -> Pixels:
    try:
        import pillow_jxl  # noqa: F401 (it registers itself)
    except ImportError:
        raise Absent from None
    with Image.open(path) as image:  # upright already
        return _srgb(image)


def _jpeg_inside(path: Path) -> Pixels:
    """Read the JPEG that a JPEG XL was made of without loss."""
    import imagecodecs

    data = path.read_bytes()
    if b"jbrd" not in data:
        raise Absent
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1))
        file.flush()
        return _vips(Path(file.name))


def _pillow(path: Path) -> Pixels:
    with Image.open(path) as image:
        orientation = image.getexif().get(274, 1) if image.format != "TIFF" else 1
        image.load()
        return _turned(_srgb(image), orientation)


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    turns = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False)}
    turns |= {7: (1, True), 8: (1, False)}
    count, mirrored = turns.get(orientation, (0, False))
    turned = np.rot90(pixels, count)
    return turned[:, ::-1] if mirrored else turned


def _srgb(image: Image.Image) -> Pixels:
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "RGBA", "L", "LA", "CMYK", "LAB"):
        alpha = image.getchannel("A") if image.mode.endswith("A") else None
        plain = image.convert(image.mode.removesuffix("A"))
        converted = ImageCms.profileToProfile(
            plain, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
            ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
        assert converted is not None
        if alpha is not None:
            converted.putalpha(alpha)
        return np.asarray(converted)
    clear = "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "La", "RGBa")
    return np.asarray(image.convert("RGBA" if clear else "RGB"))


def _psd_tools(path: Path) -> Pixels:
    try:
        from psd_tools import PSDImage
        from psd_tools.constants import Resource
    except ImportError:
        raise Absent from None
    document = PSDImage.open(path)
    if not document.has_preview():
        raise ValueError("no flattened image")
    profile = document.image_resources.get_data(Resource.ICC_PROFILE)
    if document.depth == 32 and profile:
        light = document.numpy().clip(0, 1)
        return _exactly(np.rint(light * 65535).astype(np.uint16), bytes(profile))
    image = document.topil(apply_icc=False)
    if image is None:
        raise ValueError("no pixels")
    # Its own conversion has another intent.
    image.info["icc_profile"] = profile
    return _srgb(image)


def _exactly(deep: NDArray[np.uint16], profile: bytes) -> Pixels:
    """Convert grey or RGB, with or without alpha, by lcms without its approximations."""
    import imagecodecs

    grey = deep.shape[2] < 3
    colours = np.ascontiguousarray(deep[..., 0] if grey else deep[..., :3])
    levels = imagecodecs.cms_transform(
        colours, profile, imagecodecs.cms_profile("srgb"), colorspace="gray" if grey else "rgb",
        outcolorspace="rgb", outdtype="uint8", intent=1, flags=0x2100,
    )  # fmt: skip
    if deep.shape[2] in (1, 3):
        return np.asarray(levels, np.uint8)
    return np.dstack([levels, np.rint(deep[..., -1] / 257).astype(np.uint8)])


def _pillow_heif(path: Path) -> Pixels:
    try:
        import pillow_heif
    except ImportError:
        raise Absent from None
    file = pillow_heif.open_heif(path)
    return _srgb(file[file.primary_index].to_pillow())


def _libraw(path: Path) -> Pixels:
    try:
        import rawpy
    except ImportError:
        raise Absent from None
    with rawpy.imread(str(path)) as raw:
        return np.asarray(raw.postprocess(half_size=True, use_camera_wb=True), np.uint8)


def _tifffile(path: Path) -> Pixels:
    try:
        import tifffile
    except ImportError:
        raise Absent from None
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        values, kind = page.asarray(), page.photometric.name
        tag = page.tags.get(274)
        orientation = int(tag.value) if tag else 1
        if kind not in ("RGB", "MINISBLACK", "MINISWHITE") or values.dtype not in ("u1", "u2"):
            raise Absent
        if page.planarconfig == 2 and values.ndim == 3:
            values = np.moveaxis(values, 0, 2)
        if page.bitspersample not in (8, 16) or page.tags.get(34675):
            raise Absent
    levels = np.rint(values / np.iinfo(values.dtype).max * 255).astype(np.uint8)
    if levels.ndim == 2:
        levels = np.repeat(levels[..., None], 3, 2)
    levels = levels[..., :3] if levels.shape[2] not in (3, 4) else levels
    return _turned(255 - levels if kind == "MINISWHITE" else levels, orientation)

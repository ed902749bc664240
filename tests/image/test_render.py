"""Rendering: exact sizes, the identity, nearness to the full-size reference, no aliasing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepcrop.errors import RenderError
from deepcrop.geometry import Box, Size
from deepcrop.image import Cuts, decode, render, size_to_decode, thumbnail
from deepcrop.image.render import _resized_with_alpha
from deepcrop.resize import Raster, resized
from tests.image.samples import PHOTOS, photo, psnr, saved


def reference(pixels, box, size):
    """Crop at full size, then Lanczos."""
    part = Image.fromarray(pixels[box.y0 : box.y1, box.x0 : box.x1])
    return np.asarray(part.resize((size.width, size.height), Image.Resampling.LANCZOS))


def random_cut(random, source, least, most):
    width = int(random.integers(source.width // 4, source.width + 1))
    height = int(random.integers(source.height // 4, source.height + 1))
    x0 = int(random.integers(0, source.width - width + 1))
    y0 = int(random.integers(0, source.height - height + 1))
    factor = random.uniform(least, most)
    size = Size(max(1, round(width / factor)), max(1, round(height / factor)))
    return Box(x0, y0, x0 + width, y0 + height), size


def test_shrunk_decoding_is_near_the_full_size_reference():
    """At least 42 dB on average and 36 dB at worst, over real photos, boxes and scales."""
    random, found = np.random.default_rng(0), []
    for name in PHOTOS:
        data = saved(photo(name), "jpeg", quality=92)
        full = decode(data)
        for _ in range(12):
            box, size = random_cut(random, full.source_size, 1.5, 8)
            picture = decode(data, at_least=size_to_decode(full.source_size, [(box, size)]))
            if picture.shrink > 1:
                result = render(picture, box, size)
                found.append(psnr(result, reference(full.pixels, box, size)))
    assert len(found) > 25
    assert np.mean(found) >= 42
    assert min(found) >= 36


@pytest.mark.parametrize("orientation", [3, 6])
def test_turned_and_shrunk_pictures_are_as_near(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(photo("chelsea")[:-1, :-3], "jpeg", quality=92, exif=exif)  # sides not of eight
    full = decode(data)
    box = Box(10, 20, full.size.width - 7, full.size.height - 9)
    size = box.size.fit(100)
    picture = decode(data, at_least=size_to_decode(full.source_size, [(box, size)]))
    assert picture.shrink == 2
    assert psnr(render(picture, box, size), reference(full.pixels, box, size)) > 42


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_cuts_that_share_rows_are_the_same_alone(form, monkeypatch):
    """Bit for bit, whatever else is cut beside them, and with less work."""
    work = []

    def counted(raster, size, window, whole=Raster.resized):
        x0, y0, x1, y1 = window
        work.append((x1 - x0) * (y1 - y0))
        return whole(raster, size, window)

    monkeypatch.setattr(Raster, "resized", counted)
    picture = decode(saved(photo("coffee"), form), at_least=Size(300, 200))
    high = [
        (Box(x, 0, x + width, 400), Size(width // 3, 133)) for x, width in ((90, 399), (9, 240))
    ]
    wide = [(Box(0, y, 600, y + 300), Size(200, 100)) for y in (0, 30, 100)]
    others = [(Box(0, 0, 600, 400), Size(60, 40)), (Box(0, 0, 90, 400), Size(180, 800))]
    copied = [(Box(5, 5, 105, 55), Size(100, 50))]
    wanted = [*wide, *high, *others, *copied, high[0]]
    alone = [render(picture, box, size) for box, size in wanted]
    apart, _ = sum(work), work.clear()
    cuts = Cuts(picture, wanted)
    for index in [*range(len(wanted))][::-1]:
        assert np.array_equal(cuts.render(index), alone[index])
        assert alone[index].shape[:2] == (wanted[index][1].height, wanted[index][1].width)
    assert sum(work) < 0.9 * apart
    random = np.random.default_rng(5)
    for _ in range(30):
        several = [random_cut(random, picture.source_size, 0.7, 6) for _ in range(4)]
        cuts = Cuts(picture, several)
        for index, (box, size) in enumerate(several):
            assert np.array_equal(cuts.render(index), render(picture, box, size))


def pillow(pixels, window, size):
    """Resize a window by Pillow's bicubic filter."""
    corners = tuple(float(edge) for edge in window)
    image = Image.fromarray(pixels).resize((size.width, size.height), 3, box=corners)
    return np.asarray(image)


def test_rows_first_or_all_at_once_is_nothing_to_see():
    random, pixels = np.random.default_rng(2), photo("coffee")
    picture = decode(saved(pixels, "png"))
    for _ in range(20):
        box, size = random_cut(random, picture.source_size, 1.1, 3.9)
        at_once = Raster(pixels).resized(size, tuple(map(float, box.corners))).pixels
        assert psnr(render(picture, box, size), at_once) > 60


def kernel(x, by):
    """Keys' cubic filter with a = -1/2, or the triangle."""
    x = np.abs(x)
    if by == "linear":
        return np.clip(1 - x, 0, None)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def weights(source, result, by):
    """Return the matrix (result, source) that resizes an axis, with the filter's antialiasing."""
    scale = source / result
    centres = (np.arange(result)[:, None] + 0.5) * scale
    matrix = kernel((np.arange(source) + 0.5 - centres) / max(scale, 1), by)
    return matrix / matrix.sum(1, keepdims=True)


@pytest.mark.parametrize(("by", "way"), [("cubic", 3), ("linear", 2)])
def test_the_filters_are_exact_and_pillow_s(by, way):
    """Both round between the two axes, and clip what overshoots; the errors are of one size."""
    random, pixels = np.random.default_rng(1), photo("coffee")
    for _ in range(10):
        box, size = random_cut(random, Size(600, 400), 0.5, 5)
        part = pixels[box.y0 : box.y1, box.x0 : box.x1]
        down = weights(part.shape[0], size.height, by)
        across = weights(part.shape[1], size.width, by)
        exact = np.einsum("ij,jkc,lk->ilc", down, part, across, optimize=True).clip(0, 255)
        found, other = (
            np.abs(each - exact)
            for each in (
                resized(part, size, by),
                np.asarray(Image.fromarray(part).resize((size.width, size.height), way)),
            )
        )
        assert found.mean() < 1.05 * other.mean() < 0.35
        assert found.max() < 9


def test_an_opaque_picture_with_alpha_looks_like_one_without():
    random, pixels = np.random.default_rng(4), photo("coffee")
    opaque = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    for _ in range(5):
        box, size = random_cut(random, Size(600, 400), 0.5, 5)
        window = tuple(map(float, box.corners))
        one = Raster(pixels).resized(size, window).pixels
        assert psnr(one, _resized_with_alpha(opaque, window, size)[..., :3]) > 50


def test_a_box_between_decoded_pixels_is_not_rounded():
    """Boxes of odd edges are cut where they lie."""
    pixels = np.asarray(Image.fromarray(photo("astronaut")).resize((1600, 1600)))
    data = saved(pixels, "jpeg", quality=95)
    picture = decode(data, at_least=Size(800, 800))
    assert picture.shrink == 2
    random, inner = np.random.default_rng(3), np.s_[3:-3, 3:-3]
    for _ in range(20):
        width, height = (int(each) for each in random.integers(300, 700, 2))
        x0, y0 = (2 * int(each) + 1 for each in random.integers(100, 400, 2))
        box = Box(x0, y0, x0 + width, y0 + height)
        size = box.size.fit(128)
        exact = pillow(picture.pixels, [edge / 2 for edge in box.corners], size)
        assert psnr(render(picture, box, size)[inner], exact[inner]) > 52


def test_at_full_scale_it_is_near_lanczos():
    picture = decode(saved(photo("coffee"), "png"))
    random = np.random.default_rng(1)
    found = []
    for _ in range(10):
        box, size = random_cut(random, picture.source_size, 0.5, 5)
        found.append(psnr(render(picture, box, size), reference(picture.pixels, box, size)))
    assert np.mean(found) > 42


def test_a_thumbnail_shows_the_whole_picture():
    data = saved(photo("coffee"), "jpeg", quality=95)
    whole = Box(0, 0, 600, 400)
    for picture in (decode(data), decode(data, at_least=Size(240, 160))):
        seen = thumbnail(picture, 240)
        assert seen.shape == (160, 240, 3)
        assert psnr(seen, reference(photo("coffee"), whole, Size(240, 160))) > 34
    assert np.array_equal(thumbnail(decode(data), 1000), decode(data).rgb)
    clear = decode(saved(np.zeros((90, 60, 4), np.uint8), "png"))
    assert np.array_equal(thumbnail(clear, 30), np.full((30, 20, 3), 255))


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_a_box_of_the_wanted_size_is_copied_bit_for_bit(format):
    picture = decode(saved(photo(), format))
    box = Box(13, 27, 313, 227)
    result = render(picture, box, box.size)
    assert np.array_equal(result, picture.pixels[27:227, 13:313])
    result[:] = 0
    assert picture.pixels[27:227, 13:313].any()


@pytest.mark.parametrize("box", [Box(0, 0, 513, 10), Box(-1, 0, 10, 10), Box(0, 510, 3, 513)])
def test_a_box_outside_is_refused(box):
    picture = decode(saved(photo(), "jpeg"))
    with pytest.raises(RenderError, match="not inside the source of 512x512"):
        render(picture, box, Size(10, 10))


@given(
    st.integers(1, 200), st.integers(1, 200), st.integers(1, 300), st.integers(1, 300), st.data()
)
@settings(max_examples=150)
def test_sizes_are_exact_and_a_flat_colour_stays(width, height, out_width, out_height, draws):
    orientation = draws.draw(st.integers(1, 8))
    at_least = draws.draw(st.sampled_from([None, Size(1, 1), Size(20, 20)]))
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(Image.new("RGB", (width, height), (200, 100, 50)), "jpeg", exif=exif, quality=95)
    picture = decode(data, at_least=at_least)
    source = picture.source_size
    x0 = draws.draw(st.integers(0, source.width - 1))
    y0 = draws.draw(st.integers(0, source.height - 1))
    x1 = draws.draw(st.integers(x0 + 1, source.width))
    y1 = draws.draw(st.integers(y0 + 1, source.height))
    result = render(picture, Box(x0, y0, x1, y1), Size(out_width, out_height))
    assert result.shape == (out_height, out_width, 3)
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - [200, 100, 50]).max() <= 3


def zone_plate(side):
    """Rings whose frequency rises linearly from 0 at the centre to Nyquist at the edges' middle."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    rings = 127.5 + 127.5 * np.cos(np.pi * (x * x + y * y) / side)
    return np.repeat(np.rint(rings)[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("factor", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_a_zone_plate_shows_no_aliases(format, factor):
    """Rings too fine for the result must turn grey: whatever remains there is an alias.

    Of a whole decode 3% of the contrast may remain in any band of rings. The scaled DCT leaves up
    to an eighth in a few bands at half the coarsest scale (it cuts blocks, not rings).
    """
    side, contrast = 160 * factor, 127.5 / 2**0.5
    options = {"quality": 98, "subsampling": 0} if format == "jpeg" else {}
    data = saved(zone_plate(side), format, **options)
    box, size = Box(0, 0, side, side), Size(side // factor, side // factor)
    picture = decode(data, at_least=size_to_decode(box.size, [(box, size)]))
    assert picture.shrink == (1 if format == "png" else {2: 1, 3: 1, 4: 2, 6: 2, 8: 4}[factor])
    result = render(picture, box, size)[..., 0].astype(float)
    y, x = np.abs(np.mgrid[: size.height, : size.width] - (size.width - 1) / 2)
    frequency = np.maximum(x, y) / (size.width / 2) * factor  # 1: the result's Nyquist frequency

    def remains(pixels, least, most):
        return np.std(pixels[(frequency >= least) & (frequency < most)]) / contrast

    bands = [(low, low + 0.2) for low in np.arange(1.6, max(factor - 0.3, 1.7), 0.2)]
    limit = 0.03 if picture.shrink == 1 else 0.13
    assert max(remains(result, *band) for band in bands) < limit
    assert remains(result, 0.3, 0.6) > 0.7
    nearest = zone_plate(side)[factor // 2 :: factor, factor // 2 :: factor, 0]
    assert max(remains(nearest, *band) for band in bands) > 0.7


def test_transparent_pixels_do_not_bleed():
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., 1] = 255  # transparent green ...
    pixels[16:48, 16:48] = (255, 0, 0, 255)  # ... around opaque red
    picture = decode(saved(pixels, "png"))
    result = render(picture, Box(0, 0, 64, 64), Size(20, 20))
    assert result.shape == (20, 20, 4)
    seen = result[..., 3] > 16
    assert result[seen][:, 1].max() <= 16

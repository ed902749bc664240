"""EXIF of a variant: every value by hand."""

from fractions import Fraction

import pytest

from deepcrop.geometry import Box, Size
from deepcrop.image import Framing
from deepcrop.image.metadata import exif
from deepcrop.image.metadata.exif_variant import carried, for_variant, subject_pixels

TURNED = Framing(Size(400, 600), Size(200, 200), Box(0, 100, 400, 500), 6)
PLAIN = Framing(Size(600, 400), Size(100, 100), Box(100, 0, 500, 400))
WHOLE = Framing(Size(600, 400), Size(600, 400), Box(0, 0, 600, 400))
REARRANGED = Framing(Size(600, 400), Size(300, 400), None)


def numbers(block, tag):
    return block.numbers(block.photo.get(tag))


def photo(**tags):
    """Make a block with numbers in the Exif directory, by hexadecimal tags."""
    source = exif.Exif("<")
    made = {int(tag[1:], 16): source.shorts(*values) for tag, values in tags.items()}
    return exif.Exif("<", {0x0112: source.shorts(6)}, made)


@pytest.mark.parametrize(
    ("framing", "before", "after"),
    [
        # Stored (300, 150) of 600x400 is shown at (249, 300) of 400x600; less (0, 100), halved.
        (TURNED, (300, 150), [124, 100]),
        (TURNED, (300, 150, 80, 60), [124, 100, 30, 40]),  # width and height trade places
        (TURNED, (300, 150, 80), [124, 100, 40]),
        (TURNED, (50, 150), None),  # shown 50 from the top: cut off
        (PLAIN, (300, 200, 80, 80), [50, 50, 20, 20]),
        (PLAIN, (100, 200, 80, 80), [5, 50, 10, 20]),  # its left half is cut off
        (PLAIN, (40, 200, 80, 80), None),
        (PLAIN, (99, 200, 80), None),  # a circle goes by its centre
        (WHOLE, (300, 150, 80, 60), [300, 150, 80, 60]),
        (WHOLE, (599, 399), [599, 399]),
        (REARRANGED, (300, 150), None),
        (WHOLE, (1,), None),
        (WHOLE, (), None),
    ],
)
def test_subjects_move_with_the_picture(framing, before, after):
    assert subject_pixels(before, framing) == after
    block = for_variant(photo(x9214=before) if before else photo(x9214=(0,)), framing, "srgb")
    assert numbers(block, 0x9214) == (after or [])


@pytest.mark.parametrize("values", [(300, 200), (300, 200, 80, 80)])
def test_subjects_of_two_crops_are_those_of_one(values):
    inner = Framing(Size(100, 100), Size(50, 50), Box(25, 25, 75, 75))
    once = Framing(Size(600, 400), Size(50, 50), Box(200, 100, 400, 300))
    assert subject_pixels(subject_pixels(values, PLAIN), inner) == subject_pixels(values, once)


def test_sizes_and_orientation_are_the_variants():
    block = for_variant(photo(xA002=[600], xA003=[400]), TURNED, "srgb")
    assert numbers(block, 0xA002) == [200] and numbers(block, 0xA003) == [200]
    assert 0x0112 not in block.main  # 1, by default


def test_colours_are_named_as_they_are():
    source = photo(xA001=[65535], xA500=[2])
    source.interoperability[1] = exif.Entry(2, b"R03\0")
    converted = for_variant(source, PLAIN, "srgb")
    assert numbers(converted, 0xA001) == [1]
    assert not converted.interoperability and 0xA500 not in converted.photo
    profiled = for_variant(photo(xA001=[1]), PLAIN, "profile")
    assert numbers(profiled, 0xA001) == [65535]
    unchanged = for_variant(source, PLAIN, "unchanged")
    assert numbers(unchanged, 0xA001) == [65535] and numbers(unchanged, 0xA500) == [2]
    assert unchanged.interoperability[1].value == b"R03\0"


def test_the_angle_of_view_narrows():
    """A crop of half the diagonal has twice the equivalent focal length; the lens is the same."""
    half = Framing(Size(600, 400), Size(100, 67), Box(0, 0, 300, 200))
    block = for_variant(photo(xA405=[28], xA404=[2], x920A=[5]), half, "srgb")
    assert numbers(block, 0xA405) == [56]
    assert numbers(block, 0xA404) == [2] and numbers(block, 0x920A) == [5]
    assert numbers(for_variant(photo(xA405=[0]), half, "srgb"), 0xA405) == [0]  # unknown
    assert numbers(for_variant(photo(xA405=[28]), REARRANGED, "srgb"), 0xA405) == []


def test_pixels_on_the_sensor_scale_and_turn():
    source = exif.Exif(">")
    block = exif.Exif(
        ">",
        {},
        {
            0xA20E: source.rational(Fraction(6000)),
            0xA20F: source.rational(Fraction(4000)),
            0xA210: source.shorts(2),
        },
    )
    plain = for_variant(block, PLAIN, "srgb")  # 100 pixels from 400
    assert numbers(plain, 0xA20E) == [1500] and numbers(plain, 0xA20F) == [1000]
    turned = for_variant(block, TURNED, "srgb")  # 200 from 400, the shown width is stored upright
    assert numbers(turned, 0xA20E) == [2000] and numbers(turned, 0xA20F) == [3000]
    assert 0xA20E not in for_variant(block, REARRANGED, "srgb").photo


def test_what_is_of_the_old_file_goes():
    gone = (0x927C, 0xA420, 0xA004, 0x9102, 0xA302, 0x828E, 0x8828, 0xA20C, 0xEA1C, 0xC6D2)
    source = photo(x9003=[1], **{f"x{tag:04X}": [7] for tag in gone})
    source.main.update({tag: source.shorts(1) for tag in (256, 258, 259, 273, 0x935C, 0xC4A5)})
    for block in (for_variant(source, PLAIN, "srgb"), carried(source)):
        assert not set(gone) & set(block.photo)
        assert block.main == {}
        assert 0x9003 in block.photo


def test_chroma_is_told_only_where_it_is_ours():
    source = photo(x9003=[1])
    for components, positioning, kept in ((b"\1\2\3\0", 1, True), (b"\4\5\6\0", 2, False)):
        source.photo[0x9101] = exif.Entry(7, components)
        source.main[0x0213] = source.shorts(positioning)
        block = for_variant(source, PLAIN, "srgb")
        assert (0x9101 in block.photo, 0x0213 in block.main) == (kept, kept)

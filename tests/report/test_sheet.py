"""Contact sheets."""

from PIL import Image

from deepcrop.geometry import Box
from deepcrop.report.sheet import COLOURS, HEIGHT, Line, contact_sheet, overlay


def test_boxes_are_outlined_on_their_own_pixels():
    drawn = overlay(Image.new("RGB", (100, 80)), {"1x1": Box(10, 20, 50, 60)}, (0.5, 0.5))
    red = tuple(int(COLOURS[0][i : i + 2], 16) for i in (1, 3, 5))
    assert drawn.getpixel((10, 55)) == red and drawn.getpixel((49, 55)) == red
    assert drawn.getpixel((9, 55)) == (0, 0, 0) == drawn.getpixel((50, 55))


def test_a_sheet_has_a_line_for_each_source():
    line = Line("a", Image.new("RGB", (100, 50)), {}, None, {"1x1": Image.new("RGB", (50, 50))})
    one, two = contact_sheet([line]), contact_sheet([line, line])
    assert two.height == 2 * one.height > 2 * HEIGHT and two.width == one.width

"""Contact sheets."""

from PIL import Image

from deepcrop.geometry import Box
from deepcrop.report.sheet import (
    COLOURS,
    HEIGHT,
    MAX_SIDE,
    ContactSheetRow,
    Page,
    contact_sheet,
    draw_boxes,
)


def test_boxes_are_outlined_on_their_own_pixels():
    drawn = draw_boxes(Image.new("RGB", (100, 80)), {"1x1": Box(10, 20, 50, 60)}, (0.5, 0.5))
    red = tuple(int(COLOURS[0][i : i + 2], 16) for i in (1, 3, 5))
    assert drawn.getpixel((10, 55)) == red and drawn.getpixel((49, 55)) == red
    assert drawn.getpixel((9, 55)) == (0, 0, 0) == drawn.getpixel((50, 55))


def test_a_sheet_has_a_line_for_each_source():
    line = ContactSheetRow(
        "a", Image.new("RGB", (100, 50)), {}, None, {"1x1": Image.new("RGB", (50, 50))}
    )
    one, two = contact_sheet([line]), contact_sheet([line, line])
    assert two.height == 2 * one.height > 2 * HEIGHT and two.width == one.width


def rows(count, width=600, colour="white"):
    return [Image.new("RGB", (width, 224), colour) for _ in range(count)]


def test_many_photos_stand_in_columns_of_about_one_height_and_none_is_torn_apart():
    page = Page()
    for number in range(8):
        assert page.fits(rows(3))
        page.add(rows(3, colour=(number, 0, 0)))
    drawn = page.draw()
    assert drawn.size == (1800, 9 * 224)  # not one strip of 24 rows
    reds = [
        {drawn.getpixel((left, top))[0] for top in range(0, drawn.height, 224)}
        for left in (0, 600, 1200)
    ]
    assert reds == [{0, 1, 2}, {3, 4, 5}, {6, 7, 255}]


def test_a_page_is_full_before_it_is_too_large_to_look_at():
    page, count = Page(), 0
    while page.fits(rows(5)):
        page.add(rows(5))
        count += 1
    assert count == 6 * 3  # columns of 600 pixels, of 17 rows at most
    drawn = page.draw()
    assert max(drawn.size) <= MAX_SIDE


def test_what_is_too_wide_or_too_high_for_a_page_is_made_to_fit():
    page = Page()
    page.add(rows(40, width=1000))
    assert max(page.draw().size) <= MAX_SIDE
    page = Page()
    assert page.fits(rows(1, width=9000))
    page.add(rows(1, width=9000))
    assert page.draw().size == (MAX_SIDE, 100)

"""TIFF of several pages: the full one is taken, not a thumbnail, and told."""

import numpy as np

from deepcrop.flags import Flag
from deepcrop.geometry import Size
from deepcrop.image import decode, probe
from jobs.faults.files.tiff import page, tiff
from tests.image.tiff_samples import (
    RGB,
    deep,
    levels,
    rgb_page,
)


def test_the_full_page_is_taken_and_told():
    thumbnail, full = rgb_page(200, (6, 4), t254=1), rgb_page(90)
    data = tiff(thumbnail, full)
    picture = decode(data)
    assert (picture.source_size, picture.pixels.max()) == (Size(24, 16), 90)
    assert probe(data).size == Size(24, 16)
    assert [(note.text, note.flag) for note in picture.notes] == [("page 2 of 2", Flag.PAGE_CHOSEN)]


def test_the_old_mark_of_reduced_pages_counts_too():
    picture = decode(tiff(rgb_page(200, (6, 4), t255=2), rgb_page(90), rgb_page(10)))
    assert (picture.pixels.max(), picture.notes[0].text) == (90, "page 2 of 3")


def test_the_first_of_several_pages_and_of_a_pyramid():
    picture = decode(tiff(rgb_page(50), rgb_page(60), rgb_page(70)))
    assert (picture.pixels.max(), picture.notes[0].text) == (50, "page 1 of 3")
    pyramid = decode(tiff(rgb_page(50), rgb_page(60, (12, 8), t254=1)))
    assert (pyramid.pixels.max(), pyramid.notes) == (50, ())
    assert decode(tiff(rgb_page(50))).notes == ()


def test_a_full_image_in_a_sub_directory():
    data = tiff(rgb_page(200, (6, 4), t254=1), nested=[rgb_page(90), rgb_page(8, (12, 8), t254=1)])
    picture = decode(data)
    assert (picture.source_size, picture.pixels.max()) == (Size(24, 16), 90)
    assert picture.notes[0].flag is Flag.PAGE_CHOSEN
    assert "inside page 1 of 1" in picture.notes[0].text


def test_a_chosen_page_of_a_deep_layout():
    planes = page(deep(), RGB, planar=True)
    assert np.array_equal(decode(tiff(rgb_page(1, (6, 4), t254=1), planes)).pixels, levels(3))


def test_only_reduced_pages_give_the_largest():
    data = tiff(rgb_page(1, (6, 4), t254=1), rgb_page(2, (12, 8), t254=1))
    assert (decode(data).pixels.max(), decode(data).source_size) == (2, Size(12, 8))


def test_a_mask_is_no_page():
    data = tiff(rgb_page(9, t254=4), rgb_page(80))
    assert decode(data).pixels.max() == 80


def test_directories_in_a_loop_end():
    data = bytearray(tiff(rgb_page(50)))
    data[-4:] = data[4:8]
    assert decode(bytes(data)).pixels.max() == 50

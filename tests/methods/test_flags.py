"""The flags of crops: what a box cuts, and a focal point that it leaves out."""

from __future__ import annotations

import numpy
import pytest
from skimage import data

import deepcrop
from deepcrop import Box, Crop, Size
from deepcrop.flags import Flag
from deepcrop.methods.base import Hints, Part
from deepcrop.methods.center import Center
from deepcrop.methods.face_protection import head_of

SIZE = Size(400, 200)
HEAD = Part(Box(100, 50, 140, 100), Flag.HEAD_CUT)


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        (Box(0, 0, 200, 200), False),  # whole
        (Box(0, 0, 120, 200), True),  # half
        (Box(0, 0, 101, 200), False),  # a fortieth: it is left out
        (Box(0, 0, 103, 200), True),
        (Box(101, 0, 301, 200), False),  # all but a fortieth
        (Box(103, 0, 303, 200), True),
        (Box(200, 0, 400, 200), False),  # left out
        (Box(0, 60, 200, 160), True),  # the hair
    ],
)
def test_a_part_is_cut_where_neither_all_nor_nothing_of_it_is_shown(box, cut):
    crop = Crop(box, 1.0, (box.x0 / 400, box.y0 / 200), parts=(HEAD,)).flagged(SIZE)
    assert crop.flags == ((Flag.HEAD_CUT,) if cut else ())


def test_flags_are_those_of_the_box_as_it_is():
    cut = Crop(Box(0, 0, 120, 200), 1.0, (0.9, 0.5), flags=(Flag.ENLARGED,), parts=(HEAD,))
    flagged = cut.flagged(SIZE)
    assert flagged.flags == (Flag.FOCAL_OUTSIDE, Flag.HEAD_CUT, Flag.ENLARGED)
    assert flagged.flagged(SIZE) == flagged
    moved = Crop(Box(0, 0, 400, 200), 1.0, (0.9, 0.5), flags=flagged.flags, parts=(HEAD,))
    assert moved.flagged(SIZE).flags == (Flag.ENLARGED,)


@pytest.mark.parametrize(
    ("focal", "outside"),
    [((0.25, 0.5), False), ((0.75, 0.5), False), ((0.249, 0.5), True), ((0.751, 1.0), True)],
)
def test_a_focal_point_on_the_edge_is_inside(focal, outside):
    crop = Crop(Box(100, 0, 300, 200), 1.0, focal).flagged(SIZE)
    assert (Flag.FOCAL_OUTSIDE in crop.flags) == outside


@pytest.mark.parametrize("name", ["saliency", "mars"])
def test_a_head_that_no_window_holds_is_told(name):
    """The astronaut's head is half as wide as the photo of her head alone."""
    method = deepcrop.load(name, device="cpu")
    astronaut = data.astronaut()[:300, 60:380]
    wide, thin = method.boxes([astronaut], ["1:1", "1:9"])[0]
    assert wide.parts and {part.flag for part in wide.parts} == {Flag.HEAD_CUT}
    assert Flag.HEAD_CUT not in wide.flags and Flag.HEAD_CUT in thin.flags
    deaf = deepcrop.load(name, device="cpu", faces=0)
    assert not deaf.boxes([astronaut], ["1:9"])[0][0].parts


def test_a_head_is_a_face_and_its_hair():
    method = deepcrop.load("saliency", device="cpu")
    tensor = deepcrop.methods.base.as_tensor(data.astronaut())
    [seen] = method.network.predict([tensor])
    [[crop]] = method.boxes([data.astronaut()], ["1:1"])
    face = seen.faces[0, :4].tolist()
    for corner, edge in zip(crop.parts[0].box.corners, head_of(face), strict=True):
        assert corner == pytest.approx(512 * edge, abs=2)


def test_a_focal_point_of_the_user_is_inside_and_one_at_the_edge_still_is():
    photo = numpy.zeros((200, 400, 3), numpy.uint8)
    for focal in ((0.0, 0.0), (1.0, 1.0), (0.3, 0.7)):
        [[crop]] = Center().boxes([photo], ["1:3"], hints=[Hints(focal=focal)])
        assert not crop.flagged(SIZE).flags

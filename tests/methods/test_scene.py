"""How the method ``saliency`` weighs what the network sees."""

import torch

from deepcrop.flags import Flag
from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.saliency import preference
from deepcrop.methods.scene import Scene, SceneWeights
from deepcrop.networks.saliency.model import SaliencyOutput
from deepcrop.ops.windows import Integral, best_window

SIZE = Size(800, 400)
NONE = torch.zeros(0, 5)
ALL = SceneWeights(subject=0.3, whole=0.2, heads=0.5, animals=0.4, text=0.2)
SQUARE = AspectRatio(1, 1)


def seen(*, gaze=None, faces=(), animals=(), subject=None, text=None):
    density = torch.full((50, 100), 1e-4) if gaze is None else gaze
    return SaliencyOutput(
        density / density.sum(),
        torch.tensor(faces).reshape(-1, 5) if faces else NONE,
        torch.tensor(animals).reshape(-1, 5) if animals else NONE,
        subject,
        text,
    ).arrays()


def crop(output, weights=ALL):
    integral = Integral.of(output.saliency, SIZE)
    scene = Scene.of(output, integral, weights)
    return best_window(integral, SQUARE, bonus=scene.bonus).box, scene


def block(x0, x1, rows=(10, 40)):
    mask = torch.zeros(50, 100)
    mask[rows[0] : rows[1], x0:x1] = 0.98
    return mask


def test_without_a_scene_the_window_follows_gaze():
    assert crop(seen())[0] == Box(200, 0, 600, 400)


def test_a_subject_is_shown_whole_if_the_window_has_room():
    box, scene = crop(seen(subject=block(60, 100)))
    assert box.x1 == 800
    assert scene.gate > 0
    narrow, _ = crop(seen(subject=block(60, 100)), SceneWeights(0, 0, 0, 0, 0))
    assert narrow == Box(200, 0, 600, 400)


def test_specks_are_no_subject():
    _, scene = crop(seen(subject=block(40, 42, (20, 22))))
    assert scene.subject is None


def test_an_animal_head_is_shown_and_flagged_when_cut():
    output = seen(animals=[[0.8, 0.3, 0.9, 0.6, 0.9]])
    box, scene = crop(output)
    assert box.x0 <= 640 and box.x1 >= 720
    assert [part.flag for part in scene.parts] == [Flag.HEAD_CUT]
    centred, _ = crop(output, SceneWeights(0, 0, 0, 0, 0))
    assert centred == Box(200, 0, 600, 400)


def test_a_head_of_a_person_and_a_line_of_text_are_not_cut():
    for output in (
        seen(faces=[[0.7, 0.3, 0.8, 0.5, 0.9]]),
        seen(text=block(70, 80, (20, 24))),
    ):
        box, _ = crop(output)
        cut = Box(560, 160, 640, 190)
        assert box.intersection(cut) in (0, cut.area)


def test_a_small_head_weighs_less():
    def penalty(height):
        _, scene = crop(seen(animals=[[0.5, 0.5, 0.5 + height / 2, 0.5 + height, 0.9]]))
        return scene.things[0].cut

    assert penalty(0.05) < penalty(0.1) < penalty(0.3) == penalty(0.4) == ALL.animals


def test_preference_is_even_for_equal_windows_and_grows():
    assert preference(0) == 0.5
    assert 0.5 < preference(0.1) < preference(0.3) < 1
    assert abs(preference(0.2) + preference(-0.2) - 1) < 1e-12

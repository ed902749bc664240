"""Reading captions."""

import pytest

from deepcrop.networks.cagic.coco_words import OBJECT_WORDS
from deepcrop.networks.cagic.phrases import read_caption
from deepcrop.networks.cagic.vocabulary import Vocabulary
from deepcrop.networks.yolox import COCO

WORDS = Vocabulary(sorted({*OBJECT_WORDS, "grass", "beach"}))


@pytest.mark.parametrize(
    ("text", "word", "plural"),
    [
        ("a dog", "dog", False),
        ("two puppies", "dog", True),
        ("my bike", "bike", False),
        ("the people", "people", True),
        ("a group of children", "children", True),
        ("glasses of wine", "glass", True),
        ("an open laptop", "laptop", False),
        ("a bus", "bus", False),
        ("the cell phone", "cell_phone", False),
        ("teddy bears", "teddy_bear", True),
    ],
)
def test_nouns_are_found_in_any_number_and_by_their_synonyms(text, word, plural):
    things = read_caption(text, WORDS).things
    found = {OBJECT_WORDS.get(each.word, each.word) for each in things}
    assert OBJECT_WORDS.get(word, OBJECT_WORDS.get(WORDS.find(word))) in found
    assert any(each.plural == plural for each in things)


def test_colours_and_places_belong_to_their_things():
    caption = read_caption("the red car on the left and a gray dog in the background", WORDS)
    car, dog = caption.things
    assert (car.word, car.colour, car.place) == ("car", "red", "left")
    assert (dog.word, dog.colour, dog.place) == ("dog", "grey", "back")
    [dog] = read_caption("the left dog", WORDS).things
    assert dog.place == "left"


def test_what_is_excluded_or_unknown_is_told_apart():
    caption = read_caption("a beach without people, no dogs and a quokka", WORDS)
    assert [each.word for each in caption.things] == ["beach"]
    assert caption.excluded == ("people", "dogs")
    assert caption.unknown == ("quokka",)
    assert read_caption("", WORDS) == read_caption("of the and", WORDS)


def test_every_class_can_be_named():
    for index, name in enumerate(COCO):
        things = read_caption(f"a photo of the {name.replace('_', ' ')}", WORDS).things
        assert any(index in OBJECT_WORDS.get(each.word, ()) for each in things), name

"""From a user's words to a network's."""

import pytest

from deepcrop.networks.cagic.classes import classes_of_words
from deepcrop.networks.cagic.synonyms import FUNCTION_WORDS, SYNONYMS
from deepcrop.networks.cagic.vocabulary import SPECIAL, Vocabulary, tokens

WORDS = (*SPECIAL, "dog", "running", "child", "sofa", "berry", "knife", "a", "teddy_bear", "bear")


@pytest.fixture
def vocabulary():
    return Vocabulary(WORDS)


def test_tokens_are_lower_case_words_without_punctuation():
    assert tokens("A T-shirt, 2 dogs & the man's hat.") == [
        "a",
        "t-shirt",
        "dogs",
        "the",
        "man's",
        "hat",
    ]


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("dog", "dog"),
        ("dogs", "dog"),
        ("dog's", "dog"),
        ("runs", "running"),
        ("ran", "running"),
        ("children", "child"),
        ("berries", "berry"),
        ("knives", "knife"),
        ("puppy", "dog"),
        ("puppies", "dog"),
        ("couch", "sofa"),
        ("quokka", None),
        ("<pad>", None),
    ],
)
def test_a_word_is_found_by_its_form_or_a_synonym(vocabulary, word, known):
    assert vocabulary.find(word) == known


def test_a_bag_shares_its_words_and_reports_the_rest(vocabulary):
    bag = vocabulary.bag("Two dogs and a puppy on the couch with a quokka")
    assert bag.known == pytest.approx({"dog": 2 / 3, "sofa": 1 / 3})
    assert bag.mapped == {"dogs": "dog", "puppy": "dog", "couch": "sofa"}
    assert bag.unknown == ("quokka",)


def test_function_words_count_only_when_asked_for(vocabulary):
    assert vocabulary.bag("a dog", function_words=True).known == {"a": 0.5, "dog": 0.5}


def test_two_words_that_are_one_thing_are_looked_up_together(vocabulary):
    assert vocabulary.bag("a teddy bear and a bear").known == {"teddy_bear": 0.5, "bear": 0.5}


def test_nothing_known_is_an_empty_bag(vocabulary):
    assert vocabulary.bag("quokka!").known == {}
    assert vocabulary.bag("").unknown == ()


def test_the_tables_hold_words_as_tokens_yield_them():
    for word, others in SYNONYMS.items():
        for each in (word, *others):
            assert tokens(each.replace("_", " ")) == each.split("_")
        assert word not in others
        assert word not in FUNCTION_WORDS


def test_words_of_imagenet_lie_among_its_classes():
    names = [f"thing {index}x" for index in range(1000)]
    names[385] = "Indian elephant"
    table = classes_of_words(names)
    assert 385 in table["elephant"]
    assert table["indian_elephant"] == [385]
    assert {index for each in table.values() for index in each} <= set(range(1000))

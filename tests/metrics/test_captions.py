"""BLEU and CIDEr on cases worked out by hand."""

import math

import pytest

from deepcrop.metrics.captions import bleu, cider


def words(text):
    return text.split()


def test_papinenis_clipped_unigrams():
    # The example of section 2.1 of the paper: 2 of 7 words count.
    candidate = words("the the the the the the the")
    references = [words("the cat is on the mat"), words("there is a cat on the mat")]
    assert bleu([candidate], [references])[0] == pytest.approx(2 / 7)


def test_a_reference_itself_scores_one_and_too_short_is_punished():
    reference = words("a dog runs over the wide green field")
    assert bleu([reference], [[reference]]) == pytest.approx([1, 1, 1, 1])
    short = bleu([reference[:4]], [[reference]])
    assert short == pytest.approx([math.exp(1 - 8 / 4)] * 4)


def test_no_common_four_gram_makes_bleu_4_zero():
    assert bleu([words("a b c d")], [[words("d c b a")]])[1:] == [0, 0, 0]


def test_cider_is_ten_for_the_reference_and_ignores_what_every_image_has():
    references = [[words("a dog in deep snow")], [words("a cat on soft sofa")]]
    assert cider([each[0] for each in references], references) == pytest.approx(10)
    swapped = cider([references[1][0], references[0][0]], references)
    assert swapped == pytest.approx(0)

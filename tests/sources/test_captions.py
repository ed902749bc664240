"""Where captions come from."""

import pytest

from deepcrop.errors import InferError, RequestError
from deepcrop.image.metadata.blocks import SourceMetadata
from deepcrop.sources.captions import Captions

NONE = SourceMetadata()
ROW = {"source_uri": "/photos/dog.jpg", "caption": None}


@pytest.fixture
def functions(tmp_path, monkeypatch):
    (tmp_path / "words_of_mine.py").write_text(
        "def stem(row): return row['source_uri'].split('/')[-1].removesuffix('.jpg')\n"
        "def fails(row): raise KeyError('x')\n"
        "def number(row): return 7\n"
        "def nothing(row): return ''\n"
        "text = 'no function'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_the_lists_own_caption_comes_first(functions):
    row = ROW | {"caption": "a cat"}
    for stated in (None, "a dog", "metadata", "words_of_mine:stem"):
        assert Captions(stated).of(row, NONE) == "a cat"


def test_a_text_is_for_all_and_a_function_for_each(functions):
    assert Captions(None).of(ROW, NONE) is None
    assert Captions("a dog: on a beach").of(ROW, NONE) == "a dog: on a beach"
    assert Captions("metadata").of(ROW, NONE) is None
    assert Captions("words_of_mine:stem").of(ROW, NONE) == "dog"
    assert Captions("words_of_mine:nothing").of(ROW, NONE) is None


def test_a_function_that_fails_fails_its_source_alone(functions):
    with pytest.raises(InferError, match="words_of_mine:fails: KeyError"):
        Captions("words_of_mine:fails").of(ROW, NONE)
    with pytest.raises(InferError, match="returned int, no text"):
        Captions("words_of_mine:number").of(ROW, NONE)


@pytest.mark.parametrize(
    "wrong", ["no_such_module:x", "words_of_mine:absent", "words_of_mine:text"]
)
def test_what_is_no_function_is_refused(functions, wrong):
    with pytest.raises(RequestError, match="caption"):
        Captions(wrong)

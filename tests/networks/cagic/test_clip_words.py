"""Phrases by a CLIP of Hugging Face: a tiny one with random weights, from a folder."""

import json

import pytest
import torch

from deepcrop.errors import RequestError
from deepcrop.networks.cagic.clip_words import CELLS, ClipWords
from deepcrop.networks.cagic.phrases import Thing
from deepcrop.networks.cagic.word_map import WordMaps

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip")
    letters = [chr(each) for each in range(97, 123)]
    words = [*letters, *(each + "</w>" for each in letters), "<|startoftext|>", "<|endoftext|>"]
    (path / "vocab.json").write_text(json.dumps({word: at for at, word in enumerate(words)}))
    (path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer(str(path / "vocab.json"), str(path / "merges.txt"))
    pictures = transformers.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    text = {
        "vocab_size": len(words), "hidden_size": 16, "intermediate_size": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 40,
        "bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 32, "patch_size": 8,
    }  # fmt: skip
    torch.manual_seed(0)
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    transformers.CLIPModel(config).save_pretrained(path)
    transformers.CLIPProcessor(pictures, tokenizer).save_pretrained(path)
    return str(path)


def test_a_map_covers_the_image_and_repeats(folder):
    clip = ClipWords.load(folder)
    image = torch.randint(0, 256, (3, 60, 90), dtype=torch.uint8)
    words = clip.of(image)
    found = words("dog")
    assert found.shape == (CELLS, CELLS)
    assert found.min() >= 0 and found.max() <= 1
    assert torch.equal(found, words("dog"))
    assert not torch.equal(found, words("red bicycle"))
    assert torch.allclose(clip.texts(["a dog"]).norm(dim=-1), torch.ones(1))


def test_places_differ_where_the_picture_does(folder):
    image = torch.full((3, 64, 64), 20, dtype=torch.uint8)
    image[:, :, 40:] = torch.randint(0, 256, (3, 64, 24), dtype=torch.uint8)
    found = ClipWords.load(folder).of(image)("dog")
    assert (found[:, 0] - found[:, -1]).abs().max() > 1e-3
    thing = WordMaps(None, ClipWords.load(folder).of(image), image).of(Thing("dog", "dog"))
    assert thing.chance == pytest.approx(float(found.max()), abs=1e-5)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(RequestError, match="option 'model'"):
        ClipWords.load(str(tmp_path))

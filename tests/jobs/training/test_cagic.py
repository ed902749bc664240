"""CAGIC's two recipes from files to files, on a handful of photos and a random trunk."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import mobilenet_v2

from deepcrop import weights
from deepcrop.methods.cagic.method import Cagic
from deepcrop.networks.cagic.model import CagicNetwork
from jobs.training import aesthetics, captioner, words
from jobs.training.cagic import train_aesthetics, train_captioner


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A random trunk, and six photos with captions."""
    folder = tmp_path_factory.mktemp("material")
    torch.manual_seed(0)
    save_file(mobilenet_v2().eval().state_dict(), folder / "trunk.safetensors")
    random = np.random.default_rng(0)
    captions = {}
    for number in range(6):
        name = f"{number}.png"
        Image.fromarray(random.integers(0, 255, (30, 40, 3), np.uint8)).save(folder / name)
        captions[name] = ["a dog runs", ("a dog", "the cat")[number % 2]]
    (folder / "captions.json").write_text(json.dumps(captions))
    return folder


def network_of(folder):
    return CagicNetwork.from_state(*weights.load(str(folder / "cagic.safetensors")))


@pytest.mark.smoke
def test_each_recipe_replaces_its_readers_and_leaves_the_others(material, tmp_path):
    silent = {"log": lambda line: None}
    options = replace(captioner.DEFAULT, embedding=4, hidden=5, attention=4)
    table, trunk, cache = material / "captions.json", material / "trunk.safetensors", tmp_path / "c"
    figures = train_captioner(
        table,
        trunk,
        tmp_path,
        cache=cache,
        recipe=captioner.Recipe(options=options, least=1, epochs=1, batch=2),
        detectors=words.Recipe(least=2, epochs=1, batch=2),
        validation=1,
        test=1,
        **silent,
    )
    assert {"BLEU-4", "CIDEr", "mean AP of detectors"} < figures.keys()
    assert sorted(path.name for path in cache.iterdir()) == ["mirrored.pt", "plain.pt"]
    spoken = network_of(tmp_path)
    assert spoken.captioner.vocabulary.words[4:] == ("a", "cat", "dog", "runs", "the")
    assert "dog" in spoken.words.detectors and "dog" in spoken.words.classes

    photos = sorted(material.glob("*.png"))
    recipe = aesthetics.Recipe(views=1, epochs=1, batch=4)
    figures = train_aesthetics(photos, trunk, tmp_path, recipe=recipe, **silent)
    assert figures["photos"] == 1
    ranked = network_of(tmp_path)
    for name, value in spoken.state_dict().items():
        assert torch.equal(value, ranked.state_dict()[name]) != name.startswith("ranker.")
    photo = torch.zeros(3, 30, 40, dtype=torch.uint8)
    method = Cagic(ranked, Cagic.Options(score="words", shrink=0.6, restarts=1, steps=1))
    [[crop]] = method.boxes([photo], ["1:1"], captions=["a dog"])
    assert crop.note is None

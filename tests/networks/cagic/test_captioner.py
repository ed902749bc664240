"""Show, Attend and Tell, and its differentiable decode."""

import pytest
import torch

from deepcrop.networks.cagic.captioner import Captioner, CaptionerOptions
from deepcrop.networks.cagic.vocabulary import SPECIAL

WORDS = (*SPECIAL, "dog", "cat", "grass", "runs")


@pytest.fixture
def captioner():
    torch.manual_seed(3)
    options = CaptionerOptions(channels=6, cells=3, embedding=5, hidden=8, attention=7)
    return Captioner(WORDS, options).double().eval()


def features(rows, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 6, 3, 3, generator=random, dtype=torch.float64)


def test_teacher_forcing_of_what_it_said_repeats_the_decode(captioner):
    grid = captioner.grid(features(2))
    said, words = captioner.decode(grid, longest=6)
    start = torch.full((2, 1), captioner.start)
    logits, weights = captioner(grid, torch.cat([start, words], 1))
    assert torch.equal(logits.argmax(2)[:, 0], words[:, 0])
    assert torch.allclose(weights.sum(2), torch.ones(2, words.shape[1], dtype=torch.float64))
    alive = torch.cat([start, words[:, :-1]], 1) != captioner.end
    mean = (logits.softmax(2) * alive[..., None]).sum(1) / alive.sum(1, keepdim=True)
    assert torch.allclose(said, mean * captioner.content)


def test_the_decode_ends_at_end_and_leaves_out_special_words(captioner):
    captioner.fc.bias.data[captioner.end] = 50
    said, words = captioner.decode(captioner.grid(features(2)))
    assert words.tolist() == [[captioner.end]] * 2
    assert captioner.describe(captioner.grid(features(2))) == ["", ""]
    assert said[:, [WORDS.index(word) for word in SPECIAL]].abs().sum() == 0


def test_the_loss_is_eq_4_and_gradients_are_those_of_finite_differences(captioner):
    x = features(2, seed=5).requires_grad_()
    bags = captioner.bags([{"dog": 0.5, "runs": 0.5}, {"grass": 1.0}]).double()
    said, _ = captioner.decode(captioner.grid(x), 4)
    loss = captioner.loss(captioner.grid(x), bags, 4)
    assert loss[1].item() == pytest.approx(-torch.log(said[1, WORDS.index("grass")]).item(), 1e-6)
    assert torch.autograd.gradcheck(
        lambda f: captioner.loss(captioner.grid(f), bags, 4), (x,), eps=1e-6, atol=1e-6
    )


def test_an_images_loss_is_the_same_alone_and_in_a_batch(captioner):
    x, bags = features(4), captioner.bags([{"cat": 1.0}] * 4).double()
    together = captioner.loss(captioner.grid(x), bags)
    alone = torch.cat([captioner.loss(captioner.grid(x[i : i + 1]), bags[:1]) for i in range(4)])
    assert torch.allclose(together, alone, rtol=1e-12)


def test_a_vocabulary_without_special_words_is_refused():
    with pytest.raises(ValueError, match="<start>"):
        Captioner(["<pad>", "<end>", "<unk>", "dog"])


def test_the_papers_widths_are_the_default():
    captioner = Captioner(WORDS)
    assert captioner.decode_step.weight_hh.shape == (4 * 512, 512)
    assert captioner.embedding.weight.shape[1] == 512
    assert captioner.attention.encoder_att.weight.shape == (512, 1280)

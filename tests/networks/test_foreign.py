"""Captioners of others in CAGIC's place for one."""

import pytest
import torch
from torch import nn

from deepcrop.networks.captioner import Captioner, CaptionerOptions
from deepcrop.networks.foreign import BlipCaptioner, EncodedCaptioner


def views(count, side, **options):
    return 255 * torch.rand(
        count, 3, side, side, generator=torch.Generator().manual_seed(0), **options
    )


class Tokenizer:
    """A few words, each one piece: [CLS] words [SEP]."""

    words = ("[PAD]", "[CLS]", "[SEP]", "[BOS]", "a", "dog", "cat")

    def __call__(self, text, return_tensors):
        ids = [1, *(self.words.index(word) for word in text.split()), 2]
        return {"input_ids": torch.tensor([ids])}


@pytest.fixture
def blip():
    transformers = pytest.importorskip("transformers", reason="the extra 'blip' is not installed")
    torch.manual_seed(0)
    width = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    config = transformers.BlipConfig(
        text_config={
            **width,
            "encoder_hidden_size": 16,
            "num_attention_heads": 2,
            "vocab_size": 7,
            "bos_token_id": 3,
            "pad_token_id": 0,
            "sep_token_id": 2,
            "eos_token_id": 2,
            "max_position_embeddings": 12,
            "projection_dim": 8,
        },
        vision_config={
            **width,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
            "initializer_range": 0.2,
        },
        projection_dim=8,
    )
    return BlipCaptioner(transformers.BlipForConditionalGeneration(config), Tokenizer())


def test_blip_scores_captions_as_its_own_training_loss_does(blip):
    one = views(1, blip.side)
    ids = torch.tensor([[3, 4, 5, 2]])
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (blip.mean, blip.deviation))
    logits = blip.model(pixel_values=(one / 255 - mean) / deviation, input_ids=ids).logits[0]
    expected = -sum(logits[t].log_softmax(0)[ids[0, t + 1]] for t in range(3)) / 3
    assert blip.loss(one, "a dog")[0].item() == pytest.approx(expected.item(), rel=1e-5)


def test_blip_is_differentiable_in_the_views_and_keeps_them_apart(blip):
    several = views(3, blip.side).requires_grad_()
    losses = blip.loss(several, "a dog")
    assert losses.shape == (3,)
    (gradient,) = torch.autograd.grad(losses[1], several)
    assert gradient[1].abs().sum() > 0
    assert gradient[[0, 2]].abs().sum() == 0
    assert blip.knows("dog")
    assert not blip.knows("  ")


def test_a_captioner_with_its_encoder_scores_views():
    torch.manual_seed(0)
    words = ["<pad>", "dog", "cat", "<unk>", "<start>", "<end>"]
    captioner = Captioner(
        words, CaptionerOptions(channels=4, cells=2, embedding=3, hidden=5, attention=3)
    )
    scorer = EncodedCaptioner(nn.Conv2d(3, 4, 8, stride=8), captioner, side=32)
    losses = scorer.loss(views(2, 32), "a dog and a quokka")
    assert losses.shape == (2,)
    assert (losses > 0).all()
    assert scorer.unknown("a dog and a quokka") == ("quokka",)
    assert scorer.knows("puppies")
    assert not scorer.knows("quokka")

"""The well-known Show-Attend-Tell checkpoint format."""

import pickle
import sys
import types

import pytest
import torch
from torch import nn
from torchvision.models.resnet import Bottleneck, ResNet

from deepcrop.networks.checkpoints import read_show_attend_tell, show_attend_tell

WORDS = {"<pad>": 0, "dog": 1, "cat": 2, "<unk>": 3, "<start>": 4, "<end>": 5}


def tiny_resnet():
    torch.manual_seed(0)
    return ResNet(Bottleneck, [1, 1, 1, 1]).eval()


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """A file as the tutorial's code writes it: whole modules of a module called ``models``."""
    models = types.ModuleType("models")

    def module(name):
        made = type(name, (nn.Module,), {"__module__": "models"})
        setattr(models, name, made)
        return made

    Encoder, Attention, Decoder = map(module, ("Encoder", "Attention", "DecoderWithAttention"))
    monkeypatch.setitem(sys.modules, "models", models)
    encoder = Encoder()
    encoder.enc_image_size = 14
    encoder.resnet = nn.Sequential(*list(tiny_resnet().children())[:-2])
    encoder.adaptive_pool = nn.AdaptiveAvgPool2d((14, 14))
    decoder = Decoder()
    decoder.encoder_dim, decoder.vocab_size = 2048, len(WORDS)
    decoder.attention = Attention()
    decoder.attention.encoder_att = nn.Linear(2048, 7)
    decoder.attention.decoder_att = nn.Linear(6, 7)
    decoder.attention.full_att = nn.Linear(7, 1)
    decoder.attention.relu, decoder.attention.softmax = nn.ReLU(), nn.Softmax(dim=1)
    decoder.embedding = nn.Embedding(len(WORDS), 5)
    decoder.dropout = nn.Dropout(0.5)
    decoder.decode_step = nn.LSTMCell(5 + 2048, 6)
    decoder.init_h, decoder.init_c = nn.Linear(2048, 6), nn.Linear(2048, 6)
    decoder.f_beta, decoder.sigmoid = nn.Linear(6, 2048), nn.Sigmoid()
    decoder.fc = nn.Linear(6, len(WORDS))
    path = tmp_path / "BEST_checkpoint.pth.tar"
    torch.save(
        {
            "epoch": 3,
            "epochs_since_improvement": 0,
            "bleu-4": 0.24,
            "encoder": encoder,
            "decoder": decoder,
            "encoder_optimizer": None,
            "decoder_optimizer": torch.optim.Adam(decoder.parameters()),
        },
        path,
    )
    monkeypatch.delitem(sys.modules, "models")
    return path, encoder.eval(), decoder.eval()


def test_the_well_known_checkpoint_loads_and_says_what_its_own_code_says(checkpoint):
    path, encoder, decoder = checkpoint
    ours, captioner = show_attend_tell(read_show_attend_tell(path), WORDS, tiny_resnet())
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        theirs = encoder.adaptive_pool(encoder.resnet(image))
        assert torch.allclose(ours(image), theirs)
        # One step of the tutorial's decoder, written out.
        places = theirs.permute(0, 2, 3, 1).reshape(2, 196, 2048)
        h, c = decoder.init_h(places.mean(1)), decoder.init_c(places.mean(1))
        a = decoder.attention
        energy = a.full_att(torch.relu(a.encoder_att(places) + a.decoder_att(h)[:, None]))
        context = (places * energy.softmax(1)).sum(1) * torch.sigmoid(decoder.f_beta(h))
        start = decoder.embedding(torch.full((2,), WORDS["<start>"]))
        h, c = decoder.decode_step(torch.cat([start, context], 1), (h, c))
        expected = decoder.fc(h)
        got, _ = captioner(captioner.grid(theirs), torch.tensor([[4, 1], [4, 2]]))
    assert torch.allclose(got[:, 0], expected, atol=1e-5)
    assert captioner.vocabulary.words == ("<pad>", "dog", "cat", "<unk>", "<start>", "<end>")


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    path = tmp_path / "evil.pth.tar"
    torch.save({"encoder": Evil(), "decoder": None}, path)
    with pytest.raises(pickle.UnpicklingError):
        read_show_attend_tell(path)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.pth.tar"
    torch.save({"state_dict": {}}, path)
    with pytest.raises(ValueError, match="'encoder' and 'decoder'"):
        read_show_attend_tell(path)

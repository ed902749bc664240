"""The heads of the saliency network."""

from dataclasses import replace

import pytest
import torch

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions

SMALL = SaliencyOptions(pixels=64 * 96, width=8, scene=8)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SaliencyNetwork(SMALL).eval()


def photo(height, width, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), generator=random, dtype=torch.uint8)


def test_the_maps_cover_the_image_at_stride_eight(network):
    [seen] = network.predict([photo(120, 180)])
    assert seen.saliency.shape == (16, 24)
    assert seen.subject.shape == seen.text.shape == (8, 12)
    for each in (seen.subject, seen.text):
        assert ((each >= 0) & (each <= 1)).all()
    assert seen.faces.shape[1] == seen.animals.shape[1] == 5


def test_gaze_is_the_same_with_and_without_the_heads(network):
    with_heads, without = (
        network.predict([photo(90, 90)], heads=each)[0] for each in (True, False)
    )
    torch.testing.assert_close(with_heads.saliency, without.saliency)
    assert without.subject is None and without.text is None
    assert len(without.faces) == len(without.animals) == 0


def test_training_and_inference_see_the_same(network):
    x = network.preprocess(photo(64, 96))[None]
    with torch.no_grad():
        density, scene = network.joint(x)
    [seen] = network.predict([photo(64, 96)])
    torch.testing.assert_close(density[0], seen.saliency)
    torch.testing.assert_close(scene.subject[0].sigmoid(), seen.subject)
    torch.testing.assert_close(scene.text[0].sigmoid(), seen.text)


def test_the_trunk_may_start_late(network):
    x = network.preprocess(photo(64, 96))[None]
    with torch.no_grad():
        early = network.joint(x)
        late = network.joint(network.trunk.blocks[:7](x), 7)
    torch.testing.assert_close(early[0], late[0])
    torch.testing.assert_close(early[1].people, late[1].people)


def test_an_image_does_not_depend_on_its_batch(network):
    photos = [photo(90, 120, seed) for seed in range(3)]
    together = network.predict(photos)
    for image, seen in zip(photos, together, strict=True):
        [alone] = network.predict([image])
        torch.testing.assert_close(alone.subject, seen.subject)


def test_a_network_without_the_head_says_so():
    plain = SaliencyNetwork(replace(SMALL, scene=None)).eval()
    with pytest.raises(ValueError, match="no head for scenes"):
        plain.joint(torch.zeros(1, 3, 64, 96))
    [seen] = plain.predict([photo(64, 96)])
    assert seen.subject is None and len(seen.animals) == 0

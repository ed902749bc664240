"""The recipe in Ray Train's workers."""

from dataclasses import replace

import pytest
from torchvision.models import mobilenet_v2

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.training.distributed import fit_with_ray
from jobs.training.saliency import Recipe

ray = pytest.importorskip("ray")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_two_workers_train_one_network(shared, tmp_path):
    options = SaliencyOptions(pixels=64 * 64, width=8, priors=4)
    imagenet = mobilenet_v2(weights=None).state_dict()
    recipe = replace(Recipe(), epochs=2, views=2, batch=2, bfloat16=False)
    ray.init(address="local", num_cpus=2, include_dashboard=False)
    try:
        state = fit_with_ray(
            options,
            recipe,
            shared=shared,
            imagenet=imagenet,
            storage=tmp_path,
            workers=2,
            parts_of={"gaze_osie": (1, 1), "gaze_nus_scene": (1, 1)},
        )
    finally:
        ray.shutdown()
    network = SaliencyNetwork(options)
    network.trunk.load_torchvision(imagenet)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.load_state_dict(state)
    changed = {key for key, value in network.state_dict().items() if (value != before[key]).any()}
    assert "recurrent.gates_input.weight" in changed
    assert "trunk.blocks.17.conv.2.weight" in changed
    assert "trunk.blocks.0.0.weight" not in changed

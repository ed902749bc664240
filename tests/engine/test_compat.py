"""What is taken from Ray beyond its public API is taken from the tested version alone."""

import re
import warnings
from pathlib import Path

import pytest
import ray
from ray._private.node import Node
from ray.data._internal.execution import streaming_executor

from deepcrop.engine import compat


@pytest.fixture(autouse=True)
def forget():
    compat.is_tested_ray.cache_clear()
    yield
    compat.is_tested_ray.cache_clear()


def test_the_installed_ray_is_the_tested_one():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compat.is_tested_ray()


def test_services_are_replaced_while_a_cluster_of_our_own_lives_and_are_back_then():
    before = streaming_executor.create_cluster_autoscaler
    with compat.without_ray_data_services():
        assert streaming_executor.create_cluster_autoscaler is compat.StaticClusterAutoscaler
    assert streaming_executor.create_cluster_autoscaler is before


def test_a_node_of_our_own_starts_without_services_for_others():
    before = vars(Node)["start_api_server"]
    with compat.without_node_services():
        assert Node.start_api_server is not before
    assert Node.start_api_server is before


@pytest.mark.parametrize("version", ["2.61.0", "2.6.0", "3.0.0"])
def test_with_another_ray_nothing_is_replaced_and_one_warning_says_so(monkeypatch, version):
    monkeypatch.setattr(ray, "__version__", version)
    before, before_node = streaming_executor.create_cluster_autoscaler, Node.start_monitor
    with pytest.warns(RuntimeWarning, match=rf"^Ray {version}: .*tested with Ray 2\.60"):
        assert not compat.is_tested_ray()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with compat.without_ray_data_services():
            assert streaming_executor.create_cluster_autoscaler is before
        with compat.without_node_services():
            assert Node.start_monitor is before_node


def test_private_names_of_ray_are_used_in_compat_alone():
    package = Path(compat.__file__).parents[1]
    private = re.compile(r"\bray(\.\w+)*\._|_global_node|RAY_DATA_")
    users = {path.name for path in package.rglob("*.py") if private.search(path.read_text())}
    assert users == {"compat.py"}

"""What a user installs: the library and its weights, and no recipe, report of training or test."""

from __future__ import annotations

import re
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    [path] = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    [name] = [each for each in wheel.namelist() if each.endswith(".dist-info/METADATA")]
    return Parser().parsestr(wheel.read(name).decode())


def test_it_holds_the_package_and_nothing_beside_it(wheel):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"deepcrop"}


def test_it_holds_no_recipe_and_no_evaluation(wheel):
    outside = {"training", "evaluation", "benchmarks", "faults", "tests"}
    assert not [name for name in wheel.namelist() if outside & set(name.split("/"))]


def test_it_holds_what_is_no_code(wheel):
    names = {name for name in wheel.namelist() if not name.endswith(".py")}
    for kind in ("deepcrop/pretrained/saliency.safetensors", "deepcrop/planning/prices.yaml"):
        assert kind in names
    assert any(name.startswith("deepcrop/report/assets/scripts/") for name in names)


def test_training_alone_asks_for_ray_train(metadata):
    requirements = metadata.get_all("Requires-Dist") or []
    ray = [each for each in requirements if re.match(r"ray\b", each)]
    always = [each for each in ray if "extra ==" not in each]
    assert len(always) == 1 and set(extras(always[0])) == {"data", "default"}
    training = {re.search(r"extra == '(\w+)'", each)[1] for each in ray if "train" in extras(each)}
    assert training == {"test", "train"}


def extras(requirement: str) -> list[str]:
    """Return the extras that a requirement asks for."""
    found = re.match(r"[\w-]+\[([\w,-]+)\]", requirement)
    return found[1].split(",") if found else []


def test_its_dependencies_are_the_libraries_alone(metadata):
    always = [
        re.split(r"[\[<>=!~; ]", each)[0]
        for each in metadata.get_all("Requires-Dist") or []
        if "extra ==" not in each
    ]
    assert not {"moto", "pytest", "scikit-image", "transformers", "psutil"} & set(always)

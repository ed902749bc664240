"""The registry: what a class must have to be a method, and what a method looks at."""

from __future__ import annotations

import subprocess
import sys
import types
from dataclasses import dataclass
from typing import ClassVar

import numpy
import pytest

from deepcrop.cli import app
from deepcrop.errors import RequestError
from deepcrop.geometry import Size
from deepcrop.methods import registry
from deepcrop.methods.cagic.method import Cagic
from deepcrop.methods.center import Center
from deepcrop.methods.dnr.method import DNR
from deepcrop.methods.mars.method import MarsCrop
from deepcrop.methods.saliency import SaliencyCrop


class Foreign:
    """A crop method that isn't derived from ours."""

    kind, name, summary, weights, analysis = "crop", "foreign", "the first pixels", None, 48

    @dataclass
    class Options:
        """It has none."""

    def __init__(self, options: object) -> None:
        self.options = options

    def boxes(self, images, aspects, *, sizes=None, hints=None):
        return Center().boxes(images, aspects, sizes=sizes)


def enter(monkeypatch: pytest.MonkeyPatch, method: object) -> None:
    """Make a class known as the method ``foreign``."""
    package = types.ModuleType("package_of_others")
    package.Method = method  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    registry._imported.cache_clear()
    entry = registry.Entry("foreign", f"{package.__name__}:Method")
    monkeypatch.setattr(registry, "entries", lambda: {"foreign": entry})


def test_a_class_need_not_be_derived_from_ours(monkeypatch):
    enter(monkeypatch, Foreign)
    assert registry.analysis_of("foreign") == 48
    [[crop]] = registry.load_crop("foreign").boxes([numpy.zeros((20, 40, 3), numpy.uint8)], ["1:1"])
    assert crop.box.size == Size(20, 20)


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("kind", "shrink", "has the kind 'shrink': expected 'crop' or 'retarget'"),
        ("name", None, "lacks the attribute 'name'"),
        ("summary", None, "lacks the attribute 'summary'"),
        ("weights", ..., "lacks the attribute 'weights'"),
        ("weights", "saliency", "lacks the class method 'from_weights'"),
        ("Options", object, "lacks the attribute 'Options', a dataclass"),
        ("boxes", None, "lacks the function 'boxes'"),
        ("analysis", ..., "lacks the attribute 'analysis': the longest edge"),
        ("analysis", 0, "lacks the attribute 'analysis': the longest edge"),
    ],
)
def test_a_class_that_lacks_something_is_refused_and_the_message_names_it(
    monkeypatch, attribute, value, message
):
    namespace = {key: each for key, each in vars(Foreign).items() if key != attribute}
    if value is not ...:
        namespace[attribute] = value
    enter(monkeypatch, type("Method", (), namespace))
    with pytest.raises(RequestError) as refused:
        registry.find("foreign")
    assert message in str(refused.value) and "package_of_others:Method" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("target", ["no_such_package:Method", "json:NoSuchMethod"])
def test_an_entry_point_that_leads_nowhere_is_refused(monkeypatch, target):
    monkeypatch.setattr(registry, "entries", lambda: {"foreign": registry.Entry("foreign", target)})
    with pytest.raises(RequestError, match=f"{target} cannot be imported"):
        registry.find("foreign")


def test_a_class_that_is_refused_hides_no_other_from_the_list(monkeypatch, capsys):
    enter(monkeypatch, object)
    entries = registry.entries() | {"center": registry.Entry("center", registry.BUILT_IN["center"])}
    monkeypatch.setattr(registry, "entries", lambda: entries)
    assert app.exit_status(["methods"]) == 0
    printed = capsys.readouterr()
    assert "center" in printed.out and "'foreign'" in printed.err


def test_a_property_without_its_class_method_is_an_error_of_the_programmer():
    class Half(Center):
        @property
        def analysis(self) -> int:  # type: ignore[override]
            return 3

    with pytest.raises(NotImplementedError, match="Half"):
        Half.analysis_of(Half.Options(), {})


@pytest.mark.parametrize(
    ("name", "weights", "options", "size"),
    [
        ("center", None, {}, Center.analysis),
        ("saliency", None, {}, 640),
        ("saliency", None, {"pixels": 640 * 480}, 640),
        ("saliency", None, {"pixels": 1280 * 960}, 1280),
        ("mars", None, {}, 640),
        ("mars", None, {"pixels": 1280 * 960}, 1280),
        ("cagic", None, {}, 640),
        ("dnr", None, {}, None),
        ("deepir", None, {}, None),
    ],
)
def test_the_analysis_size_is_known_before_the_network_is_loaded(name, weights, options, size):
    assert registry.analysis_of(name, weights=weights, options=options) == size
    loaded = registry.load(name, device="cpu", weights=weights, **options)
    assert (loaded.analysis if loaded.kind == "crop" else None) == size


def test_it_needs_no_torch():
    code = (
        "import sys; from deepcrop.methods import registry\n"
        "for name in registry.BUILT_IN.keys() - {'dnr', 'dnr-paper', 'deepir', 'cagic'}:\n"
        "    registry.analysis_of(name)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_foreign_weights_are_refused_where_only_the_header_is_read():
    with pytest.raises(RequestError, match="not of the method 'mars'"):
        registry.analysis_of("mars", weights="vgg19-slim")


def test_the_kinds_are_told_apart():
    with pytest.raises(RequestError, match="method 'dnr': retargets"):
        registry.load_crop("dnr", device="cpu")
    with pytest.raises(RequestError, match="method 'center': crops"):
        registry.load_retarget("center")


@pytest.mark.parametrize("method", [Center, SaliencyCrop, MarsCrop, Cagic, DNR])
def test_attributes_are_declared_by_the_class_and_by_no_instance(method):
    """What is set on an instance is not seen by those who hold none."""
    for name in ("kind", "name", "summary", "weights", "Options"):
        assert hasattr(method, name)
    annotations: dict[str, object] = {}
    for each in method.__mro__:
        annotations |= vars(each).get("__annotations__", {})
    assert "analysis" not in annotations or annotations["analysis"] in ("ClassVar[int]", ClassVar)


def test_a_gpu_that_is_not_there_is_a_wrong_request(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RequestError, match=r"device 'cuda': .*--device cpu"):
        registry.load("saliency", device="cuda")


def test_who_looks_at_no_pixels_says_so_and_derived_classes_look(monkeypatch):
    assert not registry.needs_pixels("center")
    assert registry.needs_pixels("saliency")

    class Derived(Center):
        """A method that may look."""

    for method in (Foreign, Derived):
        enter(monkeypatch, method)
        assert registry.needs_pixels("foreign")

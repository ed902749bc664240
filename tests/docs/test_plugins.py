"""The method that docs/plugins.md has for an example, put together as the page says."""

from __future__ import annotations

import re
import sys
import types

from PIL import Image

import deepcrop
from deepcrop import Box
from deepcrop.methods import registry
from tests.docs.pages import DOCS, blocks


def test_the_method_of_the_page_answers(monkeypatch):
    [code] = [each for each in blocks(DOCS / "plugins.md") if each.language == "python"]
    [entry_point] = [each for each in blocks(DOCS / "plugins.md") if each.language == "toml"]
    [target] = re.findall(r'thirds = "(.*?)"', entry_point.text)
    package = types.ModuleType(target.partition(":")[0])
    monkeypatch.setitem(sys.modules, package.__name__, package)
    exec(code.text, vars(package))
    monkeypatch.setattr(registry, "entries", lambda: {"thirds": registry.Entry("thirds", target)})
    [[square]] = deepcrop.load("thirds").boxes([Image.new("RGB", (300, 200))], ["1:1"])
    assert square.box == Box(0, 0, 200, 200)

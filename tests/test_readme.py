"""What the README promises in code, run as it stands there."""

import re
import sys
import types
from pathlib import Path

import pytest
from PIL import Image

import deepcrop
from deepcrop import Box
from deepcrop.cli import app
from deepcrop.methods import registry

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_a_method_of_ones_own_is_what_the_readme_says(monkeypatch):
    [code] = re.findall(r"```python\n([^`]*class Thirds.*?)```", README, re.DOTALL)
    [target] = re.findall(r'thirds = "(.*?)"', README)
    package = types.ModuleType(target.partition(":")[0])
    monkeypatch.setitem(sys.modules, package.__name__, package)
    exec(code, vars(package))
    monkeypatch.setattr(registry, "entries", lambda: {"thirds": registry.Entry("thirds", target)})
    [[square]] = deepcrop.load("thirds").boxes([Image.new("RGB", (300, 200))], ["1:1"])
    assert square.box == Box(0, 0, 200, 200)


def recipes():
    """The commands in the README's plain blocks, without comments and redirections."""
    for block in re.findall(r"```\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("deepcrop ") and "..." not in line:
                yield re.split(r"\s+#|\s+&&|\s+<", line)[0].split()[1:]


@pytest.mark.parametrize("words", list(recipes()), ids=" ".join)
def test_every_option_in_the_recipes_exists(capsys, words):
    help_of = [word for word in words[:2] if not word.startswith("-")][:1] or []
    app.exit_status([*help_of, "--help"])
    text = capsys.readouterr().out
    shown = re.sub(r"\x1b\[[0-9;]*m", "", text)
    for word in words:
        if word.startswith("-") and word != "-":
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", shown), word

"""The page's scripts as modules: what they import, without a browser."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from importlib.resources import files

SCRIPTS = files("deepcrop.report") / "assets" / "scripts"
DEFINITION = re.compile(r'^define\("(\w+)", \[(.*?)\], \(', re.MULTILINE)


def imports() -> dict[str, list[str]]:
    """Imported modules by the names of the files."""
    found = {}
    for each in SCRIPTS.iterdir():
        name = each.name.removesuffix(".js")
        if name != "modules":
            [(defined, imported)] = DEFINITION.findall(each.read_text())
            assert defined == name
            found[name] = re.findall(r'"(\w+)"', imported)
    return found


def test_modules_import_modules_that_exist_and_never_each_other():
    found = imports()
    assert {each for imported in found.values() for each in imported} <= set(found)
    order = list(TopologicalSorter(found).static_order())
    assert order[-1] == "main" and len(order) == len(found)


def test_a_module_declares_nothing_outside_its_own_function():
    for each in SCRIPTS.iterdir():
        if each.name != "modules.js":
            outside = [line for line in each.read_text().splitlines() if not line.startswith(" ")]
            code = [line for line in outside if line and not line.startswith("//")]
            assert code[0].startswith("define(") and code[1:] in ([], ["});"])

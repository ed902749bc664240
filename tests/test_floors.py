"""Imports run one way: a floor of the package imports only from the floors above it in the list.

The floors are those of docs/architecture.md. Inside a folder no module may import itself by way of
others, also not for type checking alone.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import deepcrop

FLOORS = (
    "errors",
    "flags",
    "geometry",
    "progress",
    "resize",
    "terminal",
    "weights",
    "runtimes",
    "image",
    "storage",
    "ops",
    "networks",
    "methods",
    "metrics",
    "schema",
    "tables",
    "job_fields",
    "job_files",
    "outputs",
    "variant_requests",
    "job",
    "sources",
    "recipes",
    "manifest",
    "stages",
    "engine",
    "planning",
    "exports",
    "report",
    "review",
    "api",
    "cli",
)
ROOT = Path(deepcrop.__file__).parent
MODULES = {
    ".".join(("deepcrop", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(ROOT.rglob("*.py"))
}


def imports(name: str) -> Iterator[str]:
    """Yield the full names of all modules and symbols that a module imports, wherever it does."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if node.level else []
            parts = parts[: len(parts) - max(node.level - 1, 0)]
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imported_modules(name: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    found = set()
    for full in imports(name):
        module = full if full in MODULES else full.rpartition(".")[0]
        if module in MODULES and module not in (name, "deepcrop"):
            found.add(module)
    return found


def floor(name: str) -> str:
    return name.split(".")[1]


INSIDE = [name for name in MODULES if name not in ("deepcrop", "deepcrop.__main__")]


def test_a_floor_imports_only_from_those_above_it():
    wrong = [
        f"{name}: {other}"
        for name in INSIDE
        for other in sorted(imported_modules(name))
        if FLOORS.index(floor(other)) > FLOORS.index(floor(name))
    ]
    assert wrong == []


def test_every_module_has_its_floor():
    assert {floor(name) for name in INSIDE} == set(FLOORS)


def test_no_module_imports_itself_by_way_of_others():
    graph = {name: imported_modules(name) for name in INSIDE}
    assert cycles(graph) == []


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one module (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_cycles_are_found():
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert cycles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_the_engine_alone_imports_ray():
    users = {floor(name) for name in INSIDE if any(is_ray(full) for full in imports(name))}
    assert users == {"engine"}


def is_ray(full: str) -> bool:
    return full.partition(".")[0] == "ray"


def test_tensors_know_no_storage_and_no_files():
    pure = ("ops", "networks", "methods", "metrics")
    allowed = {"errors", "flags", "geometry", "resize", "runtimes", "weights", *pure}
    used = {
        f"{name}: {other}"
        for name in INSIDE
        if floor(name) in pure
        for other in imported_modules(name)
        if floor(other) not in allowed
    }
    assert used == set()


WITHOUT_RAY = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ray":
            raise ImportError(f"{name} is not to be imported")
sys.meta_path.insert(0, Refuse())
"""


def run_without_ray(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_RAY + code, *arguments], capture_output=True, text=True
    )


@pytest.fixture
def photo(tmp_path: Path, photos) -> Path:
    path = tmp_path / "photo.jpg"
    photos["chelsea"].resize((300, 200)).save(path)
    return path


def test_one_photo_from_python_needs_no_ray(photo):
    code = """
import deepcrop
method = deepcrop.load("center")
[[square]] = method.boxes([deepcrop.open(sys.argv[1])], ["1:1"])
print(square.box.size, deepcrop.crop(sys.argv[1], "1:1", method="center").size)
"""
    done = run_without_ray(code, str(photo))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["200x200", "(200,", "200)"]


@pytest.mark.parametrize("shown", [["--json"], []], ids=["boxes", "variants"])
def test_deepcrop_crop_needs_no_ray(photo, tmp_path, shown):
    code = "from deepcrop.cli import main\nsys.argv[0] = 'deepcrop'\nmain()"
    done = run_without_ray(
        code,
        *("crop", str(photo), "--method", "center", "--aspect", "1:1"),
        *("--output", str(tmp_path / "out"), *shown),
    )
    assert done.returncode == 0, done.stderr
    assert shown or list((tmp_path / "out").glob("*.jpg"))


def needs_absent_extra(name: str) -> bool:
    """Whether a module is one of those of an extra that is not installed."""
    needs_openvino = "openvino_" in name or name.endswith("saliency.self_test")
    if needs_openvino and find_spec("openvino") is None:
        return True
    return floor(name) == "review" and find_spec("starlette") is None


def test_all_but_the_engine_is_imported_without_ray():
    names = [name for name in INSIDE if floor(name) not in ("engine", "planning")]
    names = [name for name in names if not needs_absent_extra(name)]
    done = run_without_ray(f"import importlib\nfor name in {names}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr

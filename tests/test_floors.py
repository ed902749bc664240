"""Imports run one way: a floor of the house imports only from the floors below it."""

import ast
from pathlib import Path

import deepcrop

FLOORS = (
    "errors",
    "flags",
    "geometry",
    "image",
    "storage",
    "weights",
    "ops",
    "networks",
    "methods",
    "metrics",
    "pipeline",
    "report",
    "exports",
    "photos",
    "training",
    "api",
    "terminal",
    "cli",
)
HOUSE = Path(deepcrop.__file__).parent


def imports():
    """Yield (file, its floor, imported floor or package) of every import of the package."""
    for path in sorted(HOUSE.rglob("*.py")):
        parts = path.relative_to(HOUSE).with_suffix("").parts
        if parts[0] in ("__init__", "__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                if node.level == 0:
                    yield path, parts[0], (node.module or "").split(".")[0]
                    continue
                package = ("deepcrop", *parts[:-1])[: len(parts) - node.level + 1]
                full = [*package[1:], *(node.module or "").split(".")]
                names = [full[0]] if full[0] else [alias.name for alias in node.names]
                yield from ((path, parts[0], name) for name in names if name != "__version__")
            elif isinstance(node, ast.Import):
                yield from ((path, parts[0], alias.name.split(".")[0]) for alias in node.names)


def test_a_floor_imports_only_from_below():
    wrong = [
        f"{path.relative_to(HOUSE)}: {name}"
        for path, floor, name in imports()
        if name in FLOORS and FLOORS.index(name) > FLOORS.index(floor)
    ]
    assert wrong == []


def test_ray_is_known_to_the_pipeline_and_to_training_alone():
    assert {floor for _, floor, name in imports() if name == "ray"} <= {"pipeline", "training"}


def test_every_module_has_its_floor():
    assert {floor for _, floor, _ in imports()} <= set(FLOORS)

"""OpenVINO is chosen where a self-test says so, which is made once."""

import json
import subprocess
import sys
import warnings

import pytest

from deepcrop import runtimes
from deepcrop.errors import RequestError

GOOD = {"error": 1e-6, "torch_error": 0.0, "seconds": 0.02, "torch_seconds": 0.03}


@pytest.mark.parametrize(
    ("change", "better"),
    [
        ({}, True),
        ({"seconds": 0.04}, False),
        ({"error": 2e-3}, False),
        ({"error": 4e-3, "torch_error": 3e-3}, True),
        ({"error": 5e-3, "torch_error": 3e-3}, False),
    ],
    ids=["faster", "slower", "unequal", "as unequal as bfloat16", "more so"],
)
def test_what_is_better(change, better):
    assert runtimes.is_better({**GOOD, **change}) is better


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A weights file, a module that counts its runs in a file, and OpenVINO as if installed."""
    monkeypatch.delenv(runtimes.VARIABLE, raising=False)
    monkeypatch.setenv("DEEPCROP_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(runtimes, "find_spec", lambda name: object())
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"weights")
    return path


def module(folder, body):
    (folder / "some_test.py").write_text(
        f"import sys\nopen({str(folder / 'runs')!r}, 'a').write('x')\n{body}"
    )
    return "some_test"


def test_the_self_test_is_made_once_for_each_file(weights, tmp_path):
    name = module(tmp_path, f"print({json.dumps(GOOD)!r})")
    for _ in range(2):
        assert runtimes.serves_openvino(weights, name)
    assert (tmp_path / "runs").read_text() == "x"
    weights.write_bytes(b"others")
    assert runtimes.serves_openvino(weights, name)
    assert (tmp_path / "runs").read_text() == "xx"


def test_a_self_test_that_fails_warns_once_and_leaves_it_to_torch(weights, tmp_path):
    name = module(tmp_path, "raise ValueError('wrong numbers')")
    with pytest.warns(RuntimeWarning, match=r"failed \(ValueError: wrong numbers\): PyTorch runs"):
        assert not runtimes.serves_openvino(weights, name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not runtimes.serves_openvino(weights, name)


def test_where_the_cache_cannot_be_written_the_result_is_kept_elsewhere(
    weights, tmp_path, monkeypatch
):
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setattr(runtimes.tempfile, "tempdir", str(tmp_path))
    name = module(tmp_path, f"print({json.dumps(GOOD)!r})")
    for _ in range(2):
        assert runtimes.serves_openvino(weights, name)
    assert (tmp_path / "runs").read_text() == "x"


def test_the_variable_chooses_without_a_test(weights, monkeypatch):
    for value, serves in (("torch", False), ("openvino", True)):
        monkeypatch.setenv(runtimes.VARIABLE, value)
        assert runtimes.serves_openvino(weights, "no.such.module") is serves
    monkeypatch.setenv(runtimes.VARIABLE, "tensorrt")
    with pytest.raises(RequestError, match="expected torch or openvino"):
        runtimes.serves_openvino(weights, "no.such.module")
    monkeypatch.setenv(runtimes.VARIABLE, "openvino")
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None)
    with pytest.raises(RequestError, match="pip install"):
        runtimes.serves_openvino(weights, "no.such.module")


WITHOUT_TORCH = """
import sys, deepcrop, numpy
method = deepcrop.load(sys.argv[1], device="cpu")
photo = numpy.zeros((60, 80, 3), numpy.uint8)
[[crop]] = method.boxes([photo], ["1:1"], sizes=[deepcrop.Size(800, 600)])
print(crop.box.size, "torch" in sys.modules)
"""


@pytest.mark.parametrize("name", ["center", "saliency"])
def test_boxes_need_no_torch_where_another_runtime_serves(name, monkeypatch):
    if name == "saliency":
        pytest.importorskip("openvino")
        monkeypatch.setenv(runtimes.VARIABLE, "openvino")
    command = [sys.executable, "-c", WITHOUT_TORCH, name]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == ["600x600", "False"], done.stderr

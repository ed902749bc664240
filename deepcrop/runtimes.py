"""The choice of what runs a network on a CPU: PyTorch, or OpenVINO where it is installed.

OpenVINO runs a network faster than PyTorch on most processors, and its import takes a sixth of the
time and a tenth of the memory. It serves where a self-test finds that its results are equal and
that it is not slower. The test takes some seconds, most of them PyTorch's import, and is made in a
process of its own, once for each network, machine and version.

``DEEPCROP_RUNTIME=torch`` or ``=openvino`` chooses without a test.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

from . import __version__
from .errors import RequestError
from .weights import cache_folder, sha256

VARIABLE = "DEEPCROP_RUNTIME"
"""The environment variable that chooses the runtime: ``torch`` or ``openvino``."""
TOLERANCE = 1e-3
"""Largest difference of a result from PyTorch's in float32, relative to its largest magnitude."""
SELF_TEST_TIMEOUT_S = 120.0
"""Seconds after which a self-test counts as failed."""
GPU_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""Devices of Nvidia's driver, of WSL and of AMD's driver, one of which PyTorch needs for a GPU."""


class Measurement(TypedDict):
    """What a self-test prints, as JSON."""

    error: float
    """Largest relative difference of OpenVINO's results from PyTorch's in float32."""
    torch_error: float
    """The same of PyTorch in the number format that it uses on this CPU."""
    seconds: float
    """Least CPU time of OpenVINO for an image."""
    torch_seconds: float
    """The same of PyTorch."""


def may_have_gpu() -> bool:
    """Return whether PyTorch could find a GPU; False where asking it is not worth its import."""
    return sys.platform != "linux" or any(Path(each).exists() for each in GPU_FILES)


def serves_openvino(weights: Path, self_test: str) -> bool:
    """Return whether OpenVINO should run a network on this machine's CPU.

    Args:
        weights: the network's weights file.
        self_test: the module that compares both runtimes with these weights: run with the path of
            the file as its argument, it prints a :class:`Measurement`.

    Raises:
        RequestError: the environment variable has another value, or asks for what isn't installed.
    """
    chosen, installed = os.environ.get(VARIABLE, ""), find_spec("openvino") is not None
    if chosen not in ("", "torch", "openvino"):
        raise RequestError(f"{VARIABLE}={chosen}: expected torch or openvino, or not to be set")
    if chosen == "openvino" and not installed:
        raise RequestError(f"{VARIABLE}=openvino: not installed; pip install 'deepcrop[openvino]'")
    if chosen or not installed:
        return chosen == "openvino"
    record = _folder() / f"{_key(weights)}.json"
    measured = _read(record) or _measure_once(record, weights, self_test)
    return measured is not None and is_better(measured)


def is_better(measured: Measurement) -> bool:
    """Return whether OpenVINO's results are equal, and not slower to come by.

    In bfloat16, where its results can't be equal, they may be half as far off again as PyTorch's.
    """
    allowed = max(TOLERANCE, 1.5 * measured["torch_error"])
    return measured["error"] <= allowed and measured["seconds"] <= measured["torch_seconds"]


def _measure_once(record: Path, weights: Path, self_test: str) -> Measurement | None:
    """Make the self-test, while other processes of the machine wait for its result."""
    with record.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := _read(record):
            return found
        measured = _measure(weights, self_test)
        partial = record.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(measured))
        partial.replace(record)
        return measured


def _measure(weights: Path, self_test: str) -> Measurement:
    """Run the self-test; where it fails, return what counts against OpenVINO."""
    command = [sys.executable, "-m", self_test, str(weights)]
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    variables = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    try:
        done = subprocess.run(
            command,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=SELF_TEST_TIMEOUT_S,
            check=True,
        )
        found: Measurement = json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()[-1:]
        warnings.warn(
            f"OpenVINO's self-test failed ({' '.join(said)}): PyTorch runs the network",
            RuntimeWarning,
            stacklevel=2,
        )
        return {"error": 1e9, "torch_error": 0.0, "seconds": 1e9, "torch_seconds": 0.0}
    return found


def _read(record: Path) -> Measurement | None:
    try:
        found: Measurement = json.loads(record.read_text())
    except (OSError, ValueError):
        return None
    return found


def _folder() -> Path:
    """Return the folder of the results of self-tests, which exists and can be written."""
    folder = cache_folder() / "runtimes"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"deepcrop-runtimes-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _key(weights: Path) -> str:
    """Return what identifies the network, the processor and the versions, as a hash."""
    facts = [__version__, sha256(weights), _version("openvino"), _version("torch"), _processor()]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """Return the processor's model and instructions, of the first core."""
    try:
        core = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return ""
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(line for line in core.splitlines() if line.startswith(wanted))

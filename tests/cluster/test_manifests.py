"""The files of ``cluster/``: they are what their readers accept, and their commands run."""

from __future__ import annotations

import copy
import io
import json
import os
import shlex
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import ray
import yaml
from PIL import Image
from pydantic import ValidationError

from deepcrop.manifest.verify import audit
from tests.cluster.kuberay import RayCluster, RayJob
from tests.conftest import s3_client

CLUSTER = Path(__file__).parents[2] / "cluster"
RAYJOB = yaml.safe_load((CLUSTER / "rayjob.yaml").read_text())
RAYCLUSTER = yaml.safe_load((CLUSTER / "raycluster.yaml").read_text())
CLUSTERS = [RAYJOB["spec"]["rayClusterSpec"], RAYCLUSTER["spec"]]


def test_kuberay_s_manifests_are_what_the_api_accepts():
    RayJob.model_validate(RAYJOB)
    RayCluster.model_validate(RAYCLUSTER)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.backofLimit", 3),
        ("spec.rayClusterSpec.headGroupSpec.rayStartParams.num-cpus", 0),
        ("spec.rayClusterSpec.headGroupSpec.template.spec.containers.0.imagePolicy", "Always"),
        ("spec.rayClusterSpec.headGroupSpec.template.spec.containers.0.ports.0.containerPort", "1"),
        ("spec.rayClusterSpec.headGroupSpec.template.spec.containers.0.name", None),
    ],
)
def test_a_wrong_field_is_found(path, value):
    manifest = copy.deepcopy(RAYJOB)
    *parents, last = path.split(".")
    place = manifest
    for name in parents:
        place = place[int(name) if name.isdigit() else name]
    place[last] = value
    with pytest.raises((ValidationError, AssertionError, ValueError)):
        RayJob.model_validate(manifest)


@pytest.mark.parametrize("cluster", CLUSTERS, ids=["rayjob", "raycluster"])
def test_a_pod_mounts_what_it_declares_and_runs_the_client_s_ray(cluster):
    assert cluster["rayVersion"] == version("ray")
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        pod = group["template"]["spec"]
        declared = {volume["name"] for volume in pod["volumes"]}
        containers = pod["containers"] + pod.get("initContainers", [])
        mounted = {each["name"]: each for one in containers for each in one["volumeMounts"]}
        assert mounted.keys() == declared
        for flag in ("object-spilling-directory",):
            folder = group["rayStartParams"].get(flag, "/spill")
            assert folder in {each["mountPath"] for each in mounted.values()}
    assert (
        len({one["image"] for group in groups for one in group["template"]["spec"]["containers"]})
        == 1
    )


def test_the_file_for_aws_is_what_ray_up_accepts():
    schema = json.loads((files("ray.autoscaler") / "ray-schema.json").read_text())
    config = yaml.safe_load((CLUSTER / "aws.yaml").read_text())
    jsonschema.validate(config, schema)
    types = config["available_node_types"]
    assert config["head_node_type"] in types
    assert sum(each.get("min_workers", 0) for each in types.values()) <= config["max_workers"]
    assert sum(each.get("max_workers", 0) for each in types.values()) <= config["max_workers"]
    types["gpu"]["max_worker"] = 3
    with pytest.raises(jsonschema.ValidationError, match="max_worker"):
        jsonschema.validate(config, schema)


def test_every_file_says_what_to_change():
    for path in (*CLUSTER.glob("*.yaml"), *CLUSTER.glob("*.sh")):
        head = [line for line in path.read_text().splitlines()[:16] if line.startswith("#")]
        assert any("Change:" in line for line in head), path.name


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_the_rayjob_s_entrypoint_runs_as_it_is_written(best_server, best_s3):
    s3_client(best_server).create_bucket(Bucket="media")
    for number in range(4):
        picture = io.BytesIO()
        Image.effect_noise((320, 200), 40).convert("RGB").save(picture, "jpeg")
        best_s3.storage().write(f"s3://media/in/{number}.jpg", picture.getvalue())
    command = shlex.split(RAYJOB["spec"]["entrypoint"])
    done = subprocess.run(
        [Path(sys.executable).with_name(command[0]), *command[1:]],
        env=os.environ | {"RAY_ADDRESS": ray.get_runtime_context().gcs_address},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found = audit("s3://media/out", best_server.endpoint)
    assert found.clean and (found.sources, found.variants) == (4, 12)

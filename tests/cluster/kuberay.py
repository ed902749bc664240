"""What the Kubernetes API and KubeRay's operator accept, strictly: an unknown field is an error.

Kubernetes' own types are those of its Python client; KubeRay's fields are written down here from
the API reference of ``ray.io/v1`` (KubeRay 1.3 to 1.5), those that a manifest may set. They were
compared with the operator's own types, from which its CRDs are generated: names, kinds, enums, and
which are required.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from kubernetes.client import models
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SCALARS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "float": (int, float),
    "object": object,
}


def check(value: Any, kind: str, where: str) -> None:
    """Compare a value with a type as the client's models name it, such as ``list[V1Container]``."""
    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        assert isinstance(value, list), f"{where}: expected a list"
        for index, each in enumerate(value):
            check(each, inner[1], f"{where}[{index}]")
    elif inner := re.fullmatch(r"dict\((\w+), (\w+)\)", kind):
        assert isinstance(value, dict), f"{where}: expected a mapping"
        for key, each in value.items():
            check(each, inner[2], f"{where}.{key}")
    elif kind in SCALARS:
        assert isinstance(value, SCALARS[kind]), f"{where}: {value!r} is no {kind}"
        assert kind == "bool" or not isinstance(value, bool), f"{where}: {value!r} is no {kind}"
    else:
        _check_model(value, getattr(models, kind), where)


def _check_model(value: Any, model: Any, where: str) -> None:
    assert isinstance(value, dict), f"{where}: expected a mapping"
    fields = {name: model.openapi_types[field] for field, name in model.attribute_map.items()}
    for key, each in value.items():
        assert key in fields, f"{where}: no field {key!r} in {model.__name__}"
        check(each, fields[key], f"{where}.{key}")
    # The client's constructors refuse what lacks a field that is required.
    model(**{field: value.get(name) for field, name in model.attribute_map.items()})


def _pod(value: dict[str, Any]) -> dict[str, Any]:
    check(value, "V1PodTemplateSpec", "template")
    return value


def _resources(value: dict[str, Any]) -> dict[str, Any]:
    check(value, "V1ResourceRequirements", "resources")
    return value


class Strict(BaseModel):
    """An object without further fields, whose types aren't converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


Template = Annotated[dict[str, Any], AfterValidator(_pod)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Name = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=63)]


class Metadata(Strict):
    name: Name
    namespace: Name | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class HeadGroup(Strict):
    rayStartParams: dict[str, str]  # noqa: N815
    template: Template
    serviceType: str | None = None  # noqa: N815
    enableIngress: bool | None = None  # noqa: N815


class WorkerGroup(Strict):
    groupName: Name  # noqa: N815
    replicas: Count | None = None
    minReplicas: Count  # noqa: N815
    maxReplicas: Count  # noqa: N815
    numOfHosts: Count | None = None  # noqa: N815
    rayStartParams: dict[str, str]  # noqa: N815
    template: Template


class AutoscalerOptions(Strict):
    resources: Annotated[dict[str, Any], AfterValidator(_resources)] | None = None
    idleTimeoutSeconds: Count | None = None  # noqa: N815
    upscalingMode: Literal["Default", "Aggressive", "Conservative"] | None = None  # noqa: N815


class RayClusterSpec(Strict):
    rayVersion: str  # noqa: N815
    headGroupSpec: HeadGroup  # noqa: N815
    workerGroupSpecs: list[WorkerGroup]  # noqa: N815
    enableInTreeAutoscaling: bool | None = None  # noqa: N815
    autoscalerOptions: AutoscalerOptions | None = None  # noqa: N815


class RayCluster(Strict):
    apiVersion: Literal["ray.io/v1"]  # noqa: N815
    kind: Literal["RayCluster"]
    metadata: Metadata
    spec: RayClusterSpec


class RayJobSpec(Strict):
    entrypoint: str
    rayClusterSpec: RayClusterSpec  # noqa: N815
    backoffLimit: Count  # noqa: N815
    activeDeadlineSeconds: Annotated[int, Field(gt=0)] | None = None  # noqa: N815
    shutdownAfterJobFinishes: bool  # noqa: N815
    ttlSecondsAfterFinished: Count = 0  # noqa: N815
    submissionMode: Literal["K8sJobMode", "HTTPMode", "InteractiveMode"] = "K8sJobMode"  # noqa: N815
    runtimeEnvYAML: str | None = None  # noqa: N815
    entrypointNumCpus: float | None = None  # noqa: N815
    suspend: bool | None = None


class RayJob(Strict):
    apiVersion: Literal["ray.io/v1"]  # noqa: N815
    kind: Literal["RayJob"]
    metadata: Metadata
    spec: RayJobSpec

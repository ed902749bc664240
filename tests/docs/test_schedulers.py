"""The examples for schedulers are what these schedulers read."""

from __future__ import annotations

from pathlib import Path
from subprocess import CalledProcessError

import pytest
import yaml

from tests.docs.pages import DOCS, blocks

pytestmark = pytest.mark.slow


def example(language: str) -> str:
    [found] = [each for each in blocks(DOCS / "schedulers.md") if each.language == language]
    return found.text


def test_argo_has_such_a_workflow():
    models = pytest.importorskip("hera.workflows.models")
    workflow = models.CronWorkflow.model_validate(yaml.safe_load(example("yaml")))
    [template] = workflow.spec.workflow_spec.templates
    assert "exitCode == '3'" in template.retry_strategy.expression


def test_airflow_finds_the_dag(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    dagbag = pytest.importorskip("airflow.dag_processing.dagbag")
    (tmp_path / "deepcrop_dag.py").write_text(example("python"))
    found = dagbag.DagBag(str(tmp_path))
    assert not found.import_errors and list(found.dags) == ["deepcrop"]
    exceptions = pytest.importorskip("airflow.sdk.exceptions")
    update = found.dags["deepcrop"].get_task("update").python_callable
    command = tmp_path / "deepcrop"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    final = exceptions.AirflowFailException
    for status, error in [(1, final), (2, final), (3, CalledProcessError)]:
        command.write_text(f"#!/bin/sh\necho done\nexit {status}\n")
        command.chmod(0o755)
        with pytest.raises(error):
            update()
    command.write_text("#!/bin/sh\necho done\n")
    assert update() == "done\n"

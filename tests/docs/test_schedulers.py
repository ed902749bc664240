"""The examples for schedulers are what these schedulers read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.docs.pages import DOCS, blocks

pytestmark = pytest.mark.slow


def example(language: str) -> str:
    [found] = [each for each in blocks(DOCS / "schedulers.md") if each.language == language]
    return found.text


def test_argo_has_such_a_workflow():
    models = pytest.importorskip("hera.workflows.models")
    workflow = models.CronWorkflow.parse_obj(yaml.safe_load(example("yaml")))
    [template] = workflow.spec.workflow_spec.templates
    assert "exitCode == '3'" in template.retry_strategy.expression


def test_airflow_finds_the_dag(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    dagbag = pytest.importorskip("airflow.dag_processing.dagbag")
    (tmp_path / "deepcrop_dag.py").write_text(example("python"))
    found = dagbag.DagBag(str(tmp_path))
    assert not found.import_errors and list(found.dags) == ["deepcrop"]

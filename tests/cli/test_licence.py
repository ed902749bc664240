"""The terms of weights in the commands: where they are shown, and what ``--licence`` refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from PIL import Image
from safetensors.torch import save_file

from deepcrop import weights
from deepcrop.cli import app
from deepcrop.engine.output import job_record
from deepcrop.job import Job
from deepcrop.manifest.summary import RunSummary
from deepcrop.methods import registry
from deepcrop.methods.base import CropMethod

JOB = {"input": "in", "output": "out", "aspects": ["1:1"]}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a photo, in which nobody reaches a cluster."""
    (tmp_path / "in").mkdir()
    Image.effect_noise((120, 60), 50).convert("RGB").save(tmp_path / "in" / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deepcrop.engine.session.connected", lambda: pytest.fail("a cluster"))
    return tmp_path


@pytest.fixture
def prohibited(monkeypatch):
    """Weights of ``saliency`` that may not be used commercially, whatever those that ship say."""
    entries = dict(weights.catalogue())
    entries["saliency"] = replace(
        entries["saliency"], commercial="no", commercial_reason="its photos were lent"
    )
    monkeypatch.setattr(weights, "catalogue", lambda: entries)


def run(capsys, *arguments):
    status = app.exit_status([str(each) for each in arguments])
    return status, *capsys.readouterr()


def job_file(folder: Path, **fields) -> Path:
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(JOB | fields))
    return path


def judged_file(folder: Path, **judgement: str) -> Path:
    """Write weights of ``saliency`` as somebody trained them anew, with a judgement."""
    state, metadata = weights.load("saliency")
    first = next(key for key, value in state.items() if value.is_floating_point())
    state[first] = state[first] * 1.001
    path = folder / "mine.safetensors"
    save_file(state, path, metadata=metadata | judgement)
    return path


def test_the_list_shows_whether_weights_may_be_used_commercially_and_why(capsys, monkeypatch):
    status, out, _ = run(capsys, "weights", "list", "--json")
    told = {
        each["name"]: (each["commercial"], each["commercial_reason"]) for each in json.loads(out)
    }
    assert status == 0 and told == {
        name: (each.commercial, each.commercial_reason)
        for name, each in weights.catalogue().items()
    }
    monkeypatch.setenv("COLUMNS", "900")
    _, table, _ = run(capsys, "weights", "list")
    header, *lines = table.splitlines()
    assert "commercial use" in header
    rows = {line.split()[0]: line for line in lines}
    assert all(f"{yes}: {why}" in rows[name] for name, (yes, why) in told.items())


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--input", "in", "--output", "out", "-a", "1:1", "--licence", "commercial"),
        ("run", "job.yaml", "--licence", "not-prohibited"),
        ("run", "job.yaml", "--set", "licence=commercial", "--print-config"),
        ("run", "strict.yaml"),
        ("plan", "job.yaml", "--licence", "commercial"),
        ("plan", "strict.yaml"),
        ("submit", "job.yaml", "--licence", "commercial", "--address", "http://127.0.0.1:9"),
        ("submit", "strict.yaml", "--address", "http://127.0.0.1:9"),
        ("crop", "in/photo.jpg", "-a", "1:1", "--json", "--licence", "commercial"),
        ("crop", "in/photo.jpg", "-a", "1:1", "--json", "--licence", "not-prohibited"),
        ("crop", "in/photo.jpg", "-a", "1:1", "--compare", "center,saliency", "--output", "out",
         "--licence", "commercial"),
        ("crop", "in/photo.jpg", "-a", "1:1", "--overlay", "-m", "center", "--output", "out",
         "--licence", "commercial"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("prohibited", "same_process")
def test_a_job_with_refused_weights_is_a_wrong_request(capsys, folder, arguments):
    job_file(folder, licence="commercial").rename(folder / "strict.yaml")
    job_file(folder)
    status, out, err = run(capsys, *arguments)
    assert status == 2 and out == "" and err.count("\n") == 1, err
    assert "refuses the weights 'saliency'" in err and "its photos were lent" in err
    assert "accepted: center (no weights)" in err
    assert not list(folder.glob("out/*"))


@pytest.mark.usefixtures("prohibited", "same_process")
def test_without_a_policy_nothing_is_refused(capsys):
    arguments = ("crop", "in/photo.jpg", "-a", "1:1", "--json")
    assert run(capsys, *arguments)[0] == 0
    assert run(capsys, *arguments, "--licence", "any")[0] == 0


@pytest.mark.usefixtures("same_process")
def test_center_is_accepted_by_every_policy(capsys):
    for policy in ("any", "not-prohibited", "commercial"):
        arguments = ("-m", "center", "-a", "1:1", "--json", "--licence", policy)
        assert run(capsys, "crop", "in/photo.jpg", *arguments)[0] == 0


@pytest.mark.usefixtures("same_process")
@pytest.mark.parametrize(
    ("judgement", "accepted"),
    [
        ({}, {"any", "not-prohibited"}),
        ({"commercial": "no"}, {"any"}),
        ({"commercial": "yes", "commercial_reason": "trained on photos of our own"},
         {"any", "not-prohibited", "commercial"}),
    ],
)  # fmt: skip
def test_weights_of_a_users_own_are_judged_by_their_metadata(capsys, folder, judgement, accepted):
    path = judged_file(folder, **judgement)
    for policy in ("any", "not-prohibited", "commercial"):
        arguments = ("-a", "1:1", "--json", "--weights", path, "--licence", policy)
        status, _, err = run(capsys, "crop", "in/photo.jpg", *arguments)
        assert status == (0 if policy in accepted else 2), err
        assert (status == 0) == (f"refuses the weights '{path}'" not in err)


def test_a_word_that_is_no_policy_is_refused_with_those_that_are(capsys):
    status, _, err = run(capsys, "crop", "in/photo.jpg", "-a", "1:1", "--json", "--licence", "free")
    assert status == 2 and err.count("\n") == 1
    assert all(word in err for word in ("'free'", "'any'", "'not-prohibited'", "'commercial'"))


def test_a_policy_is_kept_in_the_job_and_changes_no_fingerprint():
    plain = Job.parse(JOB | {"method": "center"})
    strict = Job.parse(JOB | {"method": "center", "licence": "commercial"})
    assert strict.fingerprint == plain.fingerprint
    assert yaml.safe_load(strict.to_yaml())["licence"] == "commercial"
    assert (
        job_record(strict, "running", RunSummary("out", 1), 0.0)["job"]["licence"] == "commercial"
    )


@pytest.mark.parametrize("method", ["center", "dnr", "saliency"])
def test_the_record_of_a_job_tells_the_terms_of_its_weights_and_what_its_score_means(method):
    record = job_record(Job.parse(JOB | {"method": method}), "completed", RunSummary("out", 1), 0.0)
    names = {"center": [], "dnr": ["vgg19-slim", "saliency"], "saliency": ["saliency"]}[method]
    entries = [weights.catalogue()[name] for name in names]
    assert json.loads(json.dumps(record["weights"])) == [
        {
            "name": each.name,
            "licence": each.licence,
            "commercial": each.commercial,
            "commercial_reason": each.commercial_reason,
        }
        for each in entries
    ]
    assert record["score_meaning"] == registry.score_meaning(method)


def test_every_crop_method_says_what_its_score_means_and_the_list_shows_it(capsys):
    status, out, _ = run(capsys, "methods", "--json")
    told = {each["name"]: each["score_meaning"] for each in json.loads(out)}
    assert status == 0
    for name in registry.BUILT_IN:
        if registry.find(name).kind == "retarget":
            assert told[name] is None
        else:
            assert told[name] == registry.find(name).score_meaning != CropMethod.score_meaning
            assert not told[name].endswith(".") and "\n" not in told[name]

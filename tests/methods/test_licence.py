"""Licence policies: what they accept, and what the refusal says."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import get_args

import pytest
import torch
from safetensors.torch import save_file

from deepcrop import weights
from deepcrop.errors import RequestError
from deepcrop.methods import licence, registry
from deepcrop.weights import Commercial


def write(path, **metadata):
    """Write a weights file that no catalogue knows."""
    save_file({"of": torch.tensor([float(len(str(path)))])}, path, metadata=metadata or None)
    return str(path)


@pytest.fixture
def judged(monkeypatch):
    """Return a function that judges weights of the catalogue otherwise."""

    def judge(**words):
        entries = {
            name: replace(each, commercial=words.get(name.replace("-", "_"), each.commercial))
            for name, each in weights.catalogue().items()
        }
        monkeypatch.setattr(weights, "catalogue", lambda: entries)

    return judge


def test_every_policy_accepts_what_a_stricter_one_does():
    assert set(licence.ACCEPTED) == set(get_args(licence.Policy))
    any_, middle, strict = (licence.ACCEPTED[each] for each in get_args(licence.Policy))
    assert any_ == set(get_args(Commercial)) and any_ > middle > strict == {"yes"}


@pytest.mark.parametrize("policy", get_args(licence.Policy))
def test_a_method_without_weights_is_always_accepted(policy):
    licence.check(policy, "center")
    assert licence.terms_of("center", weights="ignored.safetensors") == ()


@pytest.mark.parametrize("name", sorted(weights.catalogue()))
@pytest.mark.parametrize("policy", get_args(licence.Policy))
def test_named_weights_are_accepted_as_the_catalogue_judges_them(policy, name):
    entry = weights.catalogue()[name]
    # dnr-paper uses no weights beside its own.
    method = "dnr-paper" if "dnr-paper" in entry.methods else entry.methods[0]
    if entry.commercial in licence.ACCEPTED[policy]:
        licence.check(policy, method, weights=name)
        return
    with pytest.raises(RequestError) as refused:
        licence.check(policy, method, weights=name)
    message = str(refused.value)
    assert "\n" not in message and f"weights {name!r}" in message and repr(policy) in message
    assert entry.commercial_reason in message and "center (no weights)" in message


def test_the_refusal_names_what_is_accepted_instead(judged):
    judged(vgg19="unclear", vgg19_slim="yes", saliency="no")
    accepted = list(licence.accepted("commercial"))
    assert accepted == ["center (no weights)", "dnr-paper with weights vgg19-slim"]
    assert "dnr-paper with weights vgg19" in set(licence.accepted("not-prohibited"))
    with pytest.raises(RequestError, match="dnr-paper with weights vgg19-slim"):
        licence.check("commercial", "saliency")


def test_weights_that_a_method_uses_beside_its_own_count(judged):
    judged(vgg19_slim="yes", saliency="no")
    for method in ("dnr", "deepir"):
        with pytest.raises(RequestError, match=f"weights 'saliency' of the method '{method}'"):
            licence.check("commercial", method)
        licence.check("commercial", method, options={"attention": 0})
    judged(saliency="yes")
    for method in ("dnr", "deepir"):
        licence.check("commercial", method)


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_a_method_loads_no_weights_but_those_whose_terms_are_told(monkeypatch, name):
    loaded = []
    real = weights.load
    monkeypatch.setenv("DEEPCROP_RUNTIME", "torch")  # OpenVINO reads the same file by itself
    monkeypatch.setattr(weights, "load", lambda each: loaded.append(each) or real(each))
    registry.load(name, device="cpu")
    assert set(loaded) == {each.name for each in licence.terms_of(name)}


@pytest.mark.parametrize(
    ("metadata", "commercial", "words"),
    [
        ({}, "unclear", "no metadata 'commercial'"),
        ({"commercial": "yes"}, "yes", "without a reason"),
        ({"commercial": "yes", "commercial_reason": "our own\nphotos"}, "yes", "our own photos"),
        ({"commercial": "no", "commercial_reason": "lent photos"}, "no", "lent photos"),
    ],
)
def test_a_file_has_the_terms_that_its_metadata_state(tmp_path, metadata, commercial, words):
    path = write(tmp_path / "mine.safetensors", licence="MIT", **metadata)
    [terms] = licence.terms_of("saliency", weights=path)
    assert (terms.name, terms.licence, terms.commercial) == (path, "MIT", commercial)
    assert words in terms.commercial_reason
    for policy, accepted in licence.ACCEPTED.items():
        if commercial in accepted:
            licence.check(policy, "saliency", weights=path)
        else:
            with pytest.raises(RequestError, match=r"refuses the weights '.*mine\.safetensors'"):
                licence.check(policy, "saliency", weights=path)


def test_a_file_whose_metadata_are_wrong_is_a_wrong_request(tmp_path):
    path = write(tmp_path / "mine.safetensors", commercial="maybe")
    with pytest.raises(RequestError, match=r"'maybe': expected one of: yes, no, unclear"):
        licence.check("commercial", "saliency", weights=path)


def test_a_copy_of_named_weights_has_their_terms_under_any_name(tmp_path):
    entry = weights.catalogue()["cagic"]
    shutil.copy(entry.path, tmp_path / "mine.safetensors")
    terms = licence.terms_of("cagic", weights=str(tmp_path / "mine.safetensors"))[0]
    assert (terms.licence, terms.commercial) == (entry.licence, entry.commercial)


def test_what_is_published_takes_its_judgement_along(tmp_path):
    state = {"of": torch.tensor([7.0])}
    about = {"licence": "MIT", "summary": "a number", "methods": ["saliency"], "folder": tmp_path}
    path = weights.publish("mine", state, {"size": "1"}, **about)
    assert weights.read_catalogue(tmp_path / "catalogue.json")["mine"].commercial == "unclear"
    assert weights.metadata(str(path)) == {"size": "1"}
    path = weights.publish(
        "mine", state, {"size": "1"}, commercial="yes", commercial_reason="our own photos", **about
    )
    assert weights.metadata(str(path)) == {
        "size": "1", "commercial": "yes", "commercial_reason": "our own photos",
    }  # fmt: skip
    assert licence.terms_of_weights(str(path)).commercial == "yes"


def test_no_policy_looks_at_weights_that_it_need_not(monkeypatch):
    monkeypatch.setattr(weights, "locate", lambda name: pytest.fail(f"located {name}"))
    licence.check("any", "saliency", weights="nowhere.safetensors")
    licence.check("not-prohibited", "dnr-paper", weights="vgg19")  # nothing is downloaded


def entry(**fields):
    return {
        "file": "a.safetensors", "sha256": "0", "licence": "MIT", "summary": "a", "methods": [],
        "commercial": "yes", "commercial_reason": "no reason",
    } | fields  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"commercial": "maybe"}, "'mine': commercial: 'maybe': expected one of: yes, no, unclear"),
        ({"commercial": True}, "commercial: True"),
        ({"commercial_reason": " "}, "commercial_reason"),
        ({"commercial_reason": "one\ntwo"}, "commercial_reason"),
        ({"licence": None}, "licence: None"),
        ({"colour": "red"}, "colour"),
        ({"summary": ...}, "summary"),
        ({"commercial": ...}, "commercial"),
        ({"methods": ...}, "methods"),
    ],
)
def test_a_wrong_catalogue_is_refused(tmp_path, change, words):
    made = {name: text for name, text in entry(**change).items() if text is not ...}
    (tmp_path / "catalogue.json").write_text(json.dumps({"mine": made}))
    with pytest.raises(ValueError, match="mine") as refused:
        weights.read_catalogue(tmp_path / "catalogue.json")
    assert words in str(refused.value)
    (tmp_path / "catalogue.json").write_text(json.dumps({"mine": entry()}))
    assert weights.read_catalogue(tmp_path / "catalogue.json")["mine"].commercial == "yes"


@pytest.mark.parametrize("name", weights.RETIRED)
def test_weights_that_are_gone_name_their_successor(name):
    assert name not in weights.catalogue()
    with pytest.raises(RequestError, match=f"{name}.*gone; use '[a-z]+'"):
        weights.find(name)

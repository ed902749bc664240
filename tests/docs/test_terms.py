"""What is written of weights' terms and of scores is what the catalogue and the methods say."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from safetensors.torch import save_file

from deepcrop import weights
from deepcrop.methods import licence, registry
from tests.docs.pages import DOCS, blocks

SHIPPED = [each for each in weights.catalogue().values() if each.card]
COLUMNS = [
    "data or network",
    "photos",
    "licence",
    "non-commercial or research-only terms",
    "what the weights owe to it",
]


def table(text: str, first: str) -> list[list[str]]:
    """The cells of the rows of the table whose first column is headed so, its header included."""
    lines = text[text.index(f"| {first} |") :].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    end = next((at for at, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return [rows[0], *rows[2:end]]


def of_section(text: str, heading: str) -> str:
    [found] = re.findall(rf"(?ms)^{re.escape(heading)}\n(.*?)(?=^#{{1,3}} |\Z)", text)
    return found


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda each: each.name)
def test_a_card_says_of_each_data_set_what_it_allows_and_what_the_weights_owe_to_it(entry):
    section = of_section(entry.card.read_text(), "## Data and licence")
    assert section.startswith(f"**Commercial use: {entry.commercial}**: {entry.commercial_reason}.")
    header, *rows = table(section, COLUMNS[0])
    assert header == COLUMNS and len(rows) > 2
    for data, _, terms, explicit, owed in rows:
        assert data and terms and explicit and owed, data


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda each: each.name)
def test_what_a_card_calls_explicit_makes_commercial_use_impossible(entry):
    rows = table(of_section(entry.card.read_text(), "## Data and licence"), COLUMNS[0])[1:]
    explicit = any("**explicit" in row[3] for row in rows)
    assert explicit == (entry.commercial == "no")


@pytest.mark.parametrize("entry", weights.catalogue().values(), ids=lambda each: each.name)
def test_somebody_has_judged_all_weights_of_the_catalogue(entry):
    reason = entry.commercial_reason
    assert reason != weights.NOT_JUDGED and len(reason) > 20 and not reason.endswith(".")


def test_the_table_of_weights_has_the_judgements_of_the_catalogue():
    rows = table(
        of_section((DOCS / "methods.md").read_text(), "## Weights and their terms"), "weights"
    )
    told = {name: row[2] for row in rows[1:] for name in re.findall(r"`([\w-]+)`", row[0])}
    assert told == {each.name: each.commercial for each in weights.catalogue().values()}


def test_every_policy_is_told_with_what_it_accepts():
    rows = table((DOCS / "methods.md").read_text(), "`--licence`")[1:]
    told = {row[0].split("`")[1]: set(row[1].split(", ")) for row in rows}
    assert told == {policy: set(licence.ACCEPTED[policy]) for policy in get_args(licence.Policy)}


def test_the_table_of_scores_says_what_the_methods_say():
    rows = table((DOCS / "output.md").read_text(), "method")[1:]
    told = {name: text for names, text in rows for name in re.findall(r"`([\w-]+)`", names)}
    assert told == {name: registry.score_meaning(name) or "none" for name in registry.BUILT_IN}


def test_the_example_that_judges_a_file_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state, metadata = weights.load("saliency")
    first = next(key for key, value in state.items() if value.is_floating_point())
    state[first] = state[first] + 1  # trained anew
    (tmp_path / "runs").mkdir()
    save_file(state, "runs/saliency.safetensors", metadata)
    [example] = [each for each in blocks(DOCS / "methods.md") if "commercial_reason" in each.text]
    exec(example.text, {})
    before = licence.terms_of_weights("runs/saliency.safetensors")
    after = licence.terms_of_weights("ours.safetensors")
    assert (before.commercial, after.commercial) == ("unclear", "yes")
    assert after.commercial_reason == "learned from photos of our own alone"
    assert weights.metadata("ours.safetensors").keys() >= metadata.keys()

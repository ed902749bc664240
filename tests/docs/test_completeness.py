"""Whatever a user can set or read is described: fields, columns, flags, errors, options."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
import typer
import yaml

from deepcrop import errors, flags, weights
from deepcrop.cli import app
from deepcrop.job import Job
from deepcrop.manifest.changes import Changes
from deepcrop.manifest.summary import RunSummary
from deepcrop.manifest.verification import WORDS
from deepcrop.methods import registry
from deepcrop.outputs.presets import Output
from deepcrop.outputs.rules import ACTIONS, ALWAYS, FLAG_CONDITIONS
from deepcrop.planning.plan import Plan
from deepcrop.schema import IMAGES, VARIANTS
from tests.docs.pages import DOCS, blocks
from tests.test_floors import FLOORS


def described(page: str, section: str, level: int = 2) -> set[str]:
    """Return the words in backquotes in the first cells of a section's tables."""
    marks = "#" * level
    [text] = re.findall(
        rf"(?ms)^{marks} {re.escape(section)}\n(.*?)(?=^#{{2,{level}}} |\Z)",
        (DOCS / page).read_text(),
    )
    cells = re.findall(r"(?m)^\| ([^|]*) \|", text)
    return {word for cell in cells for word in re.findall(r"`([^`]*)`", cell)}


def test_every_field_of_a_job():
    sections = ("Input", "Output", "Method", "Scaling and limits")
    found = set[str]().union(*(described("jobs.md", each, 3) for each in sections))
    assert found == set(Job.model_fields)


def test_the_options_of_the_fields_exist():
    parser = typer.main.get_command(app.app).commands["run"]
    known = {name for each in parser.params for name in each.opts}
    rows = re.findall(r"(?m)^\| `\w+` \| (`-[^|]*) \|", (DOCS / "jobs.md").read_text())
    assert {name for row in rows for name in re.findall(r"`(-[^`]*)`", row)} <= known


def test_the_example_of_a_file_is_a_job():
    whole, part = [each for each in blocks(DOCS / "jobs.md") if each.language == "yaml"]
    fields = yaml.safe_load(whole.text)
    assert Job.parse(fields).aspects == ("1:1", "16:9", "4:5")
    assert Job.parse(fields | yaml.safe_load(part.text)).store.encryption == "aws:kms"


def test_every_field_and_rule_of_a_preset():
    assert described("outputs.md", "Fields") == set(Output.model_fields)
    told = described("outputs.md", "Photos that don't fit")
    conditions = {name for name in told if "<" not in name and name != "background"}
    assert conditions == {ALWAYS, *map(str, FLAG_CONDITIONS), *ACTIONS}
    [block] = [each for each in blocks(DOCS / "outputs.md") if each.language == "yaml"]
    job = Job.parse(yaml.safe_load(block.text))
    assert len(job.requests) == 10 and job.outputs["card"].max_bytes == 60_000


@pytest.mark.parametrize(
    ("section", "schema"), [("manifest/images", IMAGES), ("manifest/variants", VARIANTS)]
)
def test_every_column(section, schema):
    assert described("output.md", section) == set(schema.names)


def test_every_key_of_the_json_of_commands():
    assert described("output.md", "Counts", 3) == set(RunSummary("out", 0).record())
    assert described("output.md", "Changes", 3) == set(Changes().record())
    assert described("output.md", "Plans", 3) == {each.name for each in fields(Plan)}


def test_every_flag():
    assert described("output.md", "Flags") == {str(flag) for flag in flags.Flag}


def test_every_class_of_error():
    classes = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type)
        and issubclass(each, errors.SourceError)
        and each is not errors.SourceError
    }
    assert described("troubleshooting.md", "Error classes") == classes


def test_everything_that_verify_finds():
    assert described("troubleshooting.md", "What verify finds") == set(WORDS)


@pytest.mark.parametrize("name", ["saliency", "mars", "cagic"])
def test_every_option_of_a_crop_method(name):
    assert described("methods.md", name) == {
        each.name for each in fields(registry.find(name).Options)
    }


@pytest.mark.parametrize("name", ["dnr", "deepir"])
def test_options_that_are_described_exist(name):
    known = {each.name for each in fields(registry.find(name).Options)}
    assert described("methods.md", name) - {"dnr", "dnr-paper"} <= known


def test_every_method_and_all_weights():
    assert set(weights.catalogue()) <= described("methods.md", "Weights and their terms")
    page = (DOCS / "methods.md").read_text()
    table = re.findall(r"(?m)^\| `([\w-]+)` \| (?:crop|retarget) \|", page)
    assert set(table) == set(registry.BUILT_IN)


def test_the_floors_of_the_architecture_are_those_that_are_tested():
    [block] = [each for each in blocks(DOCS / "architecture.md") if each.language == "text"]
    [package] = re.findall(r"(?ms)^deepcrop/\n(.*?)^\S", block.text)
    names = [
        word.removesuffix("/").removesuffix(".py")
        for line in package.splitlines()
        for word in re.split(r"\s{2,}", line.strip())[0].split()
    ]
    assert names == list(FLOORS)

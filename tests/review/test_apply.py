"""Pending marks are applied: by a run, by the command, and from the page."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import deepcrop
from deepcrop.cli import app
from deepcrop.job import Job
from deepcrop.manifest.mark_log import MarkLog
from deepcrop.manifest.status import open_job
from deepcrop.manifest.store import Manifest
from deepcrop.planning.dry_run import dry_run
from deepcrop.report.page import build
from deepcrop.storage import Storage
from tests.report.browsing import NEEDS_CHROMIUM
from tests.report.synthetic import row, write_output, write_photo
from tests.review.served import entry, serving


@pytest.fixture
def job(tmp_path: Path, cluster: None) -> Job:
    """A job of three sources that has run, and has a page."""
    for name in "abc":
        write_photo(tmp_path / "in" / f"{name}.jpg")
    made = Job.parse(
        {"input": str(tmp_path / "in"), "output": str(tmp_path / "out"), "method": "center"}
        | {"aspects": ["1:1", "16:9"], "gpus": 0, "actors": 1}
    )
    deepcrop.run(made)
    build(made.output)
    return made


def mark(job: Job, number: int, name: str, **fields: object) -> None:
    log = MarkLog(job.output, Storage())
    log.refresh()
    log.append([{"at": 0.0, **entry(f"{job.input}/{name}.jpg", f"id-{number:06d}", **fields)}])


def rows(job: Job) -> dict[str, dict]:
    manifest = Manifest(job.output, Storage())
    manifest.load_parts()
    return {row["source_uri"][-5]: row for row in manifest.table().to_pylist()}


def applied(job: Job) -> set[str]:
    log = MarkLog(job.output, Storage())
    log.refresh()
    return set(log.applied)


def test_a_run_applies_what_is_pending_once_and_the_command_does_so_alone(job, capsys):
    before = rows(job)
    mark(job, 1, "a", set={"focal": [0.0, 0.5]}, was={})
    mark(job, 2, "b", set={"rejected/1x1": True}, was={})
    assert dry_run(job).changes.total().sources == 2
    assert deepcrop.run(job).changes.total().sources == 2
    after = rows(job)
    assert after["a"]["variants"][0]["x0"] == 0 and len(after["b"]["variants"]) == 1
    assert after["c"] == before["c"]
    assert applied(job) == {"id-000001", "id-000002"}
    assert deepcrop.run(job).changes.total().sources == 0
    # A change of one field leaves what was applied of the others; new photos wait for a run.
    mark(job, 3, "a", set={"rejected/16x9": True}, was={})
    write_photo(Path(job.input) / "new.jpg")
    assert app.exit_status(["review", job.output, "--apply"]) == 0
    told = capsys.readouterr().out
    assert "page" in told and "new" not in rows(job)
    latest = rows(job)
    assert [each["aspect"] for each in latest["a"]["variants"]] == ["1x1"]
    assert latest["a"]["variants"][0]["x0"] == 0 and latest["b"] == after["b"]
    # Without marks the command does nothing, and says so.
    assert app.exit_status(["review", job.output, "--apply"]) == 0
    assert rows(job) == latest


def test_a_file_of_corrections_counts_more_than_marks_on_the_same_source(job, tmp_path):
    mark(job, 1, "a", set={"focal": [0.0, 0.5]}, was={})
    mark(job, 2, "b", set={"focal": [0.0, 0.5]}, was={})
    file = tmp_path / "c.csv"
    file.write_text(f"source_uri,kind,aspect,x0,y0,x1,y1\n{job.input}/a.jpg,focal,,1,0.5,,\n")
    deepcrop.run(job, corrections=str(file))
    after = rows(job)
    assert (after["a"]["variants"][0]["x1"], after["b"]["variants"][0]["x0"]) == (300, 0)
    assert applied(job) == {"id-000001", "id-000002"}


def test_overwriting_a_job_begins_a_log_anew(job):
    mark(job, 1, "a", set={"rejected/1x1": True}, was={})
    deepcrop.run(job, overwrite=True)
    assert len(rows(job)["a"]["variants"]) == 2
    assert not list(Path(job.output, "marks").glob("*"))


def test_what_cannot_be_served_is_one_line(tmp_path, capsys):
    assert app.exit_status(["review", str(tmp_path)]) == 2
    assert "no job there" in capsys.readouterr().err
    assert app.exit_status(["review", str(tmp_path), "--apply"]) == 2
    write_output(tmp_path / "out", [row(str(tmp_path / "out"), "/in/a.jpg")])
    capsys.readouterr()
    command = ["review", str(tmp_path / "out"), "--host", "192.0.2.1", "--port", "9"]
    assert app.exit_status(command) == 2
    *_, told = capsys.readouterr().err.splitlines()
    assert told.startswith("deepcrop: --host") and "cannot be listened on" in told


@pytest.mark.slow
@NEEDS_CHROMIUM
def test_marks_are_applied_from_the_page_which_then_shows_them_as_applied(job, browser):
    """The run is a process of its own, which starts a cluster."""
    from tests.review.test_sharing import card, counted, reviewing, saved, until

    with serving(job.output) as served, reviewing(browser, served.address, "anna") as page:
        card(page, "a").locator(".open").click()
        page.click("[aria-label='Reject 16:9']")
        page.keyboard.press("Escape")
        saved(page)
        page.click("nav [data-view=corrections]")
        build_name = served.session.build["build"]
        page.click("#apply")
        until(page, "() => !document.querySelector('#apply-progress').hidden")
        end = time.monotonic() + 120
        while served.session.build["build"] == build_name:
            assert time.monotonic() < end
            page.wait_for_timeout(100)
        until(page, "() => document.querySelector('#applied-list li') !== null")
        counted(page, 0)
        until(page, "() => document.querySelector('#applied-list').textContent.includes('anna')")
        text = page.locator("#applied-list li").inner_text()
        assert "rejected: 16:9" in text and "anna" in text
    assert [each["aspect"] for each in rows(job)["a"]["variants"]] == ["1x1"]
    assert open_job(job.output)[1]["status"] == "completed"

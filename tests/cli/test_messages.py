"""What commands say at their end: what to do about failures, and about a page that is older."""

from __future__ import annotations

import json

import pytest

from deepcrop.cli import app
from deepcrop.cli.output import show_old_page, show_summary
from deepcrop.manifest.changes import AGAIN, Changes, Work
from deepcrop.manifest.history import History
from deepcrop.manifest.summary import Failures, RowCounts, RunSummary
from deepcrop.report.build_record import write_build
from tests.report.synthetic import row, write_output


def summary(*classes: str) -> RunSummary:
    failures = {("fetch", name): Failures(False, 1, [("/in/a.jpg", "")]) for name in classes}
    counts = RowCounts(failures=failures)
    counts.statuses["failed"] = len(classes)
    return RunSummary("/out", 9, counts)


def test_what_is_gone_is_not_to_be_tried_again(capsys):
    show_summary(summary("NotFound"), None)
    said = capsys.readouterr().out
    assert "retry" not in said and "those of NotFound are gone: run again" in said
    show_summary(summary("Corrupt"), None)
    said = capsys.readouterr().out
    assert "deepcrop retry tries them again" in said and "NotFound" not in said
    show_summary(summary("Corrupt", "NotFound"), None)
    said = capsys.readouterr().out
    assert "deepcrop retry tries them again; those of NotFound are gone" in said


def test_what_is_done_again_is_said_with_its_reasons():
    changes = Changes()
    changes.work[AGAIN] = Work(sources=1)
    assert changes.in_words().startswith("1 to do again (marks, corrections")


@pytest.fixture
def finished(tmp_path):
    """An output with a snapshot."""
    manifest = write_output(tmp_path, [row(str(tmp_path), "/in/a.jpg")])
    manifest.load_parts()
    number = History(manifest).take({}, changed=True)
    manifest.write_record(json.loads((tmp_path / "job.json").read_text()) | {"snapshot": number})
    return manifest


def test_a_page_that_is_older_than_the_run_is_told_of(finished, capsys):
    def said() -> str:
        show_old_page(finished.output, None)
        return capsys.readouterr().out

    assert said() == ""
    finished.storage.write(f"{finished.output}/report/index.html", b"")
    line = f"page      is older than this run: deepcrop report {finished.output} brings it up"
    assert said().startswith(line)
    time = History(finished).load(1).time
    write_build(finished, "a", time - 1, 0.0)
    assert said().startswith(line)
    write_build(finished, "b", time + 1, 0.0)
    assert said() == ""


def test_an_earlier_state_names_its_zone_once(finished, capsys):
    assert app.exit_status(["status", finished.output, "--at", "1"]) == 0
    [line] = [each for each in capsys.readouterr().out.splitlines() if "as it was" in each]
    assert line.endswith(" UTC") and "+" not in line

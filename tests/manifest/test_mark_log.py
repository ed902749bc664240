"""The log of marks: what several writers add at once, read by each of them."""

from __future__ import annotations

import itertools
import json
import random
import threading

import pytest

from deepcrop.errors import RequestError, WriteError
from deepcrop.manifest.mark_log import FILE_BYTES, MarkLog
from deepcrop.manifest.pending_marks import PendingMarks, corrections_of
from deepcrop.manifest.store import Manifest
from deepcrop.sources.corrections import Correction
from deepcrop.sources.marks import changed, marks_of, statements_of
from deepcrop.storage import Storage
from tests.report.synthetic import row, say, write_output


def mark(number: int, source: str = "/in/a.jpg", **fields):
    return {"id": f"id-{number:06d}", "by": "anna", "source": source, "at": 0.0} | (
        {"set": {"good": True}, "was": {"good": None}} | fields
    )


@pytest.fixture(params=["file", "s3"])
def place(request, tmp_path):
    """A store and an output in it."""
    if request.param == "file":
        return Storage(), str(tmp_path / "out")
    server = request.getfixturevalue("s3")
    return server.storage(), f"{server.uri}/out"


def test_what_several_writers_add_at_once_is_read_by_all_once_and_in_one_order(place):
    storage, output = place
    logs = [MarkLog(output, storage) for _ in range(3)]

    def write(log: MarkLog, first: int) -> None:
        for number in range(first, first + 20):
            log.append([mark(number)])

    threads = [
        threading.Thread(target=write, args=(log, 1000 * number)) for number, log in enumerate(logs)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for log in logs:
        log.refresh()
        assert log.refresh() == []
    wanted = {f"id-{1000 * number + each:06d}" for number in range(3) for each in range(20)}
    orders = [[each["id"] for each in log.ordered()] for log in logs]
    assert set(orders[0]) == wanted and len(orders[0]) == 60
    assert orders[0] == orders[1] == orders[2]
    late = MarkLog(output, storage)
    late.refresh()
    assert late.ordered() == logs[0].ordered()


def test_what_is_sent_twice_counts_once_also_by_another_writer(place):
    storage, output = place
    one = MarkLog(output, storage)
    [first] = one.append([mark(1)])
    assert one.append([mark(1, by="other"), mark(1)]) == [first, first]
    other = MarkLog(output, storage)
    other.refresh()
    assert other.append([mark(1)]) == [first]
    # A writer that doesn't know it yet writes it again: readers still count it once.
    blind = MarkLog(output, storage)
    blind.append([mark(1)])
    reader = MarkLog(output, storage)
    reader.refresh()
    assert len(reader.entries) == 1


def test_an_entry_is_later_than_all_that_its_writer_knew_whatever_the_clock_says(tmp_path):
    early, late = (MarkLog(str(tmp_path), Storage()) for _ in range(2))
    early._latest = 4_000_000_000.0  # its clock is decades ahead
    [first] = early.append([mark(1)])
    late.refresh()
    [second] = late.append([mark(2)])
    assert second["at"] > first["at"] > 4_000_000_000


def test_a_writer_begins_another_file_when_the_last_one_is_large(tmp_path):
    log = MarkLog(str(tmp_path), Storage())
    for number in range(900):
        log.append([mark(number)])
    files = sorted((tmp_path / "marks").iterdir())
    assert 2 <= len(files) <= 4
    assert all(each.stat().st_size < FILE_BYTES + 1000 for each in files)
    reader = MarkLog(str(tmp_path), Storage())
    assert len(reader.refresh()) == 900


def test_what_could_not_be_stored_is_not_in_the_log_and_can_be_sent_again(tmp_path):
    log = MarkLog(str(tmp_path / "out"), Storage())
    log.append([mark(1)])
    folder = tmp_path / "out" / "marks"
    held = folder.rename(tmp_path / "held")
    folder.write_text("a file in its place")
    with pytest.raises(WriteError):
        log.append([mark(2)])
    assert list(log.entries) == ["id-000001"]
    folder.unlink()
    held.rename(folder)
    log.append([mark(2)])
    reader = MarkLog(str(tmp_path / "out"), Storage())
    assert [each["id"] for each in reader.refresh()] == ["id-000001", "id-000002"]


def test_a_line_that_is_no_mark_is_named(tmp_path):
    (tmp_path / "marks").mkdir()
    (tmp_path / "marks" / "by-hand.jsonl").write_text('{"at": 1, "applied": []}\n{"at": 2}\n')
    with pytest.raises(RequestError, match=r"by-hand\.jsonl: line 2 is no mark"):
        MarkLog(str(tmp_path), Storage()).refresh()


def test_names_may_hold_what_python_takes_for_the_end_of_a_line(tmp_path):
    source = "/in/a\u2028b\x85c.jpg"
    MarkLog(str(tmp_path), Storage()).append([mark(1, source)])
    [found] = MarkLog(str(tmp_path), Storage()).refresh()
    assert found["source"] == source


def test_lines_of_a_later_release_with_more_in_them_are_read(tmp_path):
    (tmp_path / "marks").mkdir()
    line = json.dumps({**mark(1), "at": 1.0, "mood": "good"})
    (tmp_path / "marks" / "w.0000.jsonl").write_text(line + "\n")
    log = MarkLog(str(tmp_path), Storage())
    [found] = log.refresh()
    assert found["mood"] == "good" and log.refresh() == []


FIELDS = (
    ("good", True),
    ("focal", [0.25, 0.5]),
    ("focal", [0.75, 0.5]),
    ("rejected/1x1", True),
    ("rejected/16x9", True),
    ("box/1x1", [0.0, 0.0, 10.0, 10.0]),
    ("keep/1,2,30,40", True),
    ("keep/5,6,70,80", True),
)


def test_changes_of_different_fields_are_kept_whoever_came_first():
    chance = random.Random(3)
    for _ in range(300):
        chosen = dict(chance.sample(FIELDS, 4))
        orders = list(itertools.permutations(chosen.items()))
        said = set()
        for order in chance.sample(orders, 4):
            marks = {}
            for field, value in order:
                marks = changed(marks, {field: value})
            said.add(str(Correction.of(statements_of(marks)).focal))
            found = {each["kind"] for each in statements_of(marks)}
            assert found == {field.partition("/")[0] for field in chosen}
        assert len(said) == 1


def test_what_is_taken_back_says_nothing_any_more():
    marks = {}
    for field, value in FIELDS:
        marks = changed(marks, {field: value})
    assert marks_of(statements_of(marks), ["1x1", "16x9"]) == marks
    for field, _ in FIELDS:
        marks = changed(marks, {field: None})
    assert marks == {} and statements_of(marks) == []


def test_pending_marks_start_from_what_is_applied_and_leave_other_sources_alone():
    before = {"/in/a.jpg": statements_of({"focal": [0.1, 0.2], "keep": [[1.0, 2.0, 30.0, 40.0]]})}
    moved = {"/in/a.jpg": [mark(1, set={"focal": [0.5, 0.5]}), mark(2, set={"rejected/1x1": True})]}
    found = corrections_of(moved, before, ["1x1"]).statements["/in/a.jpg"]
    assert [each["kind"] for each in found] == ["rejected", "focal", "keep"]
    # Nothing is said any more of a source: that takes back what was applied.
    blank = {"/in/a.jpg": [mark(1, set={"focal": None, "keep/1,2,30,40": None})]}
    found = corrections_of(blank, before, ["1x1"]).statements["/in/a.jpg"]
    assert [each["kind"] for each in found] == ["good"]
    # Marks that end where they began change nothing.
    same = {"/in/a.jpg": [mark(1, set={"focal": [0.5, 0.5]}), mark(2, set={"focal": [0.1, 0.2]})]}
    assert corrections_of(same, before, ["1x1"]).statements == {}


def test_marks_are_pending_until_a_run_has_taken_them(tmp_path):
    output = str(tmp_path / "out")
    manifest = write_output(output, [row(output, "/in/a.jpg"), row(output, "/in/b.jpg")])
    log = MarkLog(output, Storage())
    log.append([mark(1), mark(2, "/in/gone.jpg")])
    pending = PendingMarks.read(manifest, ["1x1", "16x9"])
    known = pending.of_known([manifest.table(["source_uri"])])
    assert set(known.corrections.statements) == {"/in/a.jpg"} and known.ids == {
        "/in/a.jpg": ["id-000001"]
    }
    say(manifest, ("/in/a.jpg", "good"))
    known.settle()
    again = PendingMarks.read(Manifest(output, Storage()), ["1x1", "16x9"])
    assert set(again.ids) == {"/in/gone.jpg"}

"""Presets on a real cluster: rows, updates that equal a fresh job, pruning, resuming."""

from __future__ import annotations

from pathlib import Path

import pytest

import deepcrop
from deepcrop.engine import committer
from deepcrop.errors import JobIncomplete
from deepcrop.manifest.verify import audit
from deepcrop.report.page import build
from tests.engine.test_driver import job, rows
from tests.engine.test_updates import files, small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("cluster")

CARD = {"aspect": "4:5", "widths": [16, 32], "formats": ["webp", "jpeg"], "max_bytes": "2k"}
BANNER = {"aspect": "3:1", "widths": [40], "fit": {"width<93": "pad", "width<96": "skip"}}


def preset_job(photos: Path, out: Path, **outputs):
    return job(photos, out, aspects=["1:1"], sizes=[], outputs=outputs)


def test_a_width_a_format_and_a_preset_more_make_those_alone(small, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    first = deepcrop.run(preset_job(small, out, card=CARD))
    assert (first.ok, first.variants, audit(str(out)).clean) == (10, 50, True)
    before = files(out)
    assert "variants/card/16w/3.webp" in before and "variants/1x1/3.jpg" in before
    assert all(len(data) <= 2000 for name, data in before.items() if "/card/" in name)
    times = {path: path.stat().st_mtime_ns for path in (out / "variants").rglob("*.*")}
    more = CARD | {"widths": [16, 24, 32], "formats": ["avif", "webp", "jpeg"]}
    wanted = preset_job(small, out, card=more, banner=BANNER)
    result = deepcrop.run(wanted)
    added = result.changes.work["added"]
    assert (added.sources, added.passes) == (10, 10)  # the method had not seen 3:1
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    fresh = preset_job(small, tmp_path / "fresh", card=more, banner=BANNER)
    deepcrop.run(fresh)
    assert files(out) == files(tmp_path / "fresh") and audit(str(out)).clean
    fits = {
        each["fit"] for row in rows(out) for each in row["variants"] if each["preset"] == "banner"
    }
    assert fits == {"crop", "pad"}
    left = [row for row in rows(out) if "left-out" in row["flags"]]
    assert left and all(len(row["variants"]) == 10 for row in left)
    # The page shows one file of each ratio, and what was decided.
    page = Path(build(str(out))).read_text()
    assert all(f'"name": "{flag}"' in page for flag in ("padded", "left-out"))
    # Nothing is left to do, and what is asked for no more stays until it is pruned.
    assert deepcrop.run(wanted).resumed == 10
    fewer = preset_job(small, out, card=CARD)
    assert deepcrop.run(fewer).changes.unrequested > 50
    assert deepcrop.run(fewer, prune=True).pruned.variants > 50
    assert files(out) == before and audit(str(out)).clean
    # Another width of a padded banner needs no look: its box is recorded.
    again = deepcrop.run(preset_job(small, out, banner=BANNER | {"widths": [40, 50]}), prune=True)
    assert again.ok == 10 and audit(str(out)).clean


def test_an_interrupted_job_goes_on_and_leaves_no_orphans(small, tmp_path, monkeypatch):  # noqa: F811
    out = tmp_path / "out"
    wanted = preset_job(small, out, card=CARD, banner=BANNER).model_copy(update={"batch_size": 2})

    def stop(self, rows):
        if self.rows:
            raise JobIncomplete("stopped by the test")
        self.uncommitted.append(rows)
        self.commit()

    with monkeypatch.context() as patched:
        patched.setattr(committer.Committer, "add", stop)
        with pytest.raises(JobIncomplete):
            deepcrop.run(wanted)
    done = len(rows(out))
    assert 0 < done < 10
    other = preset_job(small, out, card=CARD | {"widths": [16]})
    assert deepcrop.run(other, prune=True).resumed <= done
    assert audit(str(out)).clean
    deepcrop.run(preset_job(small, tmp_path / "fresh", card=CARD | {"widths": [16]}))
    assert files(out) == files(tmp_path / "fresh")

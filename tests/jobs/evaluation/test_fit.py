"""What rules for photos that don't fit decide, on a photo with a head."""

from __future__ import annotations

from PIL import Image
from skimage import data

from jobs.evaluation import fit


def test_what_is_decided_is_counted_and_drawn(tmp_path):
    Image.fromarray(data.astronaut()).save(tmp_path / "person.png")
    Image.fromarray(data.coffee()).save(tmp_path / "cup.png")
    (tmp_path / "none.png").write_bytes(b"no photo")
    job = fit.job_of("saliency", {"kept<0.5": "blur", "score<0.001": "skip"})
    sheet = tmp_path / "sheet.png"
    tally = fit.evaluate(sorted(tmp_path.glob("*.png")), job, 5, sheet, 2)
    assert tally.photos == 1  # the one with a head
    assert {name: dict(each) for name, each in tally.actions.items()} == {
        "square": {"crop": 1},
        "story": {"crop": 1},
        "banner": {"blur": 1},
    }
    assert tally.reasons["banner"] == {"kept<0.5": 1}
    with Image.open(sheet) as drawn:
        assert drawn.height > 200
    assert "1 photos" in str(fit.table(tally).title)

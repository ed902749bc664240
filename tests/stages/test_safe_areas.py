"""Safe areas of a job: read and checked, part of the recipes, followed by every method."""

from __future__ import annotations

import pytest

from deepcrop.errors import RequestError
from deepcrop.geometry import Box, Size
from deepcrop.job import Job
from deepcrop.manifest.reuse import reusable
from deepcrop.methods.base import Crop
from deepcrop.recipes import Recipes
from deepcrop.sources.corrections import Correction
from deepcrop.stages.infer import adjusted_crops
from tests.report.synthetic import row

SAFE = {"16:9": [0, 0, 1, 0.8]}


def job(**fields) -> Job:
    values = {"input": "in", "output": "out", "method": "center", "aspects": ["1:1", "16:9"]}
    return Job.parse(values | fields)


@pytest.mark.parametrize(
    ("safe", "words"),
    [
        ({"16:9": [0, 0, 1]}, "expected [x0, y0, x1, y1]"),
        ({"16:9": [0, 0.9, 1, 0.8]}, "safe area"),
        ({"16:9": [0, 0, 1, 80]}, "shares of the crop"),
        ({"16:9": ["a", 0, 1, 1]}, "expected [x0, y0, x1, y1]"),
        ({"4:5": [0, 0, 1, 0.8]}, "the job has no such ratio; it has: 16:9, 1:1"),
        ({969: [0, 0, 1, 0.8]}, "in quotes"),
        ([0, 0, 1, 0.8], "expected a mapping"),
    ],
)
def test_what_is_no_safe_area_is_refused_in_one_line(safe, words):
    with pytest.raises(RequestError) as error:
        job(safe=safe)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_safe_area_counts_for_its_ratio_and_sizes_of_it_and_survives_a_file(tmp_path):
    made = job(safe={"32:18": [0, 0, 1, 0.8]}, sizes=["320x180", "100x100"])
    assert [request.safe.y1 for request in made.requests] == [1, 0.8, 0.8, 1]
    (tmp_path / "job.yaml").write_text(made.to_yaml())
    assert Job.read(tmp_path / "job.yaml") == made


def test_it_changes_the_recipe_of_its_ratio_alone_and_jobs_without_one_stay_what_they_were():
    plain, safe = Recipes(job()).plain(), Recipes(job(safe=SAFE)).plain()
    assert plain.boxes[0] == safe.boxes[0] and plain.entries[0] == safe.entries[0]
    assert plain.boxes[1] != safe.boxes[1] and plain.entries[1] != safe.entries[1]
    assert plain.renderings == safe.renderings and plain.row == safe.row
    assert "safe" not in job().settings() and "safe" in job(safe=SAFE).settings()
    assert job().fingerprint != job(safe=SAFE).fingerprint
    previous = row("out", "/in/a.jpg")
    fields = {"analysis_recipe": plain.row, "rendering_recipes": list(plain.entries)}
    previous |= fields | {"note_parts": [], "spare_boxes": []}
    for at, variant in enumerate(previous["variants"]):
        variant |= {"source_sha256": previous["sha256"], "preference": None}
        variant |= {
            "analysis_recipe": plain.boxes[at],
            "rendering_recipe": plain.renderings[at],
        }
    reuse = reusable(previous, previous["sha256"], safe, job(safe=SAFE).requests)
    assert list(reuse.kept) == [0] and reuse.unknown == (1,)


def test_crops_of_a_method_that_knows_no_safe_areas_are_shifted_into_them():
    size, requests = Size(400, 300), job(safe=SAFE).requests
    crops = [
        Crop(Box(50, 0, 350, 300), 0.5, (0.5, 0.4)),
        Crop(Box(0, 10, 400, 235), 0.5, (0.5, 0.4)),
    ]
    square, wide = adjusted_crops(crops, requests, size, Correction(), False)
    assert square.box == crops[0].box
    part = requests[1].safe.of(wide.box)
    assert (part.y0 + part.y1) / 2 == pytest.approx((10 + 235) / 2, abs=1)
    assert wide.box.size == crops[1].box.size
    assert adjusted_crops(crops, requests, size, Correction(), True)[1].box == crops[1].box
    # A focal point of a person goes to the middle of the safe area.
    stated = Correction(focal=(0.5, 0.4))
    moved = adjusted_crops(crops, requests, size, stated, True)[1]
    part = requests[1].safe.of(moved.box)
    assert (part.y0 + part.y1) / 2 == pytest.approx(120, abs=1)

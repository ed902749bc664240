"""What every method must do, ours and others': alone, in a batch, in a command and in a job.

The cluster has a GPU in name only, so the layout of GPUs runs where there is none: the network is
in an actor of its own, on the CPU.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from PIL import Image
from skimage import data

import deepcrop
from deepcrop import Size
from deepcrop.cli import app
from deepcrop.job import Job
from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verify import audit
from deepcrop.methods import registry
from deepcrop.storage import Storage
from tests.conformance.installed import OWN, recorded, recording

pytestmark = pytest.mark.timeout(600)

DESCRIPTION = 0x010E
"""EXIF's tag of a picture's title."""
EDGES = ("x0", "y0", "x1", "y1")
ASPECTS = ["1:1", "16:9"]
SIZES = {
    "crop": (Size(2600, 1700), Size(300, 200), Size(200, 330), Size(1500, 420), Size(300, 200)),
    "retarget": (Size(120, 80), Size(72, 110), Size(150, 64), Size(120, 80)),
}
"""Of the sources: some larger than twice any analysis size, two of one size."""


@dataclass(frozen=True)
class Case:
    """A method and what of it is tested."""

    name: str
    weights: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fewer steps than the method's own, where those take minutes."""

    def __str__(self) -> str:
        return self.weights or self.name


QUICK = [Case("center"), Case("saliency"), Case("mars"), Case(OWN, options={"levels": 1.0})]
SLOW = [
    Case("cagic", options={"shrink": 0.7, "restarts": 2, "steps": 1}),
    Case("dnr", options={"working": 96}),
    Case("dnr-paper", options={"working": 64, "iterations": 2, "refinement": 1}),
    Case("deepir", options={"working": 64, "deconvolution": 2, "search": 1}),
]
CASES = [
    *(pytest.param(each, id=str(each)) for each in QUICK),
    *(pytest.param(each, id=str(each), marks=pytest.mark.slow) for each in SLOW),
]
# A real job takes ten seconds; one crop method with a network is enough by default.
JOB_CASES = [
    pytest.param(each, id=str(each), marks=pytest.mark.slow if each.name == "mars" else ())
    for each in QUICK
] + CASES[len(QUICK) :]


def photos(kind: str) -> list[Image.Image]:
    """Photos of the sizes of :data:`SIZES`, each another."""
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.chelsea()]
    found = [
        Image.fromarray(picture).resize((size.width, size.height), Image.Resampling.BICUBIC)
        for picture, size in zip(pictures, SIZES[kind], strict=False)
    ]
    found[-1] = found[-1].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return found


def test_every_method_of_ours_is_tested():
    assert {case.name for case in [*QUICK, *SLOW]} == {*registry.BUILT_IN, OWN}


@pytest.fixture(autouse=True)
def _one_thread():
    """Compute as an actor does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("case", CASES)
def test_each_image_gets_the_result_that_it_would_have_alone(case, package_of_others):
    method = registry.load(case.name, device="cpu", weights=case.weights, **case.options)
    images = photos(method.kind)
    if method.kind == "retarget":
        wanted = [[Size(size.height, size.height)] for size in SIZES["retarget"]]

        def answer(chosen):
            return [
                row[0].numpy().tobytes()
                for row in method.retarget([images[i] for i in chosen], [wanted[i] for i in chosen])
            ]
    else:
        looks = [image.copy() for image in images]
        for look in looks:
            look.thumbnail((method.analysis, method.analysis))

        def answer(chosen):
            return method.boxes(
                [looks[i] for i in chosen], ASPECTS, sizes=[Size(*images[i].size) for i in chosen]
            )

    everything = range(len(images))
    together = answer(everything)
    # So the order can be seen; to the method center two of one size are the same.
    assert len({repr(each) for each in together}) >= len(images) - 1
    assert answer(everything) == together
    assert boxes_of(answer([*reversed(everything)])) == boxes_of(together[::-1])
    for index in everything:
        assert boxes_of(answer([index])) == boxes_of([together[index]])


@pytest.mark.parametrize("case", CASES)
def test_a_ratio_or_size_gets_the_result_that_it_would_have_alone(case, package_of_others):
    """So one that is asked for later is that of a job that asks for it from the beginning."""
    method = registry.load(case.name, device="cpu", weights=case.weights, **case.options)
    image = photos(method.kind)[1]
    if method.kind == "retarget":
        sizes = [Size(60, 80), Size(50, 110)]
        [together] = method.retarget([image], [sizes])
        for size, pixels in zip(sizes, together, strict=True):
            assert torch.equal(method.retarget([image], [[size]])[0][0], pixels)
        return
    [together] = method.boxes([image], [*ASPECTS, "4:5"])
    for ratio, crop in zip([*ASPECTS, "4:5"], together, strict=True):
        [[alone]] = method.boxes([image], [ratio])
        assert (alone.box, alone.flags, alone.focal) == (crop.box, crop.flags, crop.focal)
        assert alone.score == pytest.approx(crop.score, abs=1e-5)


def boxes_of(answers: list) -> list:
    """Return what must be equal to the last digit; a score's last may differ with the company."""
    if isinstance(answers[0], bytes):
        return answers
    return [[(crop.box, crop.flags) for crop in crops] for crops in answers]


@dataclass
class Sources:
    """Photos in a folder, and a job on them."""

    case: Case
    folder: Path

    def __post_init__(self) -> None:
        self.kind = registry.find(self.case.name).kind
        self.given = self.folder / "in"
        self.given.mkdir()
        for number, photo in enumerate(photos(self.kind)):
            exif = Image.Exif()
            exif[DESCRIPTION] = f"photo {number}"
            name = f"{number}.{'png' if number % 2 else 'jpg'}"
            photo.save(self.given / name, quality=90, exif=exif)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a job that decide its results."""
        small = {"max_size": 100} if self.kind == "crop" else {"format": "png"}
        small["keep_metadata"] = True
        return {
            "aspects": ASPECTS,
            "weights": self.case.weights,
            "options": dict(self.case.options),
            **small,
        }

    def job(self, **fields: Any) -> Job:
        """Return the job, with a method that records what it is shown."""
        place = {"input": str(self.given), "output": str(self.folder / "out")}
        return Job.parse(
            {**self.fields, **place, "method": recording(self.case.name), "batch_size": 3, **fields}
        )

    def rows(self) -> list[dict]:
        """The manifest's rows by their sources, without times.

        Scores are rounded: products of few rows take other kernels on some processors, so the last
        digits of what was asked in a batch and alone differ.
        """
        manifest = Manifest(str(self.folder / "out"), Storage())
        manifest.load_parts()
        table = manifest.table()
        times = [name for name in table.column_names if name.endswith("_ms")]
        rows = table.drop_columns(times).to_pylist()
        for variant in (each for row in rows for each in row["variants"]):
            if variant["score"] is not None:
                variant["score"] = round(variant["score"], 5)
        return sorted(rows, key=lambda each: each["source_uri"])

    def expected(self, capsys) -> list[Any]:
        """Return what the command ``deepcrop crop`` answers: boxes, or the pixels that it made."""
        case, names = self.case, sorted(str(each) for each in self.given.iterdir())
        words = ["crop", *names, "--method", case.name, "--device", "cpu"]
        words += [word for aspect in ASPECTS for word in ("--aspect", aspect)]
        words += ["--weights", case.weights] if case.weights else []
        words += [word for each in case.options.items() for word in ("-o", "{}={}".format(*each))]
        if self.kind == "retarget":
            words += ["--output", str(self.folder / "crop"), "--format", "png"]
            assert app.exit_status(words) == 0
            made = sorted((self.folder / "crop").iterdir(), key=lambda each: each.name)
            return [numpy.asarray(Image.open(each)) for each in made]
        assert app.exit_status([*words, "--max-size", "100", "--json"]) == 0
        lines = capsys.readouterr().out.splitlines()
        return [[each["box"] for each in json.loads(line)["crops"]] for line in lines]

    def found(self) -> list[Any]:
        """Return the same of the job."""
        rows = self.rows()
        assert [row["status"] for row in rows] == ["ok"] * len(rows)
        if self.kind == "crop":
            return [[[v[edge] for edge in EDGES] for v in row["variants"]] for row in rows]
        made = [v for row in rows for v in sorted(row["variants"], key=lambda v: v["aspect"])]
        for number, variant in enumerate(made):
            with Image.open(variant["variant_uri"]) as stored:
                assert stored.getexif()[DESCRIPTION] == f"photo {number // len(ASPECTS)}"
        return [numpy.asarray(Image.open(v["variant_uri"])) for v in made]

    def check_looks(self, calls: list[dict], count: int) -> None:
        """Check that the network was shown so many images, each at the size that it declares."""
        shown = [tuple(size) for call in calls for size in call["sizes"]]
        assert len(shown) == count
        analysis = registry.analysis_of(
            self.case.name, weights=self.case.weights, options=self.case.options
        )
        fit = [size.fit(analysis or 10**6) for size in SIZES[self.kind]]
        assert set(shown) <= {(size.width, size.height) for size in fit}
        if count == len(fit):
            assert sorted(shown) == sorted((size.width, size.height) for size in fit)


def same(one: list, other: list) -> bool:
    return len(one) == len(other) and all(map(numpy.array_equal, one, other))


@pytest.mark.parametrize("case", JOB_CASES)
def test_a_job_does_as_the_command_in_both_layouts_and_resumes(
    case, tmp_path, package_of_others, cluster, capsys, monkeypatch
):
    # As a job's actors have it: cagic's descent turns on the last digits of sums, which another
    # number of threads adds up in another order.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    sources = Sources(case, tmp_path)
    count = len(SIZES[sources.kind])
    expected = sources.expected(capsys)

    before = len(recorded(package_of_others, case.name))
    job = sources.job(gpus=1)
    assert deepcrop.run(job).ok == count
    apart = recorded(package_of_others, case.name)[before:]
    assert same(sources.found(), expected)
    sources.check_looks(apart, count)
    assert max(len(call["sizes"]) for call in apart) > 1  # a batch
    whole = sources.rows()

    # Some rows are lost; the job goes on where there is no GPU, and ends the same.
    manifest = Manifest(job.output, Storage())
    manifest.open()
    manifest.write_record(manifest.read_record() | {"status": "running"})
    lost = pa.array([row["source_uri"] for row in whole[::2]])
    for number in manifest.parts:
        rows = manifest.read(number)
        manifest.write(number, rows.filter(pc.invert(pc.is_in(rows["source_uri"], value_set=lost))))
    for uri in (v["variant_uri"] for row in whole[::2] for v in row["variants"]):
        Path(uri).unlink()
    before = len(recorded(package_of_others, case.name))
    result = deepcrop.run(sources.job(gpus=0))
    assert (result.ok, result.resumed) == (count, count // 2)
    sources.check_looks(recorded(package_of_others, case.name)[before:], (count + 1) // 2)
    for again, row in zip(sources.rows(), whole, strict=True):
        assert {name: value for name, value in again.items() if value != row[name]} == {}
    assert same(sources.found(), expected)
    assert audit(job.output).clean
    shutil.rmtree(tmp_path / "out")


def test_the_command_lists_methods_of_others(package_of_others, capsys):
    assert app.exit_status(["methods", "--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert listed[OWN] == {
        "name": OWN,
        "kind": "crop",
        "weights": None,
        "summary": "the window at the brighter end",
        "score_meaning": "how good the method finds the crop, 0 (worst) to 1",
    }
    assert deepcrop.load(OWN).analysis == 48

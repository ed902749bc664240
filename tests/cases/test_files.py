"""What a release got wrong, and what it gives now: ``pytest -m slow tests/cases``.

The table that it prints has a line a file: what the release at 81923b9 gave, what this tree gives,
and what is right. With DEEPCROP_BEFORE, the folder of a checkout of that release, the middle column
is measured too; without, it is what was measured when the table was made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from rich.console import Console
from rich.table import Table

from tests.cases.command import ROOT, deepcrop

SHARED = Path(os.environ.get("DEEPCROP_SHARED", ROOT.parent / "shared"))
CASES = SHARED / "cases"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not CASES.is_dir(), reason=f"no folder {CASES} (DEEPCROP_SHARED)"),
]

Pixels = np.ndarray


@dataclass(frozen=True)
class Answer:
    """What ``deepcrop crop`` made of one file: its square, or its one line of complaint."""

    pixels: Pixels | None
    complaint: str
    note: str = ""
    """What the command says of a photo that it cropped."""

    def at(self, share: float) -> tuple[int, ...]:
        """Return the pixel in the middle of the height, at a share of the width."""
        assert self.pixels is not None, self.complaint
        height, width = self.pixels.shape[:2]
        return tuple(int(each) for each in self.pixels[height // 2, int(width * share)])

    def __str__(self) -> str:
        """Show the pixels at a quarter and three quarters, or the class of the error."""
        if self.pixels is None:
            return self.complaint
        left, right = (self.at(share) for share in (0.25, 0.75))
        return f"{left} {right}"


def crop(name: str, folder: Path, tree: Path) -> Answer:
    """Crop a case with the deepcrop of a tree, as a user would."""
    arguments = ("-m", "center", "-a", "1:1", "--format", "png", "--output", str(folder))
    done = deepcrop(folder, "crop", str(CASES / name), *arguments, tree=tree)
    made = folder / f"{Path(name).stem}-1x1.png"
    if done.returncode or not made.exists():
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Answer(None, last.rpartition(f"{name}: ")[2][:60])
    with Image.open(made) as image:
        return Answer(np.array(image), "", done.stderr)


Check = Callable[[Answer], bool]


def near(left: tuple[int, ...], right: tuple[int, ...], levels: int = 3) -> Check:
    """Both pixels are within so many levels."""

    def check(answer: Answer) -> bool:
        found = np.array([answer.at(0.25)[: len(left)], answer.at(0.75)[: len(right)]])
        return bool(np.abs(found - np.array([left, right])).max() <= levels)

    return check


def grey(left: int, right: int) -> Check:
    """Both pixels are grey, within a level."""
    return near((left,) * 3, (right,) * 3, 1)


def alphas(left: int, right: int) -> Check:
    """The alpha of both pixels is exactly this; no fourth channel is opaque."""

    def check(answer: Answer) -> bool:
        found = [(*answer.at(share), 255)[3] for share in (0.25, 0.75)]
        return found == [left, right]

    return check


def like(name: str, levels: int = 1, channels: int = 3) -> Check:
    """The picture is that of another case."""

    def check(answer: Answer) -> bool:
        other = crop_now(name).pixels
        assert answer.pixels is not None and other is not None
        difference = answer.pixels[..., :channels].astype(int) - other[..., :channels]
        return bool(np.abs(difference).max() <= levels)

    return check


def brightest(least: int) -> Check:
    """Its white is white."""
    return lambda answer: answer.pixels is not None and answer.pixels.max() >= least


def told(word: str) -> Check:
    """The command says so."""
    return lambda answer: word in answer.note


_folder: list[Path] = []


@cache
def crop_now(name: str) -> Answer:
    """Crop a case with this tree."""
    folder = _folder[0] / "now" / name
    folder.mkdir(parents=True)
    return crop(name, folder, ROOT)


GREY = grey(225, 35)
P3 = near((217, 42, 52), (0, 163, 69))

FILES: dict[str, tuple[str, str, Check]] = {
    # name: what the release gave, what is right, how that is checked
    "tiff-rgb16-planar.tif": (
        "(200, 60, 30) (200, 60, 30)",
        "(200, 60, 30) (20, 90, 180)",
        near((200, 60, 30), (20, 90, 180)),
    ),
    "tiff-planar16-lzw.tif": (
        "right",
        "(216, 95, 56) (203, 199, 202)",
        near((216, 95, 56), (203, 199, 202)),
    ),
    "tiff-planar16-none.tif": ("striped", "the picture of -lzw", like("tiff-planar16-lzw.tif")),
    "tiff-planar16-tiled.tif": ("striped", "the picture of -lzw", like("tiff-planar16-lzw.tif")),
    "tiff-planar16-rgba.tif": ("striped", "the picture of -lzw", like("tiff-planar16-lzw.tif")),
    "tiff-miniswhite16.tif": ("(30, 30, 30) (220, 220, 220)", "225, 35", GREY),
    "tiff-miniswhite16-lzw.tif": ("(30, 30, 30) (220, 220, 220)", "225, 35", GREY),
    "tiff-miniswhite-f32.tif": ("(30, 30, 30) (220, 220, 220)", "225, 35", GREY),
    "tiff-miniswhite16-be.tif": ("Corrupt", "225, 35", GREY),
    "tiff-miniswhite32.tif": ("Corrupt", "225, 35", GREY),
    "tiff-cmyka.tif": (
        "Corrupt",
        "(235, 51, 51) (46, 173, 215)",
        near((235, 51, 51), (46, 173, 215)),
    ),
    "tiff-la16.tif": (
        "Corrupt",
        "(100, 100, 100, 128) (200, 200, 200, 255)",
        near((100, 100, 100, 128), (200, 200, 200, 255)),
    ),
    "tiff-rgbf32.tif": (
        "Corrupt",
        "(200, 60, 30) (20, 90, 180)",
        near((200, 60, 30), (20, 90, 180)),
    ),
    "jpg-12bit.jpg": (
        "Corrupt",
        "(69, 21, 164) (215, 255, 215)",
        near((69, 21, 164), (215, 255, 215)),
    ),
    "jpg-ls.jpg": (
        "Corrupt",
        "(30, 30, 220) (240, 240, 240)",
        near((30, 30, 220), (240, 240, 240)),
    ),
    "png-grey16-trns.png": ("opaque", "alpha 0, 255", alphas(0, 255)),
    "png-grey16-trns-low.png": ("opaque", "alpha 0, 255", alphas(0, 255)),
    "png-grey2-trns.png": ("opaque", "alpha 0, 255", alphas(0, 255)),
    "png-rgb16-trns.png": ("right", "alpha 0, 255", alphas(0, 255)),
    "avif-p3-nclx.avif": ("(200, 60, 60) (61, 160, 80)", "(217, 42, 52) (0, 163, 69)", P3),
    "png-cicp-p3.png": ("(200, 60, 60)", "(217, 42, 52)", near((217, 42, 52), (217, 42, 52))),
    "avif-photo-pq.avif": ("white at 155", "white near 255", brightest(247)),
    "avif-pq.avif": ("(200, 60, 59) (60, 161, 80)", "tone-mapped", told("tone-mapped")),
    "avif-hlg.avif": ("(200, 60, 59) (60, 161, 80)", "tone-mapped", told("tone-mapped")),
    "avif-linear.avif": (
        "(200, 60, 60) (61, 160, 80)",
        "(229, 133, 133) (134, 208, 152)",
        near((229, 133, 133), (134, 208, 152)),
    ),
    "avif-photo-p3.avif": (
        "(211, 108, 73) (190, 185, 181)",
        "(226, 101, 62) (191, 185, 180)",
        near((226, 101, 62), (191, 185, 180)),
    ),
    "jpg-dcf-adobergb.jpg": (
        "(200, 60, 59) (61, 160, 80)",
        "(232, 57, 57) (0, 161, 73)",
        near((232, 57, 57), (0, 161, 73)),
    ),
    "png-gama1.png": ("(128, 128, 128)", "188", grey(188, 188)),
    "gif-offset.gif": ("(255, 0, 0)", "alpha 0 where the frame is not", alphas(0, 255)),
    "webp-anim.webp": ("(0, 0, 0)", "alpha 0 where the frame is not", alphas(0, 255)),
}


def test_every_file_is_read_right_or_refused_for_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _folder[:] = [tmp_path]
    before = os.environ.get("DEEPCROP_BEFORE")
    table = Table("file", "81923b9", "now", "right", "", box=None)
    wrong = []
    for name, (was, right, check) in FILES.items():
        if before:
            folder = tmp_path / "before" / name
            folder.mkdir(parents=True)
            was = str(crop(name, folder, Path(before)))
        now = crop_now(name)
        try:
            holds = check(now)
        except AssertionError:
            holds = False
        if not holds:
            wrong.append(name)
        table.add_row(name, was, str(now), right, "ok" if holds else "WRONG")
    with capsys.disabled():
        Console(width=200).print(table)
    assert wrong == []


FREE: dict[str, tuple[str, tuple[int, int]]] = {
    # name: a ratio that has room for what stands free on the white ground, and its two ends
    "q-plate-left.jpg": ("4:5", (80, 560)),
    "q-three-right.jpg": ("1:1", (730, 1450)),
    "q-banner-left.jpg": ("1:1", (43, 557)),
}


def test_what_stands_free_on_white_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trees = {"now": ROOT}
    if before := os.environ.get("DEEPCROP_BEFORE"):
        trees["81923b9"] = Path(before)
    table = Table("file", "ratio", "ends", *trees, box=None)
    boxes = {}
    for name, (ratio, ends) in FREE.items():
        for tree, folder in trees.items():
            done = deepcrop(tmp_path, "crop", str(CASES / name), "-a", ratio, "--json", tree=folder)
            x0, _, x1, _ = json.loads(done.stdout)["crops"][0]["box"]
            boxes[name, tree] = x0, x1
        shown = [f"{boxes[name, tree][0]} to {boxes[name, tree][1]}" for tree in trees]
        table.add_row(name, ratio, f"{ends[0]} to {ends[1]}", *shown)
    with capsys.disabled():
        Console(width=200).print(table)
    for name, (_, (left, right)) in FREE.items():
        x0, x1 = boxes[name, "now"]
        assert x0 <= left < right <= x1, name


def test_metadata_of_a_crop_is_true_of_it(tmp_path: Path) -> None:
    arguments = ("-m", "center", "-a", "1:1", "--keep-metadata", "--max-size", "200")
    deepcrop(tmp_path, "crop", str(CASES / "jpg-meta.jpg"), *arguments, "--output", "m")
    with Image.open(tmp_path / "m" / "jpg-meta-1x1.jpg") as image:
        exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
        assert image.size == (200, 200)
        assert (
            exif[ExifTags.Base.ExifImageWidth],
            exif[ExifTags.Base.ExifImageHeight],
        ) == image.size
        assert max(exif[0x9214]) <= 200  # SubjectArea
        assert b"GPano" not in image.info["xmp"]
        assert b"AppliedToDimensions" in image.info["xmp"]

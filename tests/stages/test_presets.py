"""Presets in this process, without Ray: files, rows, ceilings, and photos that don't fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepcrop.errors import RenderError
from deepcrop.image import decode
from deepcrop.job import Job
from deepcrop.stages.local import LocalPipeline
from tests.image.samples import photo

CARD = {"aspect": "4:5", "widths": [40, 80], "formats": ["avif", "webp", "jpeg"]}


def made(folder: Path, pixels=None, outputs=None, idle=0, **fields):
    """Make the presets of a photo; return its row, and its variants by name with their pixels."""
    source = folder / "a.png"
    if pixels is not None or not source.exists():
        Image.fromarray(photo("coffee") if pixels is None else pixels).save(source)
    values = {"input": "-", "output": str(folder / "out"), "method": "center"}
    job = Job.parse(values | {"outputs": outputs or {"card": CARD}} | fields)
    single = LocalPipeline(job)
    single.renderer.side_by_side.idle = lambda: idle
    task = single.process(str(source), "a")
    single.write(task)
    row = task.row("center")
    files = {}
    for each in row["variants"]:
        path = Path(each["variant_uri"])
        data = path.read_bytes()
        picture = decode(data).pixels
        assert (each["bytes"], each["width"], each["height"]) == (len(data), *picture.shape[1::-1])
        files[path.name] = each | {"pixels": picture, "data": data}
    assert len(files) == len(row["variants"])
    return row, files


def test_a_ladder_has_each_width_in_each_format(tmp_path):
    row, files = made(tmp_path, aspects=["1:1"])
    suffixes = (".avif", ".webp", ".jpg")
    assert list(files) == ["a-1x1.jpg"] + [
        f"a-card-{width}w{suffix}" for width in (40, 80) for suffix in suffixes
    ]
    for name, each in files.items():
        if name == "a-1x1.jpg":
            assert each["preset"] is each["density"] is each["quality"] is each["fit"] is None
            continue
        width = int(name[7:9])
        assert each["pixels"].shape == (width * 5 // 4, width, 3)
        told = (each["preset"], each["asked_width"], each["density"], each["fit"], each["aspect"])
        assert told == ("card", width, 1.0, "crop", "4x5")
        assert each["quality"] == {"avif": 65, "webp": 82, "jpeg": 88}[each["format"]]
    assert len({each["rendering_recipe"] for each in row["variants"]}) == 7
    assert b"\xff\xc2" in files["a-card-80w.jpg"]["data"]  # progressive
    assert row["flags"] == []


def test_threads_change_no_byte(tmp_path):
    alone, together = (made(tmp_path, idle=idle, keep_metadata=True)[1] for idle in (0, 3))
    assert list(alone) == list(together)
    assert [each["data"] for each in alone.values()] == [each["data"] for each in together.values()]


def test_a_file_is_the_same_whatever_else_is_asked_for(tmp_path):
    _, ladder = made(tmp_path, outputs={"card": CARD | {"widths": [40, 80, 160, 200]}})
    _, alone = made(tmp_path, outputs={"card": CARD | {"widths": [40], "formats": ["jpeg"]}})
    assert ladder["a-card-40w.jpg"]["data"] == alone["a-card-40w.jpg"]["data"]


@pytest.mark.parametrize("formats", [["avif"], ["webp", "jpeg"], ["jxl"]])
def test_every_file_keeps_to_its_ceiling(tmp_path, formats):
    whole = {"aspect": "3:2", "widths": [150, 300], "formats": formats}
    _, free = made(tmp_path, outputs={"wide": whole})
    ceiling = max(each["bytes"] for each in free.values()) * 3 // 5
    row, files = made(tmp_path, outputs={"wide": whole | {"max_bytes": ceiling}})
    assert all(each["bytes"] <= ceiling for each in files.values()) and row["flags"] == []
    for name, each in files.items():
        assert (each["quality"] < free[name]["quality"]) == (free[name]["bytes"] > ceiling)
    row, files = made(tmp_path, outputs={"wide": whole | {"max_bytes": 50}})
    assert row["flags"] == ["over-max-bytes"]
    assert all(each["flags"] == ["over-max-bytes"] for each in files.values())


def test_densities_and_exact_sizes(tmp_path):
    outputs = {
        "card": CARD | {"widths": [40], "densities": [1, 2.5], "formats": ["jpeg"]},
        "share": {"size": "120x63", "densities": [1, 2], "formats": ["png"]},
    }
    _, files = made(tmp_path, outputs=outputs)
    assert {name: each["pixels"].shape[:2] for name, each in files.items()} == {
        "a-card-40w.jpg": (50, 40),
        "a-card-40w@2.5x.jpg": (125, 100),
        "a-share-120w.png": (63, 120),
        "a-share-120w@2x.png": (126, 240),
    }
    assert [each["density"] for each in files.values()] == [1, 2.5, 1, 2]


SMALL = np.ascontiguousarray(photo("coffee")[:60, :100])
"""A photo whose crop of 4:5 has 48x60 pixels."""


def test_a_photo_that_is_too_small_gives_its_own_pixels(tmp_path):
    row, files = made(tmp_path, SMALL)
    assert {each["pixels"].shape[:2] for each in files.values()} == {(50, 40), (60, 48)}
    assert files["a-card-80w.jpg"]["flags"] == ["smaller-than-asked"]
    assert "not 80 wide: the crop box has 48x60 pixels" in row["note"]
    exact = {"share": {"size": "96x60"}, "wide": {"size": "120x75"}}
    assert list(made(tmp_path, SMALL, exact)[1]) == ["a-share-96w.jpg", "a-wide-120w-smaller.jpg"]


def test_a_photo_that_is_too_small_obeys_the_job(tmp_path):
    _, files = made(tmp_path, SMALL, upscale="allow")
    assert files["a-card-80w.jpg"]["pixels"].shape[:2] == (100, 80)
    assert files["a-card-80w.jpg"]["flags"] == ["enlarged"]
    row, files = made(tmp_path, SMALL, upscale="skip")
    assert {each["asked_width"] for each in files.values()} == {40}
    assert row["flags"] == ["smaller-than-asked"]
    with pytest.raises(RenderError, match="not 80 wide"):
        made(tmp_path, SMALL, upscale="fail")


def test_the_fewest_pixels_are_skipped_or_enlarged(tmp_path):
    row, files = made(tmp_path, SMALL, {"card": CARD | {"min_width": 64}})
    assert files == {} and row["note"] == "no card: 48 pixels wide, fewer than 64"
    preset = CARD | {"min_width": 64, "below_min_width": "enlarge"}
    _, files = made(tmp_path, SMALL, {"card": preset})
    assert {each["pixels"].shape[:2] for each in files.values()} == {(50, 40), (80, 64)}
    assert files["a-card-80w.jpg"]["flags"] == ["enlarged", "smaller-than-asked"]
    assert made(tmp_path, SMALL, {"card": CARD | {"min_width": 48}})[1]


def test_the_first_rule_that_holds_decides_and_is_told(tmp_path):
    rules = {"head-cut": "skip", "score<0.9": "review", "width<48": "pad"}
    row, files = made(tmp_path, SMALL, {"card": CARD | {"fit": rules}})
    assert {each["fit"] for each in files.values()} == {"review"}
    assert {each["fit_reason"] for each in files.values()} == {"score<0.9: 0.48"}
    assert row["flags"] == ["smaller-than-asked", "review"]
    row, files = made(tmp_path, SMALL, {"card": CARD | {"fit": {"width<49": "skip"}}})
    assert files == {} and row["flags"] == ["left-out"]
    assert row["note"] == "no card: width<49: 48"


def ground(colour, size=(60, 100)):
    """A photo of one colour with a square in its middle."""
    pixels = np.full((*size, 3), colour, np.uint8)
    pixels[20:40, 40:60] = (200, 30, 30)
    return pixels


@pytest.mark.parametrize(
    ("background", "bar"), [("edge", (10, 90, 170)), ("#fff", (255, 255, 255))]
)
def test_a_padded_photo_is_whole_between_bars(tmp_path, background, bar):
    preset = {"aspect": "4:5", "widths": [100], "formats": ["png"], "fit": "pad"}
    outputs = {"card": preset | {"background": background}}
    row, files = made(tmp_path, ground((10, 90, 170)), outputs)
    [variant] = files.values()
    pixels = variant["pixels"]
    assert pixels.shape == (125, 100, 3) and variant["x0"] is None is variant["score"]
    assert (pixels[0, 0] == bar).all() and (pixels[-1, -1] == bar).all()
    assert np.array_equal(pixels[32:92], ground((10, 90, 170)))
    assert row["flags"] == variant["flags"] == ["padded"]
    assert (variant["fit"], variant["fit_reason"]) == ("pad", "else")
    assert [each["aspect"] for each in row["spare_boxes"]] == ["4x5"]


def test_each_bar_has_the_colour_of_its_own_edge(tmp_path):
    pixels = np.full((80, 60, 3), 40, np.uint8)
    pixels[:, 30:] = 220
    preset = {"aspect": "2:1", "widths": [160], "formats": ["png"], "fit": "pad"}
    [variant] = made(tmp_path, pixels, {"wide": preset})[1].values()
    assert (variant["pixels"][:, 0] == 40).all() and (variant["pixels"][:, -1] == 220).all()


def test_a_blurred_background_is_the_photo_itself(tmp_path):
    preset = {"aspect": "9:16", "widths": [90], "formats": ["png"], "fit": "blur"}
    [variant] = made(tmp_path, outputs={"story": preset})[1].values()
    top = variant["pixels"][:40].astype(int)
    assert np.abs(np.diff(top, axis=1)).max() <= 12 and top.std() > 2
    middle = variant["pixels"][60:100].astype(int)
    assert np.abs(np.diff(middle, axis=1)).max() > 40


def test_the_whole_photo_may_be_retargeted(tmp_path):
    pixels = np.asarray(Image.fromarray(photo("coffee")).resize((150, 100)))
    preset = {"aspect": "1:1", "widths": [50, 100], "formats": ["png"], "fit": "retarget"}
    row, files = made(tmp_path, pixels, {"square": preset})
    assert [each["pixels"].shape[:2] for each in files.values()] == [(50, 50), (100, 100)]
    large = files["a-square-100w.png"]
    assert row["flags"] == ["retargeted"] and large["x0"] is None
    from deepcrop import retarget

    assert np.array_equal(large["pixels"], np.asarray(retarget(pixels, (100, 100))))


def test_retarget_methods_make_presets_too(tmp_path):
    pixels = np.asarray(Image.fromarray(photo("coffee")).resize((150, 100)))
    preset = {"aspect": "1:1", "widths": [50, 200], "formats": ["png", "jpeg"]}
    _, files = made(tmp_path, pixels, {"square": preset}, method="dnr")
    assert [each["pixels"].shape[0] for each in files.values()] == [50, 50, 100, 100]


def test_transparent_photos_stay_transparent(tmp_path):
    pixels = np.dstack([ground((10, 90, 170)), np.full((60, 100), 255, np.uint8)])
    pixels[:, :50, 3] = 0
    outputs = {"card": CARD | {"widths": [40], "formats": ["png", "jpeg"]}}
    row, files = made(tmp_path, pixels, outputs)
    assert files["a-card-40w.png"]["pixels"].shape[2] == 4
    assert row["flags"] == ["alpha-flattened"]
    _, files = made(tmp_path, pixels, {"card": outputs["card"] | {"fit": "pad"}})
    assert (files["a-card-40w.png"]["pixels"][0, :, 3] == 255).all()

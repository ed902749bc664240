"""Synthetic photos on plain ground, and what windows do to their subjects."""

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from deepcrop.geometry import AspectRatio, Box, Size
from jobs.evaluate import app
from jobs.evaluation.croppers import centre
from jobs.evaluation.white_ground import (
    GROUNDS,
    SHAPES,
    contact_sheet,
    cutout,
    off_centre,
    products,
    sweep,
    sweep_table,
)

SQUARE = [AspectRatio(1, 1)]


def test_the_same_seed_gives_the_same_photos():
    first, again, other = (list(products(6, seed)) for seed in (0, 0, 1))
    assert all((a.photo.image == b.photo.image).all() for a, b in zip(first, again, strict=True))
    assert any(
        a.photo.image.shape != b.photo.image.shape or (a.photo.image != b.photo.image).any()
        for a, b in zip(first, other, strict=True)
    )


def test_all_subjects_and_grounds_occur_and_stand_free():
    photos = list(products(60))
    kinds = {product.kind for product in photos}
    assert {kind.split()[0] for kind in kinds} == set(SHAPES)
    assert {kind.split()[2] for kind in kinds} == set(GROUNDS)
    for product in photos:
        size = product.photo.size
        assert product.photo.image.shape == (3, size.height, size.width)
        assert product.box.inside(size)
        edges = (product.mask[0], product.mask[-1], product.mask[:, 0], product.mask[:, -1])
        assert not any(edge.any() for edge in edges)
        corner = product.photo.image[:, :3, :3].float()
        assert corner.std() < 4


def test_windows_that_cut_are_counted():
    photos = list(products(30))

    def around(photo, aspects):
        [product] = [each for each in photos if each.photo is photo]
        middle = (product.box.x0 + product.box.x1) / 2, (product.box.y0 + product.box.y1) / 2
        place = middle[0] / photo.size.width, middle[1] / photo.size.height
        return [Box.centred(each.largest_window(photo.size), place, photo.size) for each in aspects]

    def corner(photo, aspects):
        windows = [each.largest_window(photo.size) for each in aspects]
        return [Box(0, 0, window.width, window.height) for window in windows]

    found = sweep(photos, {"around": around, "corner": corner, "centre": centre})
    assert found["around"].cut == found["around"].subjects == 0
    assert found["around"].off_centre == 0
    assert found["corner"].subjects > 5
    assert found["corner"].cut >= found["corner"].subjects == len(found["corner"].kinds)
    assert found["corner"].off_centre > 0.05
    assert found["corner"].fitting == found["around"].fitting > 60
    console = Console(record=True, width=120)
    console.print(sweep_table(photos, found))
    assert "30 synthetic photos" in console.export_text()
    assert contact_sheet(photos, columns=10, side=50).size == (500, 150)


def test_off_centre_is_relative_to_where_the_photo_ends():
    size, subject = Size(200, 100), Box(0, 20, 40, 60)
    assert off_centre(Box(0, 0, 100, 100), subject, size) == 0  # the edge forbids more
    assert off_centre(Box(20, 0, 120, 100), subject, size) == 0.2


def test_a_cutout_is_trimmed_to_its_mask_and_cut_ones_are_refused():
    photo = Image.new("RGB", (80, 40), "red")
    mask = np.zeros((20, 40), np.uint8)
    mask[5:15, 10:20] = 255
    found = cutout(photo, mask)
    assert found.size == pytest.approx((20, 20), abs=2)
    assert found.getpixel((10, 10)) == (255, 0, 0, 255)
    mask[:, 0] = 255
    assert cutout(photo, mask) is None
    assert cutout(photo, np.zeros((20, 40), np.uint8)) is None
    [_, second] = products(2, cutouts=[found])
    assert second.kind.startswith("cutout on")


def test_the_command_prints_the_sweep(tmp_path):
    sheet = tmp_path / "sheet.png"
    run = ["white-ground", "--shared", str(tmp_path), "--method", "center", "--no-peers"]
    done = CliRunner().invoke(app, [*run, "--count", "4", "--sheet", str(sheet)])
    assert done.exit_code == 0, done.output
    assert "4 synthetic photos" in done.output
    assert "center cuts:" in done.output
    assert sheet.exists()

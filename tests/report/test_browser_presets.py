"""Presets in the page, in a real browser: a picture for each ratio and for what each rule made."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from deepcrop.report.page import build
from tests.report.browsing import NEEDS_CHROMIUM, drag, exported
from tests.report.synthetic import preset_variant, row, write_output, write_photo

pytestmark = NEEDS_CHROMIUM

OUTPUTS = {
    "tiny": {"aspect": "1:1", "widths": [100, 200], "formats": ["webp", "jpeg"]},
    "card": {"aspect": "1:1", "widths": [150], "fit": "blur"},
    "wide": {"aspect": "16:9", "widths": [160], "fit": {"kept<0.9": "retarget"}},
}
BLUE = (20, 40, 220)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo with a crop of two widths and formats, a blurred whole photo, a retargeted one."""
    folder = tmp_path_factory.mktemp("job")
    path = folder / "in" / "a.jpg"
    made = row(str(folder), str(path), sha256=write_photo(path), method="saliency")
    square, wide = ({**each, "method": "saliency"} for each in made["variants"])
    made["variants"] = [
        *(
            preset_variant(square, "tiny", width, format=each, bytes=1000 * width)
            for width in (100, 200)
            for each in ("webp", "jpeg")
        ),
        preset_variant(square, "card", 150, fit="blur", fit_reason="else", flags=["padded"]),
        preset_variant(wide, "wide", 160, fit="retarget", fit_reason="kept<0.9: 0.84"),
    ]
    made["flags"] = ["padded"]
    for each in made["variants"]:
        file = Path(each["variant_uri"])
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (each["width"], each["height"]), BLUE).save(file, each["format"])
    write_output(folder, [made], method="saliency", aspects=[], outputs=OUTPUTS)
    build(str(folder))
    return folder


def detail(page):
    page.locator(".card .open").click()
    page.wait_for_selector("#detail[open]")
    return page.locator("#variants .variant")


def test_a_card_shows_the_crop_and_what_each_rule_made_by_the_presets_names(page):
    figures = page.locator(".card .strip figure")
    assert [" ".join(text.split()) for text in figures.all_inner_texts()] == [
        "1:1 0.50 tiny", "1:1 card: blurred", "16:9 wide: retargeted by dnr",
    ]  # fmt: skip
    assert page.locator(".strip .preset").nth(2).get_attribute("title") == (
        "wide: retargeted by dnr (kept<0.9: 0.84)"
    )
    page.wait_for_function(
        "document.querySelector('.strip figure:nth-child(2) img')?.naturalWidth === 150"
    )  # the file of the preset card
    assert page.locator(".card .stage .box").count() == 1


def test_the_detail_tells_the_rules_and_links_to_all_files(page, output):
    pictures = detail(page)
    assert pictures.count() == 3
    assert "card: blurred (always)" in pictures.nth(1).inner_text()
    assert "padded" not in pictures.nth(0).inner_text()
    assert pictures.nth(0).locator(".files li").all_inner_texts() == [
        "100w, 100\u00d7100: webp 100 kB · jpeg 100 kB",
        "200w, 200\u00d7200: webp 200 kB · jpeg 200 kB",
    ]
    links = page.locator("#variants .files a").evaluate_all("all => all.map((each) => each.href)")
    wanted = sorted((output / "variants").rglob("*.*"))
    assert sorted(each.removeprefix("file://") for each in links) == list(map(str, wanted))
    assert len(links) == 6


def test_the_slider_names_the_method_that_made_the_pixels(page):
    detail(page)
    label = page.locator("#compare label")
    assert label.count() == 1  # no bars or blur against plain scaling
    assert label.inner_text().split() == ["plain", "scaling", "dnr"]


def test_corrections_stay_those_of_the_ratio(page, tmp_path):
    pictures = detail(page)
    assert page.locator("[aria-label='Reject 1:1']").count() == 1
    assert page.locator("[aria-label='Reject 1:1']").inner_text() == "Reject 1:1"
    page.click("[aria-label='Pick 1:1 card']")
    assert pictures.evaluate_all("all => all.map((each) => each.classList.contains('chosen'))") == [
        True, True, False,
    ]  # fmt: skip
    drag(page, page.locator("#stage .grip"), (0.1, 0.5))
    page.keyboard.press("3")  # no such ratio
    page.keyboard.press("2")  # a ratio whose whole photo is shown has no box to move
    assert page.locator("#stage .grip").count() == 0
    page.keyboard.press("Shift+ArrowLeft")
    exported(page, tmp_path / "corrections.csv")
    [_, line] = (tmp_path / "corrections.csv").read_text().splitlines()
    assert line.split(",")[1:] == ["box", "1x1", "0", "0", "200", "200"]

"""The order of the review list in a real browser: by flags, and by scores of all ratios or one."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepcrop.report.page import build
from tests.report.browsing import NEEDS_CHROMIUM, names
from tests.report.synthetic import row, write_output, write_photo

pytestmark = NEEDS_CHROMIUM

SCORES = {
    "a": (0.52, 0.9),
    "b": (0.5204, 0.52035),
    "c": (0.93, 0.31),
    "d": (0.1, 0.99),
    "e": (0.6, 0.7),
    "f": (1.0, 1.0),
}
"""Scores of 1:1 and 16:9."""
FLAGS = {"c": {"16x9": ["head-cut"]}, "e": {"1x1": ["subject-cut"]}, "f": {"1x1": ["head-cut"]}}
MEANING = "the chance that a person prefers the crop, 0 to 1"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("order")
    rows = []
    for name, (square, wide) in SCORES.items():
        path = folder / "in" / f"{name}.jpg"
        rows.append(
            row(
                str(folder),
                str(path),
                sha256=write_photo(path),
                scores={"1x1": square, "16x9": wide},
                variant_flags=FLAGS.get(name, {}),
            )
        )
    rows.append(row(str(folder), f"{folder}/in/failed.jpg", error=("decode", "Corrupt", "broken")))
    manifest = write_output(folder, rows)
    manifest.write_record(manifest.read_record() | {"score_meaning": MEANING})
    build(str(folder))
    return folder


def shown(page) -> str:
    return " ".join(name.removesuffix(".jpg") for name in names(page))


def choose(page, *, ratio: str | None = None, order: str | None = None) -> None:
    if ratio is not None:
        page.select_option("#filters [name=ratio]", label=ratio)
    if order is not None:
        page.select_option("#filters [name=order]", label=order)


def wait_for(page, order: str, words: str) -> None:
    page.wait_for_function(
        """([order, words]) => document.querySelector("#order").textContent === words
        && [...document.querySelectorAll(".card .path")]
          .map((each) => each.title.replace(".jpg", "")).join(" ") === order""",
        arg=[order, words],
        timeout=10_000,
    )


def test_flagged_sources_come_first_then_the_lowest_score_of_each(page):
    assert shown(page) == "c f e d a b failed"
    assert page.locator("#order").inner_text() == (
        "flagged first, then by the lowest score of each source"
    )


def test_scores_alone_order_by_the_lowest_of_all_ratios(page):
    choose(page, order="lowest score first")
    wait_for(page, "d c a b e f failed", "by the lowest score of each source, lowest first")
    choose(page, order="highest score first")
    wait_for(page, "f e b a c d failed", "by the lowest score of each source, highest first")


def test_a_ratio_orders_by_its_own_scores_and_flags(page):
    choose(page, ratio="16:9")
    wait_for(page, "c b e a d f failed", "flagged first, then by the score of 16:9")
    choose(page, order="lowest score first")
    wait_for(page, "c b e a d f failed", "by the score of 16:9, lowest first")
    choose(page, ratio="1:1")
    wait_for(page, "d a b e c f failed", "by the score of 1:1, lowest first")
    choose(page, order="flagged first")
    wait_for(page, "f e d a b c failed", "flagged first, then by the score of 1:1")
    choose(page, order="by name")
    wait_for(page, "a b c d e f failed", "by name")


def test_the_list_can_be_cut_at_a_score_of_four_digits(page):
    page.fill("#filters [name=high]", "0.5202")
    page.select_option("#filters [name=status]", "0")
    choose(page, order="lowest score first")
    wait_for(page, "d c a", "by the lowest score of each source, lowest first")


def test_the_page_says_what_a_score_means(page):
    assert f"A score is {MEANING}." in page.locator(".lead").inner_text()
    page.locator(".range legend").hover()
    page.wait_for_selector("#tip:popover-open")
    assert page.locator("#tip").inner_text() == f"Score: {MEANING}."
    page.mouse.move(0, 0)
    page.keyboard.press("?")
    assert MEANING in page.locator("#help").inner_text()

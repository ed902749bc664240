"""Focal points as a style sheet: what its rules hold for, in a real browser too."""

from __future__ import annotations

import html
from urllib.parse import quote

import pytest

from deepcrop.exports.css import css_rules, css_string, encodings
from deepcrop.exports.source_paths import SourcePaths
from tests.report.browsing import CHROMIUM

HERE = SourcePaths.parse([], "/in/")
FOCALS = {
    "cat.jpg": (0.1, 0.9),
    "Bobcat.jpg": (0.2, 0.8),
    "2020/cat.jpg": (0.3, 0.7),
    "2020/07/cat.jpg": (0.4, 0.6),
    "a b.jpg": (0.15, 0.5),
    "50%.jpg": (0.25, 0.5),
    "50%25.jpg": (0.35, 0.5),
    "q?x#y.jpg": (0.45, 0.5),
    'it\'s "new".jpg': (0.55, 0.5),
    "back\\slash.jpg": (0.65, 0.5),
    "caf\u00e9 \u732b.jpg": (0.75, 0.5),
    "a+b&c=(d),e;f!.jpg": (0.85, 0.5),
    "line\nbreak.jpg": (0.95, 0.5),
    "</style>.jpg": (0.05, 0.5),
}
FAILED = "1999/cat.jpg"


FOCAL_POINTS = {f"/in/{FAILED}": None} | {f"/in/{name}": each for name, each in FOCALS.items()}


def test_a_rule_with_a_base_holds_for_one_address():
    [rule] = css_rules({"/in/2020/cat.jpg": (0.25, 1 / 3)}, HERE, "https://x.org/p/")
    assert rule == 'img[src="https://x.org/p/2020/cat.jpg"] { object-position: 25% 33.33%; }\n'
    mapped = SourcePaths.parse(["/in/2020=old"], "/in/")
    [rule] = css_rules({"/in/2020/cat.jpg": (0.25, 0.5)}, mapped, "/media")
    assert rule.startswith('img[src="/media/old/cat.jpg"]')


def test_a_rule_without_a_base_holds_for_whole_names_and_longer_paths_come_later():
    rules = list(css_rules(FOCAL_POINTS, HERE))
    assert rules[0] == ('img[src="cat.jpg"], img[src$="/cat.jpg"] { object-position: 10% 90%; }\n')
    places = [rules.index(next(each for each in rules if f'"{name}"' in each)) for name in (
        "cat.jpg", "2020/cat.jpg", "2020/07/cat.jpg",
    )]  # fmt: skip
    assert places == sorted(places)
    # A source without a focal point isn't taken for one of a shorter path.
    [taken_back] = [each for each in rules if FAILED in each]
    assert "50% 50%" in taken_back and rules.index(taken_back) > places[0]
    assert list(css_rules({"/in/a.jpg": None}, HERE)) == []


def test_a_name_is_matched_as_html_may_write_it():
    assert encodings("x/cat.jpg") == ["x/cat.jpg"]
    assert encodings("a b(1).jpg") == ["a b(1).jpg", "a%20b(1).jpg", "a%20b%281%29.jpg"]
    assert encodings("50%.jpg") == ["50%25.jpg"]  # as it is, it would be the address of another
    assert encodings("caf\udce9.jpg") == ["caf%E9.jpg"]


def test_strings_are_escaped_and_ascii():
    assert css_string('a"b\\c\nd\u00e9') == '"a\\"b\\\\c\\a d\\e9 "'


BASES = (None, "/media", "https://cdn.example/a%20b")


@pytest.mark.skipif(CHROMIUM is None, reason="not installed: chromium (.ci/install-chromium)")
@pytest.mark.parametrize("base", BASES)
def test_a_browser_gives_each_image_its_own_focal_point_and_no_other(base):
    playwright = pytest.importorskip("playwright.sync_api")
    sheet = "".join(css_rules(FOCAL_POINTS, HERE, base))
    assert sheet.isascii()
    front = "" if base is None else f"{base}/"
    wanted = {}
    for name, (x, y) in FOCALS.items():
        for encoded in {quote(name), quote(name, safe="/!*'();:@&=+$,~")}:
            wanted[front + encoded] = f"{100 * x:.4g}% {100 * y:.4g}%"
        if name.isprintable() and not set(name) & set("%?#\\"):
            wanted[front + name] = f"{100 * x:.4g}% {100 * y:.4g}%"
    others = ["xcat.jpg", "1999/cat.jpg", "cat.jpg.png", "CAT.jpg", "2020/Bobcat.jpg.jpg"]
    others += ["50%.jpeg", "other/"]
    if base is not None:  # without one, the part before a whole path is anybody's
        others += ["1999/Bobcat.jpg", "x/2020/cat.jpg"]
        others += [f"{front}x/cat.jpg", "cat.jpg", "https://elsewhere.example/media/cat.jpg"]
    else:
        wanted["https://anywhere.example/p/2020/07/cat.jpg"] = "40% 60%"
        wanted["../p/2020/cat.jpg"] = "30% 70%"
        wanted["/x/y/cat.jpg"] = "10% 90%"
    wanted |= dict.fromkeys(others, "50% 50%")
    images = "".join(f'<img src="{html.escape(source)}">\n' for source in wanted)
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page()
        page.route("**/*", lambda route: route.abort())
        # In a file of its own, as a style sheet is: nothing in it ends a <style> element.
        page.set_content(images)
        page.add_style_tag(content=sheet)
        read = """nodes => nodes.map((each) =>
            [each.getAttribute("src"), getComputedStyle(each).objectPosition])"""
        found = dict(page.locator("img").evaluate_all(read))
        chromium.close()
    assert found == wanted

"""The page in a real browser: Chromium where it is installed, driven by Playwright.

A browser's page is opened from a file URL, as people open it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deepcrop.job import Job
from deepcrop.report.page import build
from deepcrop.sources.corrections import Corrections
from tests.report import browsing
from tests.report.browsing import INTERACTIVE, NEEDS_CHROMIUM, drag, names, opened
from tests.report.synthetic import row, write_output, write_photo

pytestmark = NEEDS_CHROMIUM

ERRORS = ("Corrupt", "TooLarge")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job of 60 sources: in two folders, six failed, scores from 0 to 1."""
    folder = tmp_path_factory.mktemp("job")
    rows = []
    for index in range(60):
        path = folder / "in" / ("birds" if index % 2 else "boats") / f"photo {index:02d}.jpg"
        if index % 10 == 9:
            error = ("decode", ERRORS[index % 4 == 1], "it is <broken>")
            rows.append(row(str(folder), str(path), error=error))
        else:
            digest = write_photo(path)
            scores = {"1x1": index / 60, "16x9": 1 - index / 60}
            rows.append(row(str(folder), str(path), sha256=digest, scores=scores))
    write_output(folder, rows)
    build(str(folder), thumbnails=60)
    return folder


@pytest.fixture
def page(browser, output: Path) -> Iterator:
    with opened(browser, output) as page:
        yield page


def found(page) -> str:
    return page.locator("#found").inner_text()


def test_the_gallery_shows_the_worst_scores_first_with_boxes_and_variants(page):
    assert found(page) == "60 of 60 sources" and page.locator(".card").count() == 24
    card = page.locator(".card").first
    assert names(page)[0] == "boats/photo 00.jpg"
    assert card.locator(".box").count() == 2 and card.locator(".focal").count() == 1
    assert card.locator(".strip figure").count() == 2
    assert "1:1 0.00" in card.inner_text()
    loaded = "image => image.complete && image.naturalWidth > 0"
    assert card.locator(".stage img").evaluate(loaded)


def test_scripts_leave_one_name_in_the_global_scope(page, tmp_path):
    names = "Object.getOwnPropertyNames(window)"
    found = set(page.evaluate(names))
    (tmp_path / "empty.html").write_text("<!doctype html><title>empty</title>")
    page.goto(f"file://{tmp_path}/empty.html")
    assert found - set(page.evaluate(names)) == {"deepcrop"}


@pytest.mark.parametrize(
    ("field", "value", "count"),
    [
        ("search", "BOATS/photo 2", 5),
        ("status", "1", 6),
        ("status", "0", 54),
        ("folder", "birds/", 30),
        ("error", "0", 3),
        ("low", "0.4", 12),
        ("marks", "good", 0),
    ],
)
def test_filters(page, field, value, count):
    control = page.locator(f"#filters [name={field}]")
    if control.evaluate("node => node.tagName") == "SELECT":
        control.select_option(value)
    else:
        control.fill(value)
    assert found(page) == f"{count} of 60 sources"
    page.click("#filters [type=reset]")
    page.wait_for_function("document.querySelector('#found').textContent.startsWith('60 of')")


def test_a_ratio_shows_its_boxes_alone_in_the_order_of_its_scores(page):
    page.select_option("#filters [name=ratio]", label="16:9")
    page.wait_for_function("document.querySelectorAll('.card:first-child .box').length === 1")
    assert names(page)[0] == "boats/photo 58.jpg"
    page.select_option("#filters [name=order]", "name")
    page.wait_for_function("document.querySelector('.card .path').title.startsWith('birds')")


def test_pages_and_keys(page):
    page.keyboard.press("n")
    page.wait_for_function("document.querySelector('#page').value === '2'")
    page.keyboard.press("p")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    label = "document.activeElement.getAttribute('aria-label')"
    second = page.evaluate(label)
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail[open]")
    assert second == f"Open {page.locator('#detail-name').inner_text()}"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#detail-place').textContent === '3 of 60'")
    page.keyboard.press("Escape")
    page.wait_for_function(f"{label}?.startsWith('Open')")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "search"


def test_failures_are_grouped_and_lead_to_the_gallery_and_to_a_command(page, output):
    page.click("nav [data-view=failures]")
    assert page.locator(".failure").count() == 2
    text = page.locator(".failure").first.inner_text()
    assert f"deepcrop retry {output} --errors Corrupt" in text and "it is <broken>" in text
    page.locator(".only").first.click()
    page.wait_for_function("document.querySelector('#found').textContent.startsWith('3 of')")


def exported(page, output: Path) -> dict[str, list[dict]]:
    """Export as a person does; read as a run does."""
    file = output.parent / "corrections.csv"
    browsing.exported(page, file)
    job = Job(input=str(output), output=str(output), method="center", aspects=["1:1", "16:9"])
    said = Corrections.read(str(file), job).statements
    return {uri.rpartition("/")[2]: rows for uri, rows in said.items()}


def test_corrections_are_made_and_exported_as_a_run_reads_them(page, output):
    page.locator(".card .open").first.click()
    page.wait_for_selector("#detail[open]")
    drag(page, page.locator("#stage .focal"), (0.8, 0.25))
    page.keyboard.press("1")
    drag(page, page.locator("#stage .grip"), (0.1, 0.5))
    page.keyboard.press("k")
    stage = page.locator("#stage").bounding_box()
    page.mouse.move(stage["x"] + 0.1 * stage["width"], stage["y"] + 0.1 * stage["height"])
    page.mouse.down()
    page.mouse.move(stage["x"] + 0.3 * stage["width"], stage["y"] + 0.6 * stage["height"], steps=3)
    page.mouse.up()
    page.click("[aria-label='Reject 16:9']")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#detail-place').textContent === '2 of 60'")
    page.keyboard.press("g")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#detail-place').textContent === '3 of 60'")
    page.keyboard.press("b")
    said = exported(page, output)
    first, second, third = said.values()
    kinds = {each["kind"]: each for each in first}
    assert set(kinds) == {"focal", "box", "keep", "rejected"}
    assert kinds["focal"]["x0"] == pytest.approx(0.8, abs=0.01)
    assert kinds["focal"]["y0"] == pytest.approx(0.25, abs=0.01)
    assert [kinds["box"][name] for name in ("aspect", "x0", "y0", "x1", "y1")] == [
        "1x1", 0, 0, 200, 200,
    ]  # fmt: skip
    assert kinds["keep"]["x1"] == pytest.approx(90, abs=3) and kinds["keep"]["y0"] <= 23
    assert kinds["rejected"]["aspect"] == "16x9"
    assert [each["kind"] for each in second] == ["good"]
    assert sorted(each["aspect"] for each in third) == ["16x9", "1x1"]


def test_marks_outlast_a_reload_and_are_undone(page):
    page.locator(".card .accept").nth(1).click()
    page.reload()
    page.wait_for_function(INTERACTIVE)
    assert page.locator(".card").nth(1).get_attribute("class") == "card good is-pending"
    assert page.locator("#correction-count").inner_text() == "1"
    page.locator(".card .open").nth(1).click()
    page.keyboard.press("u")
    assert page.locator("#correction-count").inner_text() == "0"


def test_an_exported_file_is_taken_in_again(page, output):
    file = output.parent / "old.csv"
    uri = f"{output}/in/boats/photo 02.jpg"
    file.write_text(f"source_uri,kind,aspect,x0,y0,x1,y1\r\n{uri},focal,,0.5,0.25,,\r\n")
    page.set_input_files("#import", file)
    page.wait_for_function("document.querySelector('#correction-count').textContent === '1'")
    [[row]] = exported(page, output).values()
    assert (row["kind"], row["x0"], row["y0"]) == ("focal", 0.5, 0.25)


def test_the_page_is_readable_on_a_phone(browser, output):
    with opened(browser, output, viewport={"width": 390, "height": 844}) as page:
        overflow = "document.documentElement.scrollWidth - innerWidth"
        assert page.evaluate(overflow) <= 0
        page.locator(".card .open").first.click()
        page.wait_for_selector("#detail[open]")
        assert page.evaluate("document.querySelector('#detail').scrollWidth") <= 390


def test_retargeted_images_are_wiped_against_plain_scaling(browser, tmp_path):
    source = tmp_path / "in" / "a.jpg"
    one = row(str(tmp_path), str(source), sha256=write_photo(source), scores={"1x1": None})
    [variant] = one["variants"]
    variant |= dict.fromkeys(("x0", "y0", "x1", "y1"))
    variant["sha256"] = write_photo(Path(variant["variant_uri"]), (200, 200))
    write_output(tmp_path, [one])
    build(str(tmp_path))
    assert len(list((tmp_path / "report" / "thumbnails").rglob("*.jpg"))) == 2
    with opened(browser, tmp_path) as page:
        page.locator(".card .open").click()
        page.wait_for_selector("#detail[open]")
        page.locator(".compare input").fill("20")
        clip = "getComputedStyle(document.querySelector('.wipe .after')).clipPath"
        assert page.evaluate(clip) == "inset(0px 0px 0px 20%)"
        shape = page.locator(".wipe").bounding_box()
        assert shape["width"] == pytest.approx(shape["height"], abs=1)


CONTRAST = """() => {
  const linear = (share) => share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  const channel = (value) => linear(value / 255);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  };
  const probe = document.createElement("i");
  document.body.append(probe);
  const resolve = (name) => {
    probe.style.color = `var(--${name})`;
    return light(getComputedStyle(probe).color);
  };
  const ratio = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  const pairs = [];
  for (const ink of ["ink", "soft", "accent", "good", "bad", "warn"])
    for (const ground of ["back", "surface", "sunken"])
      pairs.push(ratio(resolve(ink), resolve(ground)));
  pairs.push(ratio(resolve("on-accent"), resolve("accent")));
  probe.remove();
  return Math.min(...pairs);
}"""


NAMELESS = """() => [...document.querySelectorAll("button, a, input, select, dialog")]
  .filter((node) => !(node.textContent.trim() || node.labels?.length
    || node.getAttribute("aria-label") || node.getAttribute("aria-labelledby")))
  .map((node) => node.outerHTML)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast_and_every_control_a_name(browser, output, scheme):
    with opened(browser, output, color_scheme=scheme) as page:
        assert page.evaluate(CONTRAST) >= 4.5
        page.locator(".card .open").first.click()
        page.wait_for_selector("#detail[open]")
        assert page.evaluate(NAMELESS) == []


def many_names(count: int) -> list[str]:
    return [f"{index % 97:02d}/{index:06d}.jpg" for index in range(count)]


def many(folder: Path, count: int) -> Path:
    rows = [
        row(str(folder), f"{folder}/in/{name}", scores={"1x1": (index % 1000) / 1000, "16x9": 0.5})
        for index, name in enumerate(many_names(count))
    ]
    write_output(folder, rows)
    build(str(folder), thumbnails=0)
    return folder


def page_of(output: Path) -> str:
    """The page's address from a file."""
    return f"file://{output}/report/index.html"


def use(browser, address: str, count: int) -> dict[str, float]:
    """Use the page of a large job; return how long things took, in milliseconds."""
    context = browser.new_context(bypass_csp=True)  # for Playwright's own scripts
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address, wait_until="commit")
    page.wait_for_selector(".card", state="attached")
    ready = page.evaluate("performance.now()")
    page.wait_for_function(INTERACTIVE)
    whole = page.evaluate("performance.now()")
    assert found(page) == f"{count:,} of {count:,} sources"
    nodes = page.evaluate("document.querySelectorAll('*').length")
    assert nodes < 3000  # a page of cards, whatever the number of sources
    timed = """async ([name, value]) => {
        const start = performance.now();
        const field = document.querySelector(`#filters [name=${name}]`);
        field.value = value;
        field.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise(requestAnimationFrame);
        return performance.now() - start;
    }"""
    searched = page.evaluate(timed, ["search", f"{count - 1:06d}"])
    assert found(page) == f"1 of {count:,} sources"
    page.evaluate(timed, ["search", ""])
    ordered = page.evaluate(timed, ["order", "name"])
    page.fill("#page", "100")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "name => document.querySelector('.card .path').title === name",
        arg=sorted(many_names(count))[99 * 24],  # 24 cards a page
    )
    context.close()
    return {"first cards": ready, "all loaded": whole, "search": searched, "sort": ordered}


def test_a_large_job_is_one_small_page_at_a_time(browser, tmp_path):
    use(browser, page_of(many(tmp_path, 5_000)), 5_000)


@pytest.mark.slow
def test_a_hundred_thousand_sources_stay_responsive(browser, tmp_path):
    output = many(tmp_path, 100_000)
    for _ in range(2):
        times = use(browser, page_of(output), 100_000)
        print("from a file", {name: round(value) for name, value in times.items()})
    served = pytest.importorskip("tests.review.served")
    with served.serving(output) as running:
        for _ in range(2):
            times = use(browser, running.address, 100_000)
            print("served", {name: round(value) for name, value in times.items()})
        running.session.mark(
            [
                served.entry(
                    f"{output}/in/{name}", f"id-{name}".replace("/", "-").replace(".", "-")
                )
                for name in many_names(2_000)
            ]
        )
        times = use(browser, running.address, 100_000)
        print("served, 2,000 marks", {name: round(value) for name, value in times.items()})

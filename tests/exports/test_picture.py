"""HTML of presets: candidates in the order of the formats, and what a real browser picks."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from PIL import Image

from deepcrop.cli import app
from deepcrop.exports.picture import base_of_page
from deepcrop.job import Job
from deepcrop.manifest.store import Manifest
from deepcrop.schema import IMAGES
from deepcrop.stages.local import LocalPipeline
from deepcrop.storage import Storage
from deepcrop.tables import images_table
from tests.image.samples import photo
from tests.report.browsing import NEEDS_CHROMIUM
from tests.report.synthetic import row, write_output

OUTPUTS = {
    "card": {
        "aspect": "4:5",
        "widths": [80, 160, 320],
        "formats": ["avif", "webp", "jpeg"],
        "html_sizes": "(max-width: 500px) 100vw, 300px",
    },
    "icon": {"aspect": "1:1", "widths": [50], "densities": [1, 2], "formats": ["png"]},
}
NAME = "a, b 1x.png"


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    """The presets of one photo, whose name has a comma and spaces, and the job's manifest."""
    import pyarrow as pa

    folder = tmp_path_factory.mktemp("pictures")
    Image.fromarray(photo("coffee")).save(folder / NAME)
    fields = {"input": str(folder / NAME), "output": str(folder / "out"), "method": "center"}
    job = Job.parse(fields | {"outputs": OUTPUTS})
    single = LocalPipeline(job)
    single.renderer.uri_builder = single.renderer._default_uri
    task = single.process(str(folder / NAME), "a, b 1x")
    single.write(task)
    made = task.row("center") | {"source_id": 1, "alt": 'a "cup" & saucer'}
    carried = pa.schema([("alt", pa.string())])
    made = {name: made[name] for name in (*IMAGES.names, "alt") if name in made}
    manifest = Manifest(str(folder / "out"), Storage())
    manifest.append(images_table([made], carried))
    manifest.write_record({"job": job.to_dict()})
    return folder / "out"


def export(output: Path, target: str, *options: str) -> str:
    place = output.parent / target
    arguments = ["export", str(output), "--as", "picture", "--to", str(place), *options]
    assert app.exit_status(arguments) == 0
    return place.read_text()


def test_a_line_for_each_preset(output):
    card, icon = map(json.loads, export(output, "p.jsonl", "--base", "/media/").splitlines())
    assert (card["preset"], icon["preset"]) == ("card", "icon")
    kinds = re.findall(r'type="image/(\w+)"', card["html"])
    assert kinds == ["avif", "webp"] and card["html"].count("<img") == 1
    folder = "/media/variants/card"
    candidates = ", ".join(
        f"{folder}/{width}w/a%2C%20b%201x.jpg {width}w" for width in (80, 160, 320)
    )
    assert f'srcset="{candidates}" sizes="(max-width: 500px) 100vw, 300px"' in card["html"]
    assert f'src="{folder}/320w/a%2C%20b%201x.jpg"' in card["html"]
    assert 'width="320" height="400" alt="a &quot;cup&quot; &amp; saucer"' in card["html"]
    assert "icon/50w/a%2C%20b%201x.png 1x, " in icon["html"] and "sizes" not in icon["html"]
    assert "icon/50w@2x/".replace("@", "%40") + "a%2C%20b%201x.png 2x" in icon["html"]


def test_a_job_without_presets_and_a_wrong_base_are_refused(output, tmp_path, capsys):
    write_output(tmp_path / "out", [row("/out", "/in/a.jpg")])
    words = ["export", str(tmp_path / "out"), "--as", "picture", "--to", str(tmp_path / "p.jsonl")]
    assert app.exit_status(words) == 2
    assert "the job has no presets" in capsys.readouterr().err
    words[1] = str(output)
    assert app.exit_status([*words, "--base", 'x" y']) == 2
    assert "expected a URL, or a path" in capsys.readouterr().err


def test_other_exports_tell_each_crop_once(output):
    place = output.parent / "urls.csv"
    for form in ("thumbor", "imgproxy"):
        words = ["export", str(output), "--as", form, "--to", str(place)]
        assert app.exit_status(words) == 0
        lines = place.read_text().splitlines()[1:]
        assert len(lines) == len(set(lines)) == 5  # three widths, and two densities
        asked = [line.split(",")[-3:] for line in lines]
        assert asked[:3] == [["card", width, "1"] for width in ("80", "160", "320")]
        assert asked[3:] == [["icon", "50", "1"], ["icon", "50", "2"]]
    side = output.parent / "side"
    assert app.exit_status(["export", str(output), "--as", "xmp", "--to", str(side)]) == 0
    [sidecar] = side.rglob("*.xmp")
    assert sidecar.read_text().count("imageregionrole/cropping") == 2


class Addresses(HTMLParser):
    """The addresses of a page's pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self.found += [told["src"]] if "src" in told else []
        self.found += [each.split()[0] for each in told.get("srcset", "").split(", ") if each]


PLACES = ["out/pictures.html", "pictures.html", "an other, 100%/deep er/pictures.html"]


@pytest.mark.parametrize("place", PLACES)
def test_a_page_without_a_base_has_addresses_from_where_it_lies(output, place):
    text = export(output, place)
    addresses = Addresses(text).found
    assert len(addresses) == 3 * 3 + 2 + 2  # widths by formats, densities, and two fallbacks
    page = (output.parent / place).as_uri()
    for address in addresses:
        assert Path(unquote(urlsplit(urljoin(page, address)).path)).is_file()
    assert f"<figcaption>{NAME}: card</figcaption>" in text and f"{NAME}: icon<" in text


def test_where_addresses_depend_on_the_site_a_base_is_asked_for(output, capsys):
    assert base_of_page("/srv/pages/a.html", "/srv/out") == "../out"
    assert base_of_page("/srv/out/a.html", "/srv/out") == "."
    assert base_of_page("/srv/a.html", "s3://media/out") is None
    assert base_of_page("s3://media/a.html", "s3://media/out") is None
    first = json.loads(export(output, "p.jsonl").splitlines()[0])
    assert '<img src="variants/card/' in first["html"]
    assert f"addresses are paths below {output}: give --base" in capsys.readouterr().out
    export(output, "p.jsonl", "--base", "/media")
    assert "--base" not in capsys.readouterr().out


@pytest.mark.slow
@NEEDS_CHROMIUM
@pytest.mark.parametrize("place", PLACES)
def test_a_browser_loads_all_images_of_a_page_wherever_it_lies(output, place):
    playwright = pytest.importorskip("playwright.sync_api")
    from tests.report.browsing import CHROMIUM

    export(output, place)
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page()
        failed = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.goto((output.parent / place).as_uri())
        widths = page.locator("img").evaluate_all(
            "all => Promise.all(all.map((each) => each.decode().then(() => each.naturalWidth)))"
        )
        chromium.close()
    assert len(widths) == 2 and min(widths) > 0 and not failed


@pytest.mark.slow
@NEEDS_CHROMIUM
@pytest.mark.parametrize(
    ("width", "scale", "picked"),
    [
        # 100vw up to 500 pixels, then 300: the smallest file with enough pixels.
        (79, 1, "80w"),
        (140, 1, "160w"),
        (900, 1, "320w"),
        (75, 2, "160w"),
        (900, 2, "320w"),
    ],
)
def test_a_browser_picks_the_file_that_suits_its_width(output, width, scale, picked):
    playwright = pytest.importorskip("playwright.sync_api")
    from tests.report.browsing import CHROMIUM

    export(output, "out/pictures.html")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, device_scale_factor=scale
        )
        page = context.new_page()
        page.goto(f"file://{output}/pictures.html")
        page.wait_for_function("() => [...document.images].every((each) => each.currentSrc)")
        card, icon = page.locator("img").evaluate_all("all => all.map((each) => each.currentSrc)")
        shown = page.locator("img").first.evaluate(
            "each => each.decode().then(() => each.naturalWidth)"
        )
        chromium.close()
    assert card.endswith(f"/variants/card/{picked}/a%2C%20b%201x.avif") and shown > 0
    assert ("%402x" in icon) == (scale == 2)

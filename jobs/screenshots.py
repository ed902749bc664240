"""The pictures of the review and of the blind comparison in the docs, on photos free to show.

```
python -m jobs.screenshots --output docs/images
```

The photos ship inside scikit-image: NASA's are in the public domain, the others are CC0. Chromium
must be installed (``.ci/install-chromium``), and the extras ``test`` and ``review``.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from PIL import Image

import deepcrop
from deepcrop import Job

from .demo import write_photos

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

    Application = Callable[[str], ASGIApp]

SIZE = (1360, 860)
"""Width and height of the browser's window, in pixels."""
QUALITY = 60
"""Quality of the WebP files."""


def screenshots(output: Path = Path("docs/images")) -> None:
    """Crop the photos, review them, and write ``review.webp`` and ``compare.webp``."""
    from playwright.sync_api import sync_playwright

    from deepcrop.review.app import ReviewApp, review_app
    from deepcrop.review.compare import opened
    from deepcrop.review.compare_app import CompareApp, compare_app
    from deepcrop.review.pair_pictures import PairPictures
    from deepcrop.review.session import ReviewSession

    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        photos = write_photos(Path(scratch) / "photos")
        job = Job(
            input=str(photos),
            output=f"{scratch}/out",
            aspects=("1:1", "16:9", "9:16"),
            safe={"16:9": (0.0, 0.0, 1.0, 0.8)},
        )
        deepcrop.run(job)
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        session = ReviewSession(job.output)
        session.open()
        review = ReviewApp(session, "anna")
        with served(lambda token: review_app(review, token, None)) as address:
            page.goto(f"{address}report/")
            _mark(page)
            _write(page, output / "review.webp")
        comparison, log, storage = opened(job.output, "center", 12, 0, None, False)
        compared = CompareApp(comparison, log, PairPictures(storage), "anna")
        with served(lambda token: compare_app(compared, token, None)) as address:
            page.goto(address)
            page.locator("#right img").wait_for()
            page.wait_for_timeout(2000)
            _write(page, output / "compare.webp")
        browser.close()


def _mark(page: Page) -> None:
    """Open a photo, keep a box whole, move the focal point, and show the guide of thirds."""
    page.locator('.card:has(.path[title="astronaut.jpg"]) .open').click()
    page.wait_for_timeout(6000)  # until the network is loaded and has looked
    page.keyboard.press("2")
    page.keyboard.press("r")
    page.keyboard.press("k")
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    for number, (x, y) in enumerate(((0.3, 0.02), (0.6, 0.3))):
        page.mouse.move(stage["x"] + x * stage["width"], stage["y"] + y * stage["height"])
        page.mouse.down() if number == 0 else page.mouse.up()
    page.wait_for_timeout(1500)


def _write(page: Page, target: Path) -> None:
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").save(target, "webp", quality=QUALITY, method=6)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


@contextmanager
def served(application: Application) -> Iterator[str]:
    """Serve an application on any port in a thread; yield its address."""
    from deepcrop.review.guard import new_token
    from deepcrop.review.server import listen, server_of

    place, token = listen("127.0.0.1", 0), new_token()
    server = server_of(application(token))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place.socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"{place.address}/{token}/"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


if __name__ == "__main__":
    typer.run(screenshots)

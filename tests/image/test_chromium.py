"""Colours beside those of a real browser: SDR files must look alike in both.

HDR is left out: what a browser shows depends on its display.
"""

import base64
import shutil

import numpy as np
import pytest

from deepcrop.image import decode
from jobs.faults.files.png import chrm, cicp, gama, iccp, png
from tests.image.described import CHROMATICITIES, LIGHT, avif
from tests.image.samples import ADOBE_RGB, matrix_profile

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="not installed: chromium (.ci/install-chromium)"),
]

LEVELS = (0, 40, 64, 128, 200, 255)
SHOWN = """async url => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data);
}"""


@pytest.fixture(scope="module")
def shown():
    """A function that returns what Chromium shows of a file on a display that is sRGB."""
    with playwright.sync_playwright() as driver:
        # Root may not use Chromium's sandbox; the files are our own.
        arguments = ["--no-sandbox", "--force-color-profile=srgb"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page()

        def show(data, mime):
            url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
            return np.array(page.evaluate(SHOWN, url))

        yield show
        browser.close()


def blocks():
    """All mixes of six levels, in blocks of 8 x 8 pixels."""
    mixes = np.array(np.meshgrid(LEVELS, LEVELS, LEVELS)).reshape(3, 12, 18).transpose(1, 2, 0)
    return np.repeat(np.repeat(mixes.astype(np.uint8), 8, 0), 8, 1)


def difference(shown, data, mime):
    ours = decode(data).pixels
    theirs = shown(data, mime).reshape(*ours.shape[:2], 4)[..., :3]
    return np.abs(ours[4::8, 4::8].astype(int) - theirs[4::8, 4::8]).max()


@pytest.mark.parametrize("primaries", CHROMATICITIES)
def test_cicp(shown, primaries):
    for transfer in LIGHT.keys() - {12, 17}:  # Chromium takes 12 for sRGB, 17 for a gamma of 2.6
        data = png(blocks(), cicp(primaries, transfer))
        assert difference(shown, data, "image/png") <= 3, transfer


@pytest.mark.parametrize("primaries", CHROMATICITIES)
def test_nclx(shown, primaries):
    for transfer in LIGHT.keys() - {11, 12, 17}:  # Chromium refuses 11 and 12
        data = avif(blocks(), primaries, transfer)
        assert difference(shown, data, "image/avif") <= 3, transfer


@pytest.mark.parametrize(
    "chunks",
    [
        [gama(100_000)],
        [gama(45_455)],
        [gama(55_556)],
        [gama(45_455), chrm(*CHROMATICITIES[12])],
        [gama(45_455), chrm(*ADOBE_RGB, (0.3127, 0.3290))],
        [chrm(*CHROMATICITIES[12])],
        [gama(100_000), (b"sRGB", b"\0")],
        [cicp(12, 13), iccp(matrix_profile(ADOBE_RGB, 2.2))],
        [cicp(12, 2), gama(100_000)],
        [iccp(matrix_profile(ADOBE_RGB, 2.2)), gama(100_000)],
    ],
)
def test_other_chunks(shown, chunks):
    assert difference(shown, png(blocks(), *chunks), "image/png") <= 3


def test_profiles_and_nclx(shown):
    data = avif(blocks(), 12, 13, icc_profile=matrix_profile(ADOBE_RGB, 2.2))
    assert difference(shown, data, "image/avif") <= 3

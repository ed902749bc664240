"""Read pictures by Chromium, which applies what PNG and AVIF say of their colours."""

from __future__ import annotations

import base64
import io
import shutil
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from .reader import Absent, Pixels

_TYPES = {"jpg": "jpeg", "apng": "png", "dib": "bmp"}
_DRAWN = """async ([type, data]) => {
  const bytes = Uint8Array.from(atob(data), each => each.charCodeAt(0));
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([bytes], {type}));
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}"""


def read(path: Path) -> Pixels:
    """Draw a picture on a canvas of sRGB; animations show their first frame."""
    suffix = path.suffix[1:].lower()
    page = _page()
    data = base64.b64encode(path.read_bytes()).decode()
    drawn = page.evaluate(_DRAWN, [f"image/{_TYPES.get(suffix, suffix)}", data])
    with Image.open(io.BytesIO(base64.b64decode(drawn))) as image:
        return np.asarray(image.convert("RGBA"))


@lru_cache(maxsize=1)
def _page():  # type: ignore[no-untyped-def] # playwright is optional
    """Return a page of a browser that ends with this process."""
    place = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Absent from None
    if place is None:
        raise Absent
    driver = sync_playwright().start()
    return driver.chromium.launch(executable_path=place, args=["--no-sandbox"]).new_page()

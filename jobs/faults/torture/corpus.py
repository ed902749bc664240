"""A corpus with ordinary and hostile images, and the error that each must end with."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

from PIL import Image, PngImagePlugin
from skimage import data

HOSTILE = 0.1
"""Share of the sources whose bytes are hostile, 0..1."""
POISON = (255, 0, 255)
"""Colour (R, G, B) of the images that kill the process that analyses them."""
ENDLESS = (0, 255, 255)
"""Colour (R, G, B) of the images whose analysis never ends."""
POISONS = 2
"""Number of images of the colour ``POISON``."""
MAX_KEY_BYTES = 1024
"""Length of the longest key that S3 allows, in bytes."""


@dataclass(frozen=True)
class Source:
    """One object of the corpus."""

    key: str
    """Key below the input's prefix."""
    data: bytes
    """Content of the object."""
    error: str | None = None
    """Class of the error in its row; None where the row must be ok."""


def make(count: int, seed: int, prefix: str) -> list[Source]:
    """Make a corpus of ``count`` objects for ``s3://BUCKET/<prefix>/``."""
    rng = random.Random(seed)
    hostile = [*_hostile(rng, round(count * HOSTILE))]
    names = _names(rng, prefix)
    good = [Source(next(names), _good(rng)) for _ in range(count - len(hostile))]
    return good + hostile


def edited(corpus: Sequence[Source]) -> list[Source]:
    """Return a corpus after a day: some good images are others, some are gone, some are new."""
    rng = random.Random(len(corpus))
    good = [source for source in corpus if source.error is None and "album-" in source.key]
    changed = dict.fromkeys(source.key for source in rng.sample(good, max(1, len(good) // 8)))
    gone = {source.key for source in good if source.key not in changed and rng.random() < 0.05}
    kept = [
        Source(source.key, _good(rng)) if source.key in changed else source
        for source in corpus
        if source.key not in gone
    ]
    return [*kept, *(Source(f"new/{number:04d}.jpg", _good(rng)) for number in range(5))]


def _good(rng: random.Random) -> bytes:
    size = rng.randint(24, 96), rng.randint(24, 96)
    return _encode(_photo(rng, size), rng.choice(["jpeg", "jpeg", "jpeg", "png", "webp"]))


def _names(rng: random.Random, prefix: str) -> Iterator[str]:
    """Yield keys: unusual ones of every kind first, then plain ones in folders."""
    longest = MAX_KEY_BYTES - len(prefix) - 1
    yield from ("with space.jpg", " leading space.jpg", "ünïcödé/日本語 🙂.jpg", "a+b&c=d;e.jpg")
    yield from ("../escape.jpg", "up/../../../escape.jpg", "dot/./here.jpg", "up/../no extension")
    yield from ("%2F.jpg", "%2e%2e/escape.jpg", "100%.jpg", "d%2Fe.jpg", "query?x=1#part.jpg")
    yield from ("/leading.jpg", "//two.jpg", "in//between.jpg", "no extension", ".jpg", "a.JPG")
    yield from ("x" * (longest - 4) + ".jpg", "é" * ((longest - 4) // 2) + ".jpg")
    yield from ("long/" + "/".join(["y" * 200] * 4) + ".jpg", "quote\"'<>|*:\\.jpg", "tab\t.jpg")
    yield from ("same.jpg", "same.png", "Same.jpg", "clash/a.jpg", "clash/A.jpg", "clash/a.webp")
    for number in range(10**9):
        yield f"album-{rng.randrange(8)}/{number:06d}.jpg"


def _hostile(rng: random.Random, count: int) -> Iterator[Source]:
    kinds: list[tuple[str, Callable[[random.Random], bytes], str | None]] = [
        ("empty.jpg", lambda _: b"", "NotAnImage"),
        ("page.jpg", lambda _: b"<!doctype html><html><body>404 Not found</body>", "NotAnImage"),
        ("half.jpg", _half, "Corrupt"),
        ("bomb.png", lambda _: bomb(60_000, 60_000), "TooLarge"),
        ("strip.png", lambda _: _strip(30_000, 2), None),
        (
            "png-named.jpg",
            lambda rng: _encode(_photo(rng, (40, 30)), "png"),
            None,
        ),
        ("text.gif", lambda _: b"GIF of a text", "NotAnImage"),
        ("icc.jpg", _absurd_icc, None),
        ("exif.jpg", _absurd_exif, None),
        ("noise.webp", lambda rng: rng.randbytes(500), "NotAnImage"),
        ("text.png", _long_text, None),
    ]
    for number in range(POISONS):
        picture = Image.new("RGB", (32, 32), POISON)
        yield Source(f"hostile/poison-{number}.png", _encode(picture, "png"), "WorkerDied")
    for number, (name, make_one, error) in zip(range(count - POISONS), cycle(kinds)):
        yield Source(f"hostile/{number:04d}-{name}", make_one(rng), error)


def _photo(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """Return a random window of a photo, so that few sources are the same."""
    photo = Image.fromarray(data.astronaut())
    x, y = rng.randrange(photo.width - 200), rng.randrange(photo.height - 200)
    return photo.crop((x, y, x + 200, y + 200)).resize(size)


def _encode(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def _half(rng: random.Random) -> bytes:
    whole = _encode(_photo(rng, (90, 90)), "jpeg", quality=95)
    return whole[: len(whole) // 2]


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG whose header claims another size, in pixels."""
    png = bytearray(_encode(Image.new("1", (8, 8)), "png"))
    png[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    return bytes(png)


def _strip(width: int, height: int) -> bytes:
    return _encode(Image.new("RGB", (width, height), (10, 200, 30)), "png")


def _absurd_icc(rng: random.Random) -> bytes:
    """Return a JPEG with random bytes for an ICC profile, over several segments."""
    return _encode(_photo(rng, (50, 40)), "jpeg", icc_profile=rng.randbytes(200_000))


def _absurd_exif(rng: random.Random) -> bytes:
    """Return a JPEG whose EXIF block claims impossible offsets and counts."""
    block = b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff\xff" + rng.randbytes(3000)
    return _encode(_photo(rng, (50, 40)), "jpeg", exif=block)


def _long_text(rng: random.Random) -> bytes:
    """Return a PNG with a compressed text chunk of 5 MB."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 5_000_000, zip=True)
    return _encode(_photo(rng, (50, 40)), "png", pnginfo=text)

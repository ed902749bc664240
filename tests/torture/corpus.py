"""A corpus of which everything is known: what each source is, and how its row must end."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

from PIL import Image, PngImagePlugin
from skimage import data

HOSTILE = 0.1
"""Share of the sources that are hostile, by their bytes."""
POISON = (255, 0, 255)
"""Colour of the pictures that kill the process that looks at them."""
ENDLESS = (0, 255, 255)
"""Colour of the pictures that are looked at for ever."""
POISONS = 2
LONGEST = 1024
"""Bytes of the longest key that S3 allows."""


@dataclass(frozen=True)
class Source:
    """One object of the corpus."""

    key: str
    """Below the input's prefix."""
    data: bytes
    error: str | None = None
    """Class of its row's error; None where the row must be ok."""


def make(count: int, seed: int, prefix: str) -> list[Source]:
    """Make a corpus of ``count`` objects for ``s3://BUCKET/<prefix>/``."""
    chance = random.Random(seed)
    hostile = [*_hostile(chance, round(count * HOSTILE))]
    names = _names(chance, prefix)
    good = [Source(next(names), _good(chance)) for _ in range(count - len(hostile))]
    return good + hostile


def _good(chance: random.Random) -> bytes:
    size = chance.randint(24, 96), chance.randint(24, 96)
    return _encode(_photo(chance, size), chance.choice(["jpeg", "jpeg", "jpeg", "png", "webp"]))


def _names(chance: random.Random, prefix: str) -> Iterator[str]:
    """Yield keys: a few odd ones of every kind first, then plain ones in folders."""
    longest = LONGEST - len(prefix) - 1
    yield from ("with space.jpg", " leading space.jpg", "ünïcödé/日本語 🙂.jpg", "a+b&c=d;e.jpg")
    yield from ("../escape.jpg", "up/../../../escape.jpg", "dot/./here.jpg", "up/../no extension")
    yield from ("%2F.jpg", "%2e%2e/escape.jpg", "100%.jpg", "d%2Fe.jpg", "query?x=1#part.jpg")
    yield from ("/leading.jpg", "//two.jpg", "in//between.jpg", "no extension", ".jpg", "a.JPG")
    yield from ("x" * (longest - 4) + ".jpg", "é" * ((longest - 4) // 2) + ".jpg")
    yield from ("long/" + "/".join(["y" * 200] * 4) + ".jpg", "quote\"'<>|*:\\.jpg", "tab\t.jpg")
    yield from ("same.jpg", "same.png", "Same.jpg", "clash/a.jpg", "clash/A.jpg", "clash/a.webp")
    for number in range(10**9):
        yield f"album-{chance.randrange(8)}/{number:06d}.jpg"


def _hostile(chance: random.Random, count: int) -> Iterator[Source]:
    kinds: list[tuple[str, Callable[[random.Random], bytes], str | None]] = [
        ("empty.jpg", lambda _: b"", "NotAnImage"),
        ("page.jpg", lambda _: b"<!doctype html><html><body>404 Not found</body>", "NotAnImage"),
        ("half.jpg", _half, "Corrupt"),
        ("bomb.png", lambda _: bomb(60_000, 60_000), "TooLarge"),
        ("strip.png", lambda _: _strip(30_000, 2), None),
        ("png-named.jpg", lambda chance: _encode(_photo(chance, (40, 30)), "png"), None),
        ("text.gif", lambda _: b"GIF of a text", "NotAnImage"),
        ("icc.jpg", _absurd_icc, None),
        ("exif.jpg", _absurd_exif, None),
        ("noise.webp", lambda chance: chance.randbytes(500), "NotAnImage"),
        ("text.png", _long_text, "Corrupt"),
    ]
    for number in range(POISONS):
        picture = Image.new("RGB", (32, 32), POISON)
        yield Source(f"hostile/poison-{number}.png", _encode(picture, "png"), "WorkerDied")
    for number, (name, make_one, error) in zip(range(count - POISONS), cycle(kinds)):
        yield Source(f"hostile/{number:04d}-{name}", make_one(chance), error)


def _photo(chance: random.Random, size: tuple[int, int]) -> Image.Image:
    """Return a random window of a photo, so that hardly two sources are the same."""
    photo = Image.fromarray(data.astronaut())
    x, y = chance.randrange(photo.width - 200), chance.randrange(photo.height - 200)
    return photo.crop((x, y, x + 200, y + 200)).resize(size)


def _encode(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def _half(chance: random.Random) -> bytes:
    whole = _encode(_photo(chance, (90, 90)), "jpeg", quality=95)
    return whole[: len(whole) // 2]


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG whose header lies about its size."""
    png = bytearray(_encode(Image.new("1", (8, 8)), "png"))
    png[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    return bytes(png)


def _strip(width: int, height: int) -> bytes:
    return _encode(Image.new("RGB", (width, height), (10, 200, 30)), "png")


def _absurd_icc(chance: random.Random) -> bytes:
    """A profile that is none, over several segments."""
    return _encode(_photo(chance, (50, 40)), "jpeg", icc_profile=chance.randbytes(200_000))


def _absurd_exif(chance: random.Random) -> bytes:
    """An EXIF block that claims impossible offsets and counts."""
    block = b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff\xff" + chance.randbytes(3000)
    return _encode(_photo(chance, (50, 40)), "jpeg", exif=block)


def _long_text(chance: random.Random) -> bytes:
    """A text chunk that is a bomb."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 5_000_000, zip=True)
    return _encode(_photo(chance, (50, 40)), "png", pnginfo=text)

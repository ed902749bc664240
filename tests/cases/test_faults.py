"""Faults of a release that need no file of the folder of cases, and what is seen of each now."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from PIL import Image
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deepcrop.engine.cluster import connected
from deepcrop.errors import SourceError
from deepcrop.sources.discovery import list_sources
from deepcrop.storage import Storage
from tests.cases.command import deepcrop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Told(NamedTuple):
    """What a fault's trial shows now, and whether that is right."""

    now: str
    right: bool


def photo(path: Path, size: tuple[int, int] = (400, 300), **options: object) -> Path:
    """Write a photo-like picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 60).convert("RGB").save(path, **options)
    return path


def rows_of(output: Path) -> dict[str, dict[str, Any]]:
    """Return the images manifest by the name of the source's file."""
    table = pq.ParquetDataset(output / "manifest" / "images").read()
    return {row["source_uri"].rpartition("/")[2]: row for row in table.to_pylist()}


@dataclass(frozen=True)
class Jobs:
    """Two small jobs, run once for all that is looked at in them."""

    folder: Path
    output: Path
    done: subprocess.CompletedProcess[str]
    rows: dict[str, dict[str, Any]]
    listed: Path
    """The output of a job of a list, run for one row and again for two."""

    @classmethod
    def run(cls, folder: Path) -> Jobs:
        """Run them."""
        source, output = folder / "in", folder / "out"
        photo(source / "plain.png")
        photo(source / "x.png")
        photo(source / "x.jpg" / "inside.png")
        photo(source / "@eaDir" / "plain.png" / "SYNOPHOTO_THUMB_M.jpg")
        photo(source / "__MACOSX" / "plain.png")
        (source / "._plain.png").write_bytes(bytes.fromhex("00051607") + bytes(60))
        (source / ".DS_Store").write_bytes(b"x")
        (source / "Thumbs.db").write_bytes(b"x")
        Path(os.fsdecode(os.fsencode(source) + b"/caf\xe9.png")).write_bytes(
            (source / "plain.png").read_bytes()
        )
        (source / "broken.jpg").write_text("no photo")
        frames = [Image.new("RGB", (300, 200), colour) for colour in ("red", "green", "blue")]
        frames[0].save(source / "moving.gif", save_all=True, append_images=frames[1:])
        arguments = ("--method", "center", "-a", "1:1", "--size", "1080x1350")
        done = deepcrop(folder, "run", "--input", "in", "--output", "out", *arguments)
        listed = folder / "listed"
        table = folder / "list.csv"
        for extra in ("", f"{photo(folder / 'b.png')},00120,{'7' * 21},new\n"):
            table.write_text(
                f"uri,sku,digits,later\n{photo(folder / 'a.png')},00120,{'7' * 21},\n{extra}"
            )
            deepcrop(
                folder,
                *("run", "--input", str(table), "--output", str(listed)),
                *("-m", "center", "-a", "1:1"),
            )
        return cls(folder, output, done, rows_of(output), listed)


def carried_text(jobs: Jobs) -> Told:
    row = rows_of(jobs.listed)["a.png"]
    return Told(
        f"{row['sku']}, {row['digits']}", (row["sku"], row["digits"]) == ("00120", "7" * 21)
    )


def late_column(jobs: Jobs) -> Told:
    parts = sorted((jobs.listed / "manifest" / "images").glob("*.parquet"))
    kinds = {str(pq.read_schema(part).field("later").type) for part in parts}
    return Told(
        f"{len(parts)} parts: {', '.join(sorted(kinds))}", len(parts) > 1 and kinds == {"string"}
    )


def aspect_inside(jobs: Jobs) -> Told:
    [part] = (jobs.output / "manifest" / "variants" / "aspect=1x1").glob("*.parquet")
    names = pq.read_schema(part).names
    return Told("a column" if "aspect" in names else "no column", "aspect" in names)


def two_line_captions(jobs: Jobs) -> Told:
    table = jobs.folder / "captions.csv"
    lines = (f'/x/{number}.jpg,"two lines\nof a caption"\n' for number in range(40_000))
    table.write_text("uri,caption\n" + "".join(lines))
    count = list_sources(str(table), Storage()).table.num_rows
    return Told(f"{count:,} sources", count == 40_000)


def percent(jobs: Jobs) -> Told:
    table = jobs.folder / "percent.csv"
    table.write_text("uri,focal_x,focal_y\n/x/1.jpg,50,50\n")
    done = deepcrop(
        jobs.folder, "run", "--input", str(table), "--output", "p", "-m", "center", "-a", "1:1"
    )
    return Told(done.stderr.strip()[-70:], done.returncode == 2 and "percent" in done.stderr)


def no_photos(jobs: Jobs) -> Told:
    names = {"._plain.png", "SYNOPHOTO_THUMB_M.jpg", ".DS_Store", "Thumbs.db"} & set(jobs.rows)
    [said] = [line for line in jobs.done.stdout.splitlines() if "ignored" in line] or [""]
    return Told(said.strip()[:70], not names and "AppleDouble" in said)


def bytes_of_url(jobs: Jobs) -> Told:
    asked: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.raw_requestline)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    target = "/c%3Ad.jpg?X-Amz-Credential=AK%2F2026&empty=&plus=a+b"
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with contextlib.suppress(SourceError):
            Storage().get(f"http://127.0.0.1:{server.server_port}{target}")
        server.shutdown()
    sent = asked[0].split()[1].decode() if asked else "nothing"
    return Told(sent, sent == target)


def name_not_utf8(jobs: Jobs) -> Told:
    [row] = [row for name, row in jobs.rows.items() if name.startswith("caf")]
    key = row["variants"][0]["variant_uri"].partition("/variants/")[2]
    return Told(f"{row['status']}, {key}", key == "1x1/caf%E9.jpg")


def file_beside_folder(jobs: Jobs) -> Told:
    found = [jobs.rows[name]["status"] for name in ("x.png", "inside.png")]
    return Told(", ".join(found), found == ["ok", "ok"])


def animation(jobs: Jobs) -> Told:
    row = jobs.rows["moving.gif"]
    return Told(f"{row['flags'][:1]}, {row['note']}"[:70], "animation-flattened" in row["flags"])


def exact_size(jobs: Jobs) -> Told:
    [variant] = [v for v in jobs.rows["plain.png"]["variants"] if v["aspect"] != "1x1"]
    size = f"{variant['width']}x{variant['height']}"
    name = variant["variant_uri"].split("/variants/")[1].split("/")[0]
    true = "smaller-than-asked" in variant["flags"] and name != "1080x1350px"
    return Told(f"{size} in {name}, {variant['flags']}", true)


def failed_source(jobs: Jobs) -> Told:
    return Told(f"exit status {jobs.done.returncode}", jobs.done.returncode == 1)


def pixel_limit(jobs: Jobs) -> Told:
    photo(jobs.folder / "wide.png", (3000, 100))
    base = ("crop", "wide.png", "-m", "center", "-a", "1:1", "--output", "w", "--max-pixels")
    refused, taken = (deepcrop(jobs.folder, *base, limit) for limit in ("1000", "1000000"))
    return Told(
        refused.stderr.strip()[-60:], "--max-pixels" in refused.stderr and not taken.returncode
    )


def tar_of_a_folder(jobs: Jobs) -> Told:
    archive = jobs.folder / "shard.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(photo(jobs.folder / "t" / "a.png").parent, arcname=".")
    with connected():
        keys = list_sources(str(archive), Storage()).table["key"].to_pylist()
    return Told(f"{keys}", keys == ["shard/a"])


def long_avif(jobs: Jobs) -> Told:
    done = deepcrop(
        jobs.folder,
        *("run", "--input", "in", "--output", "l", "-m", "center"),
        *("--size", "40000x10", "--format", "avif", "--upscale", "allow"),
    )
    return Told(done.stderr.strip()[-60:], done.returncode == 2 and "32768" in done.stderr)


def a_float_ratio(jobs: Jobs) -> Told:
    import deepcrop as package

    try:
        made = package.crop(Image.new("RGB", (300, 200)), 1.5, method="center")
    except package.RequestError as error:
        return Told(str(error)[:70], True)
    return Told(f"{made.size}", made.size == (300, 200))


def the_version(jobs: Jobs) -> Told:
    done = deepcrop(jobs.folder, "--version")
    return Told(done.stdout.strip(), done.returncode == 0 and "deepcrop" in done.stdout)


def the_exit(jobs: Jobs) -> Told:
    photo(jobs.folder / "small.png", (96, 64))
    done = deepcrop(
        jobs.folder,
        *("crop", "small.png", "-m", "dnr-paper", "-a", "1:1", "--output", "d"),
        *("-o", "iterations=2"),
    )
    noise = done.stderr.strip()
    return Told(noise[-70:] or "no noise", "nanobind" not in noise and "leaked" not in noise)


def css_suffix(jobs: Jobs) -> Told:
    deepcrop(jobs.folder, "export", "out", "--as", "css", "--to", "focal.css")
    rules = (jobs.folder / "focal.css").read_text()
    loose = re.search(r'\[src\$="[^/"]', rules)
    return Told(rules.strip().splitlines()[-1][:70], loose is None and "plain.png" in rules)


def the_words_of_verify(jobs: Jobs) -> Told:
    told = deepcrop(jobs.folder, "verify", "--help").stdout
    return Told("explained in --help" if "orphaned:" in told else "not", "orphaned:" in told)


FAULTS: dict[str, tuple[str, str, Callable[[Jobs], Told]]] = {
    "40,000 captions of two lines": ("40,001 sources", "40,000 sources", two_line_captions),
    "carried columns": ("120, 7.77e+20", "the text that they were", carried_text),
    "a column filled later": ("null, string", "one type", late_column),
    "focal point 50,50 in a list": ("accepted", "refused, names percent", percent),
    "AppleDouble, @eaDir, Thumbs.db": ("sources", "ignored, counted, named", no_photos),
    "a signed URL": ("decoded and encoded anew", "its bytes", bytes_of_url),
    "a name that is not UTF-8": ("file%3A/%/%/...", "a key of its own", name_not_utf8),
    "export --as css": ('img[src$="cat.jpg"]', "one photo's rule only", css_suffix),
    "x.png beside x.jpg/": ("WriteError", "ok", file_beside_folder),
    "a panorama over the limit": ("names no option", "names --max-pixels", pixel_limit),
    "an animation": ("no word", "a flag and a note", animation),
    "aspect in the variants' files": ("no column", "a column", aspect_inside),
    "AVIF of 40,000 pixels": ("written", "refused before the job", long_avif),
    "tar cf x.tar .": ("%2E/", "no %2E", tar_of_a_folder),
    "--size above the source": ("410x512 in 1080x1350px", "told, a true name", exact_size),
    "a job with a failed source": ("exit status 0", "exit status 1", failed_source),
    "crop(photo, 1.5)": ("AttributeError", "a crop, or a clear error", a_float_ratio),
    "noise at exit": ("nanobind: leaked ...", "none", the_exit),
    "--version": ("no such option", "the version", the_version),
    "verify's words": ("explained nowhere", "explained", the_words_of_verify),
}


def test_every_fault_without_a_file_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = Jobs.run(tmp_path)
    table = Table("fault", "81923b9", "now", "right", "", box=None)
    wrong = []
    for name, (was, right, trial) in FAULTS.items():
        try:
            told = trial(jobs)
        except Exception as error:
            told = Told(f"{type(error).__name__}: {error}"[:70], False)
        if not told.right:
            wrong.append(name)
        table.add_row(name, escape(was), escape(told.now), right, "ok" if told.right else "WRONG")
    with capsys.disabled():
        Console(width=200).print(table)
    assert wrong == []

"""What is no photo is ignored, counted and named; globs choose among the rest."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from deepcrop.errors import NotAnImage, RequestError
from deepcrop.image import probe
from deepcrop.job import Job
from deepcrop.manifest.status import read_status
from deepcrop.sources import selection as ignored
from deepcrop.sources.discovery import _list_archive, list_small, list_sources
from deepcrop.sources.selection import Selection, in_words
from deepcrop.storage import Entry, Storage
from tests.report.synthetic import row, write_output

NO_PHOTOS = {
    "._IMG_1.jpg": ignored.APPLE_DOUBLE,
    "2024/May/._IMG_1.jpg": ignored.APPLE_DOUBLE,
    "2024/.AppleDouble/IMG_1.jpg": ignored.APPLE_DOUBLE,
    "__MACOSX/IMG_1.jpg": ignored.ZIPPED,
    "__MACOSX/2024/._IMG_1.jpg": ignored.ZIPPED,
    "2024/.DS_Store": ignored.MAC,
    ".Spotlight-V100/Store-V2/x.jpg": ignored.MAC,
    "2024/Icon\r": ignored.MAC,
    ".TemporaryItems/folders.501/x.jpg": ignored.MAC,
    "album/.dtrash/files/IMG_1.jpg": ignored.BIN,
    "2024/@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_XL.jpg": ignored.SYNOLOGY,
    "2024/@eadir/IMG_1.jpg": ignored.SYNOLOGY,
    "SYNOPHOTO_THUMB_M.jpg": ignored.SYNOLOGY,
    "2024/SYNOFILE_THUMB_M.png": ignored.SYNOLOGY,
    "2024/.@__thumb/default1.jpg": ignored.QNAP,
    ".wdmc/IMG_1.jpg.i2s200.jpg": ignored.WESTERN_DIGITAL,
    "DCIM/.thumbnails/1.jpg": ignored.THUMBNAILS,
    "#recycle/IMG_1.jpg": ignored.BIN,
    "@Recycle/IMG_1.jpg": ignored.BIN,
    "$RECYCLE.BIN/S-1-5/IMG_1.jpg": ignored.BIN,
    ".Trashes/501/IMG_1.jpg": ignored.BIN,
    ".Trash-1000/files/IMG_1.jpg": ignored.BIN,
    "DCIM/.trashed-1700000000-IMG_1.jpg": ignored.BIN,
    "2024/Thumbs.db": ignored.WINDOWS,
    "desktop.ini": ignored.WINDOWS,
    "notes.txt": ignored.OTHER,
}
PHOTOS = [
    "IMG_1.jpg", "_IMG_1.jpg", ".hidden.jpg", ".hidden/IMG_1.jpg", "no_extension", ".jpg",
    ".picasaoriginals/IMG_1.jpg", "#snapshot/IMG_1.jpg", "eaDir/IMG_1.jpg", "recycle/IMG_1.jpg",
    "MACOSX/a.jpg", "thumbnails/a.jpg", "Thumbs/a.jpg", "a._b.jpg", "x.Trash-1/a.jpg",
    "trash/1.jpg",
]  # fmt: skip


@pytest.mark.parametrize(("path", "kind"), NO_PHOTOS.items())
def test_what_is_no_photo_is_known_by_its_name(path, kind):
    assert Selection().refuse(path) == kind


@pytest.mark.parametrize("path", PHOTOS)
def test_what_may_be_a_photo_is_one(path):
    assert Selection().refuse(path) is None


@pytest.fixture
def disk(tmp_path):
    """A folder as a Mac and a disk station leave it, below one that is ignored itself."""
    root = tmp_path / "#recycle"
    for path in (*NO_PHOTOS, *PHOTOS):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")
    return root


def names(sources, root):
    return {uri.removeprefix(f"{root}/") for uri in sources.table["source_uri"].to_pylist()}


def counts(paths):
    kinds = [NO_PHOTOS[path] for path in paths]
    return {kind: kinds.count(kind) for kind in kinds}


@pytest.mark.parametrize("ask", [list_small, list_sources])
def test_a_folder_is_listed_without_them(disk, ask):
    found = ask(str(disk), Storage())
    assert names(found, disk) == {*PHOTOS}
    assert found.kinds == counts(NO_PHOTOS) and found.ignored == len(NO_PHOTOS)


def test_a_prefix_of_a_store_is_listed_without_them(s3):
    storage = s3.storage()
    for path in (*NO_PHOTOS, *PHOTOS):
        storage.write(f"{s3.uri}/in/{path}", b"x")
    found = list_small(f"{s3.uri}/in", storage)
    assert names(found, f"{s3.uri}/in") == {*PHOTOS} and found.kinds == counts(NO_PHOTOS)


def test_an_archive_is_listed_without_them(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for path in (*NO_PHOTOS, *PHOTOS, "README"):
            info = tarfile.TarInfo(f"./{path}")
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    archive = Entry(str(tmp_path / "x.tar"), 1)
    table, kinds = _list_archive(archive, f"{tmp_path}/", Storage(), Selection())
    found = {uri.partition("!")[2].partition("/")[2] for uri in table["source_uri"].to_pylist()}
    assert found == {*PHOTOS} - {"no_extension", ".jpg"}
    # A text is a caption; in an archive an image has an extension.
    others = {ignored.OTHER: 3}
    assert kinds == counts(each for each in NO_PHOTOS if each != "notes.txt") | others
    assert "x/IMG_1" in table["key"].to_pylist()


def test_a_list_names_its_sources_and_still_not_them(tmp_path):
    rows = [f'"/photos/{path}"' for path in (*NO_PHOTOS, *PHOTOS)] + ["/photos/IMG_1.jpg", '""']
    (tmp_path / "list.csv").write_bytes("\n".join(["uri", *rows]).encode())
    found = list_small(str(tmp_path / "list.csv"), Storage())
    # What a list names may have any extension.
    assert names(found, "/photos") == {*PHOTOS, "notes.txt"}
    expected = counts(each for each in NO_PHOTOS if each != "notes.txt")
    assert found.kinds == expected | {ignored.REPEATED: 1, ignored.NO_URI: 1}


def test_a_web_address_is_known_by_its_path(tmp_path):
    urls = [
        "https://h/a/1.jpg?x=/._2",
        "https://h/a/._2.jpg?X-Amz-Signature=1",
        "https://h/a/@eaDir/3#4",
    ]
    (tmp_path / "list.txt").write_text("\n".join(urls))
    found = list_small(str(tmp_path / "list.txt"), Storage())
    assert found.table["source_uri"].to_pylist() == urls[:1]
    assert found.kinds == {ignored.APPLE_DOUBLE: 1, ignored.SYNOLOGY: 1}
    (tmp_path / "list.txt").write_text("https://host/a/._2.jpg?x=/y/z")
    with pytest.raises(RequestError, match="1 AppleDouble"):
        list_small(str(tmp_path / "list.txt"), Storage())


TREE = ["a.jpg", "a.JPG", "b.png", "2024/a.jpg", "2024/May/b.png", "2024/._a.jpg", "x/2024/c.jpg",
        "2024/@eaDir/t.jpg", "2024/@eaDir/._t.jpg", "raw.dat", "2024/raw.dat",
        "[x]/a.jpg"]  # fmt: skip


@pytest.mark.parametrize(
    ("include", "exclude", "chosen"),
    [
        ([], [], {0, 1, 2, 3, 4, 6, 11}),
        (["*.jpg"], [], {0, 3, 6, 11}),
        (["*.[jJ][pP][gG]"], [], {0, 1, 3, 6, 11}),
        (["/*.jpg"], [], {0}),
        (["2024/**"], [], {3, 4}),
        (["2024/"], [], {3, 4, 6}),
        (["/2024/"], [], {3, 4}),
        (["2024/*"], [], {3}),
        (["**/May/*", "a.*"], [], {0, 1, 3, 4, 11}),
        ([], ["*.png"], {0, 1, 3, 6, 11}),
        ([], ["2024/"], {0, 1, 2, 11}),
        (["2024/**"], ["*.png"], {3}),
        (["[[]x]/*"], [], {11}),
        # What is ignored by default comes back where a glob names it.
        (["2024/**", "._*"], [], {3, 4, 5}),
        (["@eaDir/"], [], {7}),
        (["@eaDir/", "**/._*"], [], {5, 7, 8}),
        (["@eadir/"], [], set()),
        (["*.dat", "b.*"], ["/raw.dat"], {2, 4, 10}),
        (["*.*"], [], {0, 1, 2, 3, 4, 6, 11}),
    ],
)
def test_globs_choose(tmp_path, include, exclude, chosen):
    selection = Selection(tuple(include), tuple(exclude))
    assert {number for number, path in enumerate(TREE) if not selection.refuse(path)} == chosen


def test_what_globs_leave_out_is_counted(disk):
    chosen = Selection(("*.jpg", "._*"), (".hidden/", "MACOSX/**"))
    found = list_small(str(disk), Storage(), selection=chosen)
    assert "._IMG_1.jpg" in names(found, disk) and ".hidden/IMG_1.jpg" not in names(found, disk)
    assert found.kinds[ignored.EXCLUDED] == 2 and found.kinds[ignored.NOT_INCLUDED] == 1
    assert ignored.APPLE_DOUBLE in found.kinds  # .AppleDouble/ is another name


def test_nothing_left_is_a_wrong_request_that_says_what_was_there(disk):
    with pytest.raises(RequestError, match=r"no images there \(ignored 42: 16 not included"):
        list_small(str(disk), Storage(), selection=Selection(("*.tif",)))


@pytest.mark.parametrize(
    ("glob", "said"),
    [
        ("", "glob '': expected a path below the input"),
        ("/", "expected a path below the input"),
        ("a//b", "expected a path below the input"),
        ("../b/*", "expected a path below the input"),
        ("s3://media/in/*", "expected a path below the input"),
        ("[z-a].jpg", "bad character range"),
        ("/data/in/2024/*.jpg", "is below the input already; write '2024/\\*.jpg'"),
    ],
)
@pytest.mark.parametrize("field", ["include", "exclude"])
def test_a_wrong_glob_is_refused_at_once(glob, said, field):
    job = {"input": "/data/in", "output": "/data/out", "method": "center", "aspects": ["1:1"]}
    with pytest.raises(RequestError, match=said):
        Job.parse(job | {field: [glob]})


def test_globs_are_part_of_the_job():
    job = {"input": "/data/in", "output": "/data/out", "method": "center", "aspects": ["1:1"]}
    jobs = [Job.parse(job | each) for each in ({}, {"include": ["*.jpg"]}, {"exclude": ["*.jpg"]})]
    assert len({each.fingerprint for each in jobs}) == 3
    assert Selection.of(jobs[1]) == Selection(("*.jpg",), ())


def test_kinds_are_told_in_one_line():
    kinds = {ignored.SYNOLOGY: 34, ignored.APPLE_DOUBLE: 1180}
    assert in_words(kinds) == "1,214: 1,180 AppleDouble (._*), 34 Synology thumbnails (@eaDir)"
    assert in_words({}) == "0"
    assert in_words({ignored.OTHER: 1}) == "1: 1 other file"
    kinds = {ignored.OTHER: 2, ignored.NO_URI: 1}
    assert in_words(kinds) == "3: 2 other files, 1 row without a URI"


def test_status_tells_them(tmp_path):
    from typer.testing import CliRunner

    from deepcrop.cli.app import app

    write_output(tmp_path, [row(str(tmp_path), "/in/a.jpg")])
    record = json.loads((tmp_path / "job.json").read_text())
    assert read_status(str(tmp_path)).ignored == {}
    record["ignored_kinds"] = {ignored.APPLE_DOUBLE: 2, ignored.OTHER: 1}
    (tmp_path / "job.json").write_text(json.dumps(record))
    assert read_status(str(tmp_path)).record()["ignored"] == record["ignored_kinds"]
    said = CliRunner().invoke(app, ["status", str(tmp_path)]).stdout
    assert "ignored 3: 2 AppleDouble (._*), 1 other file\n" in said


def test_apple_double_is_known_by_its_bytes():
    # Whatever it is called: RFC 1740, appendix B.
    with pytest.raises(NotAnImage, match="AppleDouble"):
        probe(bytes.fromhex("00051607 00020000") + b"Mac OS X        " + bytes(60))

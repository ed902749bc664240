"""Small parts are merged, earlier states can be read, and open readers go on reading."""

from __future__ import annotations

import time

import pytest

from deepcrop.errors import RequestError
from deepcrop.manifest import compaction, history
from deepcrop.manifest.compaction import compact
from deepcrop.manifest.history import History, past
from deepcrop.manifest.parts import Part, current
from deepcrop.manifest.replacement import Replacer
from deepcrop.manifest.store import Manifest
from deepcrop.storage import Storage
from tests.manifest.test_store import row, table, variant


@pytest.fixture
def manifest(tmp_path) -> Manifest:
    """A manifest of twelve parts of two rows."""
    made = Manifest(str(tmp_path), Storage())
    for number in range(12):
        made.append(
            table(*(row(f"{number}{name}", variant(f"v{number}{name}", "1x1")) for name in "ab"))
        )
    return made


def uris(manifest: Manifest) -> list[str]:
    return manifest.table(["source_uri"])["source_uri"].to_pylist()


def rows_of(manifest: Manifest) -> dict[int, int]:
    return {number: manifest.read(number).num_rows for number in manifest.parts}


def again(manifest: Manifest) -> Manifest:
    found = Manifest(manifest.output, Storage())
    found.load_parts()
    return found


def test_a_merged_part_replaces_those_between_its_numbers():
    found = [Part(0, 0), Part(1, 5), Part(2, 3), Part(4, 4), Part(1, 9), Part(10, 10)]
    assert current(found) == [Part(0, 0), Part(1, 9), Part(10, 10)]
    for part in (Part(3, 3), Part(3, 17)):
        assert Part.parse(f"s3://b/out/manifest/images/{part.name}") == part
    assert Part.parse("part-x.parquet") is None


def test_small_parts_become_one_with_the_same_rows_and_variants(manifest, tmp_path):
    before = uris(manifest)
    assert compact(manifest, History(manifest), rows_of(manifest)) == 11
    assert uris(manifest) == before == uris(again(manifest))
    files = {path.name for path in (tmp_path / "manifest/images").iterdir()}
    assert files == {path.name for path in (tmp_path / "manifest/variants/aspect=1x1").iterdir()}
    assert files == {"part-000000-000011.parquet"}
    assert manifest.append(table(row("new"))) == 12 and uris(again(manifest)) == [*before, "new"]


def test_few_small_parts_and_large_ones_stay(manifest, monkeypatch):
    assert compact(manifest, History(manifest), dict.fromkeys(range(7), 2)) == 0
    monkeypatch.setattr(compaction, "MERGED_ROWS", 8)
    monkeypatch.setattr(compaction, "FEWEST", 4)
    sizes = rows_of(manifest) | {4: compaction.SMALL_ROWS}
    assert compact(manifest, History(manifest), sizes) == 6
    assert [manifest.part(each) for each in manifest.parts] == [
        *(Part(0, 3), Part(4, 4), Part(5, 8)),
        *(Part(9, 9), Part(10, 10), Part(11, 11)),
    ]


@pytest.mark.parametrize("dies_at", ["delete_parts", "delete_variants_parts", "put"])
def test_a_killed_compaction_counts_no_row_twice_and_the_next_run_tidies_up(
    manifest, tmp_path, monkeypatch, dies_at
):
    before = uris(manifest)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, dies_at, die)
        with pytest.raises(KeyboardInterrupt):
            compact(again(manifest), History(manifest), rows_of(manifest))
    left = again(manifest)
    assert uris(left) == before
    left.open()
    images = {path.name for path in (tmp_path / "manifest/images").iterdir()}
    assert images == {left.part(number).name for number in left.parts}
    assert {path.name for path in (tmp_path / "manifest/variants/aspect=1x1").iterdir()} <= images


def test_a_reader_that_has_listed_the_parts_reads_them_after_they_were_merged(manifest):
    reader, before = again(manifest), uris(manifest)
    tables = reader.tables(["source_uri"])
    first = next(tables)["source_uri"].to_pylist()
    compact(manifest, History(manifest), rows_of(manifest))
    assert first + [uri for part in tables for uri in part["source_uri"].to_pylist()] == before


def test_an_earlier_state_is_read_whatever_was_replaced_merged_and_removed(manifest, monkeypatch):
    kept = History(manifest)
    assert kept.take({}, changed=True) == 1
    states = {1: uris(manifest)}
    replacer = Replacer(manifest, kept)
    for number in (2, 3, 4):
        replacer.write({number: table(row(f"{number}c"))}, [])
        states[number] = uris(manifest)
        assert kept.take({}, changed=True) == number
    compact(manifest, kept, rows_of(manifest))
    assert kept.take({}, changed=False) == 4
    for number, state in states.items():
        assert uris(past(manifest, str(number))[0]) == state
    assert past(manifest, time.strftime("%Y-%m-%d", time.gmtime()))[1].number == 4
    for at, words in (
        ("9", "no such snapshot"),
        ("1999-01-01", "before the first"),
        ("x", "ISO|time"),
    ):
        with pytest.raises(RequestError, match=words):
            past(manifest, at)
    monkeypatch.setattr(history, "KEPT", 2)
    assert kept.take({}, changed=True) == 5 and kept.numbers() == [4, 5]


def test_replaced_rows_keep_their_places(manifest):
    before = uris(manifest)
    replacer = Replacer(manifest, History(manifest))
    new = table(row("3b", variant("new", "2x1")), row("0a"))
    replacer.replace(new, [3, 0])
    assert uris(manifest) == before
    assert manifest.read(3)["variants"].to_pylist()[1][0]["variant_uri"] == "new"
    assert not manifest.storage.exists(f"{manifest.output}/manifest/journal.json")

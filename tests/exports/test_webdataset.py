"""Shards of variants, as the library webdataset reads them."""

from pathlib import Path

import pytest

from deepcrop.cli import app
from tests.report.synthetic import BOXES, row, write_output, write_photo


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job of five sources, one failed, with its variants."""
    folder = tmp_path_factory.mktemp("job")
    rows = [row(str(folder), f"/in/{name}.v1.jpg") for name in "abcd"]
    rows.append(row(str(folder), "/in/e.jpg", error=("decode", "Corrupt", "broken")))
    for variant in (each for one in rows for each in one["variants"]):
        x0, y0, x1, y1 = BOXES[variant["aspect"]]
        write_photo(Path(variant["variant_uri"]), (x1 - x0, y1 - y0))
    write_output(folder, rows)
    return folder


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # its open file
def test_webdataset(output, tmp_path, capsys):
    import webdataset

    shards = tmp_path / "shards"
    arguments = ["export", str(output), "--as", "webdataset", "--to", str(shards)]
    assert app.exit_status(arguments) == 0
    first = (shards / "shard-000000.tar").read_bytes()
    assert app.exit_status(arguments) == 0
    assert (shards / "shard-000000.tar").read_bytes() == first
    dataset = webdataset.WebDataset(str(shards / "shard-000000.tar"), shardshuffle=False)
    samples = list(dataset.decode("pil"))
    assert len(samples) == 4
    assert samples[0]["json"]["source_uri"] == "/in/a.v1.jpg"
    assert samples[0]["1x1.jpg"].size == (200, 200) and samples[0]["16x9.jpg"].size == (300, 169)

"""Shards of variants, as the library webdataset reads them."""

from pathlib import Path

import pytest

from deepcrop.cli import app
from tests.report.synthetic import write_five


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job of five sources, one failed, with its variants."""
    return write_five(tmp_path_factory.mktemp("job"))


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

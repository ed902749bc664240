"""Listings: what is written down of URIs that carry secrets, and what a resumed job knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepcrop.sources.discovery import list_sources, with_secrets, without_secrets
from deepcrop.storage import Storage, strip_credentials

SIGNED = "https://ann:word@media.example/a/{}.jpg?w=800&X-Amz-Signature=0123abc"


@pytest.mark.parametrize(
    ("uri", "written"),
    [
        (
            SIGNED.format(1),
            "https://[redacted]@media.example/a/1.jpg?w=800&X-Amz-Signature=[redacted]",
        ),
        ("https://media.example/x?id=1", "https://media.example/x?id=1"),
        ("s3://bucket/token=abc/user@host", "s3://bucket/token=abc/user@host"),
        ("/media/password=no.jpg", "/media/password=no.jpg"),
    ],
)
def test_only_secrets_are_left_out(uri, written):
    assert strip_credentials(uri) == written


def test_a_listing_is_written_without_secrets_and_read_back_with_them(tmp_path: Path):
    path = tmp_path / "list.txt"
    path.write_text("\n".join([SIGNED.format(1), SIGNED.format(2), "/media/plain.jpg"]))
    listed = list_sources(str(path), Storage()).table
    written = without_secrets(listed)
    assert "0123abc" not in str(written.to_pylist()) and "word" not in str(written.to_pylist())
    assert with_secrets(written, str(path), Storage()).equals(listed)


def test_a_new_signature_makes_no_new_source(tmp_path: Path):
    tables = []
    for signature in ("0123abc", "4567def"):
        path = tmp_path / "list.txt"
        path.write_text(SIGNED.format(1).replace("0123abc", signature))
        tables.append(list_sources(str(path), Storage()).table)
    assert tables[0]["source_id"] == tables[1]["source_id"]
    assert tables[0]["key"] == tables[1]["key"]

"""libtiff's messages: silenced under the versions of Pillow that were tested, else one warning."""

import logging

import PIL
import pytest

from deepcrop.errors import Corrupt
from deepcrop.image import decode, libtiff
from tests.image.samples import photo, saved


@pytest.fixture
def fresh():
    libtiff.silence.cache_clear()
    yield
    libtiff.silence.cache_clear()


def broken_strip():
    data = bytearray(saved(photo()[:64, :64], "tiff", compression="tiff_lzw"))
    data[8:60] = bytes(52)
    return bytes(data)


def test_a_broken_strip_prints_nothing(capfd, fresh):
    with pytest.raises(Corrupt):
        decode(broken_strip())
    assert capfd.readouterr() == ("", "")


def test_another_version_of_pillow_is_left_alone_and_named_once(monkeypatch, caplog, fresh):
    monkeypatch.setattr(PIL, "__version__", "99.1.0")
    monkeypatch.setattr(libtiff, "_error_handler_setter", lambda: pytest.fail("it was touched"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            libtiff.silence()
    assert len(caplog.records) == 1
    assert "Pillow 99.1.0" in caplog.text


def test_a_pillow_without_the_function_is_named_once(monkeypatch, caplog, fresh):
    monkeypatch.setattr(libtiff, "_error_handler_setter", lambda: None)
    with caplog.at_level(logging.WARNING):
        libtiff.silence()
        libtiff.silence()
    assert len(caplog.records) == 1

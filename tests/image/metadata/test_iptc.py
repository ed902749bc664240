"""IPTC-IIM: captions and credits survive, what is of the source's pixels doesn't."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from deepcrop.image.metadata import iptc, iptc_xmp
from deepcrop.image.metadata.xmp import Packet


def dataset(record, number, value):
    return bytes((0x1C, record, number)) + len(value).to_bytes(2, "big") + value


CAPTION, CREDIT = dataset(2, 120, "Eine Straße".encode()), dataset(2, 110, b"An agency")
UTF8 = dataset(1, 90, b"\x1b%G")
UNTRUE = dataset(2, 131, b"L") + dataset(2, 202, b"\xff\xd8preview") + dataset(3, 30, b"\2\x58")


def test_resources_are_split_and_written():
    written = iptc.for_variant({iptc.IIM: UTF8 + CAPTION, 0x040A: b"\1", 0x0409: b"a thumbnail"})
    assert iptc.resources(written) == {iptc.IIM: UTF8 + CAPTION, 0x040A: b"\1"}


def test_layout_and_previews_are_left_out_and_the_digest_is_renewed():
    before = UTF8 + CAPTION + UNTRUE + CREDIT
    for digest, renewed in ((hashlib.md5(before).digest(), True), (bytes(16), False)):
        after = iptc.resources(iptc.for_variant({iptc.IIM: before, 0x0425: digest}))
        assert after[iptc.IIM] == UTF8 + CAPTION + CREDIT
        assert after.get(0x0425) == (
            hashlib.md5(UTF8 + CAPTION + CREDIT).digest() if renewed else None
        )


def test_long_datasets_and_broken_ends():
    long = bytes((0x1C, 2, 120, 0x80, 4)) + (40_000).to_bytes(4, "big") + b"a" * 40_000
    block = long + CREDIT + b"\x1c\2\x78\0\x40cut short"
    assert iptc.resources(iptc.for_variant({iptc.IIM: block}))[iptc.IIM] == long + CREDIT


def test_nothing_is_nothing():
    assert iptc.for_variant({}) is None
    assert iptc.for_variant({iptc.IIM: UNTRUE}) is None
    assert iptc.of_tiff(b"") is None
    assert iptc.resources(b"") == {}


def test_swapped_words_of_a_tiff_are_swapped_back():
    block = (CAPTION + CREDIT).ljust(36, b"\0")
    swapped = b"".join(block[at : at + 4][::-1] for at in range(0, len(block), 4))
    assert iptc.of_tiff(swapped) == iptc.of_tiff(block) == block


@given(st.binary(max_size=200))
def test_no_bytes_raise(data):
    iptc.for_variant({iptc.IIM: data})
    iptc.for_variant(iptc.resources(b"8BIM" + data))
    iptc.of_tiff(data)
    packet = iptc_xmp.added(None, iptc.texts(CAPTION + dataset(2, 80, data) + data))
    [subject] = Packet.parse(packet).subjects
    assert {each.split("}")[1] for each in subject} >= {"description"}

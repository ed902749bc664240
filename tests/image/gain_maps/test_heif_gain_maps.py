"""Gain maps of HEIC files, from boxes that are made here."""

import numpy as np

from deepcrop.image.gain_maps import binary, heif_form, xmp_form
from deepcrop.image.gain_maps.model import Parameters

SAMSUNG = "urn:com:samsung:photo:2024:aux:hdrgainmap"
PARAMETERS = Parameters((0.0,), (2.0,), alternate_headroom=2.0)
MAP = np.arange(12, dtype=np.uint8).reshape(3, 4)


def box(kind, body):
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def number(*values):
    return b"".join(value.to_bytes(2, "big") for value in values)


def file(*, kind=b"tmap", payload=b"", references=((b"dimg", 3, (1, 2)),)):
    """Return the boxes of a file whose third item has a payload and refers to others."""
    infe = [
        box(b"infe", b"\2\0\0\0" + number(item) + bytes(2) + name)
        for item, name in ((1, b"hvc1"), (2, b"hvc1"), (3, kind))
    ]
    iinf = box(b"iinf", bytes(4) + number(3) + b"".join(infe))
    iloc = b"\1\0\0\0\x44\0" + number(1, 3, 1, 0, 1) + bytes(4) + len(payload).to_bytes(4, "big")
    iref = b"".join(box(name, number(start, len(ends), *ends)) for name, start, ends in references)
    inside = iinf + box(b"iloc", iloc) + box(b"iref", bytes(4) + iref) + box(b"idat", payload)
    return box(b"ftyp", b"heic") + box(b"meta", bytes(4) + inside)


def test_the_map_of_a_tone_map():
    data = file(payload=b"\0" + binary.written(PARAMETERS))
    found = heif_form.find(data, {SAMSUNG: [2]}, lambda item: MAP * item, None)
    assert found().parameters == PARAMETERS
    assert np.array_equal(found().pixels, MAP[..., None] * 2)
    in_colour = heif_form.find(data, {SAMSUNG: [2]}, lambda item: np.dstack([MAP] * 3), None)
    assert in_colour().pixels.shape == (3, 4, 1)


def test_apples_map():
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:g="http://ns.apple.com/HDRGainMap/1.0/" g:HDRGainMapHeadroom="4"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    data = file(kind=b"mime", payload=packet, references=((b"cdsc", 3, (2,)),))
    found = heif_form.find(data, {xmp_form.APPLE_TYPE: [2]}, lambda item: MAP, None)
    assert found().parameters.maximum == (2.0,)


def test_a_map_without_parameters_is_told_and_not_read():
    found = heif_form.find(file(), {xmp_form.APPLE_TYPE: [2]}, lambda item: MAP, None)
    assert found() is None
    assert (
        heif_form.find(file(), {"urn:mpeg:hevc:2015:auxid:2": [2]}, lambda item: MAP, None) is None
    )

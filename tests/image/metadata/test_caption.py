"""The caption that a file's metadata gives."""

from io import BytesIO

import pytest
from PIL import Image

from deepcrop import image
from deepcrop.image.metadata.blocks import SourceMetadata
from deepcrop.image.metadata.caption import caption_of

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>
 <rdf:li xml:lang="x-default">a dog
 on a beach</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"""


def iim(number, text):
    data = text.encode()
    return b"\x1c\x02" + bytes([number]) + len(data).to_bytes(2, "big") + data


def with_exif(text):
    exif = Image.Exif()
    exif[270] = text
    sink = BytesIO()
    Image.new("RGB", (8, 8)).save(sink, "jpeg", exif=exif)
    return image.decode(sink.getvalue()).metadata


def test_xmp_comes_before_iptc_and_exif():
    both = SourceMetadata(xmp=XMP.encode(), photoshop={0x0404: iim(120, "a cat")})
    assert caption_of(both) == "a dog on a beach"
    assert caption_of(SourceMetadata(photoshop={0x0404: iim(120, "a cat")})) == "a cat"
    assert caption_of(SourceMetadata(photoshop={0x0404: iim(105, "Cats!")})) == "Cats!"


def test_exif_has_captions_and_names_of_cameras():
    assert caption_of(with_exif("a red bicycle")) == "a red bicycle"
    assert caption_of(with_exif("OLYMPUS DIGITAL CAMERA         ")) is None


@pytest.mark.parametrize("damaged", [b"", b"<x", b"\0" * 40])
def test_what_cannot_be_read_has_no_caption(damaged):
    assert (
        caption_of(SourceMetadata(xmp=damaged, exif=damaged, photoshop={0x0404: damaged})) is None
    )
    assert caption_of(SourceMetadata()) is None

"""Crop boxes and focal points as XMP sidecars."""

import xml.etree.ElementTree as ElementTree

from deepcrop.exports.xmp import xmp_packet
from tests.report.synthetic import row

SOURCE = row("/out", "/in/a b.jpg")
NAMES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "iptc": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


def test_regions_are_relative_and_say_what_they_are_for():
    packet = ElementTree.fromstring(xmp_packet(SOURCE).encode())
    regions = packet.findall(".//iptc:ImageRegion/rdf:Bag/rdf:li", NAMES)
    values = [
        {
            each.tag.rpartition("}")[2]: each.text
            for each in region.find("iptc:RegionBoundary", NAMES)
        }
        for region in regions
    ]
    assert [region.findtext("iptc:rId", namespaces=NAMES) for region in regions] == [
        "1x1", "16x9", "focal",
    ]  # fmt: skip
    assert values[0] == {
        "rbUnit": "relative", "rbShape": "rectangle",
        "rbX": "0.166667", "rbY": "0", "rbW": "0.666667", "rbH": "1",
    }  # fmt: skip
    assert values[2] == {
        "rbUnit": "relative", "rbShape": "circle", "rbX": "0.25", "rbY": "0.5", "rbRx": "0",
    }  # fmt: skip
    role = regions[0].find(".//xmp:Identifier/rdf:Bag/rdf:li", NAMES).text
    assert role == "http://cv.iptc.org/newscodes/imageregionrole/cropping"

"""Crops and focal points as photo metadata, and the command that writes all exports."""

import xml.etree.ElementTree as ElementTree

import pytest

from deepcrop import cli
from deepcrop.report.sidecars import xmp
from tests.report.synthetic import row, write_output

SOURCE = row("/out", "/in/a b.jpg")
FAILED = row("/out", "/in/c.jpg", error=("decode", "Corrupt", "broken"))
NAMES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "iptc": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


def test_regions_are_relative_and_say_what_they_are_for():
    packet = ElementTree.fromstring(xmp(SOURCE).encode())
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


@pytest.mark.parametrize(
    ("form", "target", "files"),
    [
        ("css", "focal.css", {"focal.css"}),
        ("imgproxy", "urls.csv", {"urls.csv"}),
        ("xmp", "side", {"side/a b.jpg.xmp", "side/d.jpg.xmp"}),
    ],
)
def test_the_command_writes_them(capsys, tmp_path, form, target, files):
    output = tmp_path / "out"
    write_output(output, [SOURCE, FAILED, row("/out", "/in/d.jpg")])
    place = tmp_path / "exported"
    assert cli._status(["export", str(output), "--as", form, "--to", str(place / target)]) == 0
    there = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert there == files and f"{len(files)} file" in capsys.readouterr().out

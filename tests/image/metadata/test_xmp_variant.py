"""XMP of a variant: every value by hand; what isn't of the source's pixels survives."""

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deepcrop.geometry import Box, Size
from deepcrop.image import Framing
from deepcrop.image.metadata.xmp import RDF, NotXmp, Packet, Struct, items
from deepcrop.image.metadata.xmp_variant import for_variant
from tests.image.test_framing import framings

TURNED = Framing(Size(400, 600), Size(200, 200), Box(0, 100, 400, 500), 6)
PLAIN = Framing(Size(600, 400), Size(100, 100), Box(100, 0, 500, 400))
WHOLE = Framing(Size(600, 400), Size(300, 200), Box(0, 0, 600, 400))
REARRANGED = Framing(Size(600, 400), Size(300, 400), None)
NAMESPACES = {
    "rdf": RDF[1:-1],
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "apple-fi": "http://ns.apple.com/faceinfo/1.0/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "HDRGainMap": "http://ns.apple.com/HDRGainMap/1.0/",
    "apdi": "http://ns.apple.com/pixeldatainfo/1.0/",
    "other": "http://example.com/other/",
}


def packet(inner="", attributes=""):
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/" {declared}><rdf:RDF>
      <rdf:Description rdf:about="" {attributes}>{inner}</rdf:Description>
    </rdf:RDF></x:xmpmeta>""".encode()


def name(qualified):
    prefix, local = qualified.split(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def rewritten(framing, inner="", attributes="", colour="srgb"):
    """Return the only description of a variant's packet; an empty one where none is left."""
    subjects = Packet.parse(for_variant(packet(inner, attributes), framing, colour)).subjects
    return subjects[0] if subjects else Struct(Packet.parse(packet()).subjects[0].element)


def as_element(properties):
    return "".join(f"<{key}>{value}</{key}>" for key, value in properties.items()), ""


def as_attribute(properties):
    return "", " ".join(f'{key}="{value}"' for key, value in properties.items())


forms = pytest.mark.parametrize("form", [as_element, as_attribute])


@forms
def test_sizes_and_orientation(form):
    subject = rewritten(
        TURNED,
        *form(
            {
                "tiff:ImageWidth": 600,
                "tiff:ImageLength": 400,
                "tiff:Orientation": 6,
                "exif:PixelXDimension": 600,
                "exif:PixelYDimension": 400,
                "exif:FocalLengthIn35mmFilm": 28,
                "tiff:Make": "a maker",
                "tiff:BitsPerSample": 8,
                "photoshop:ColorMode": 4,
            }
        ),
    )
    told = {each.split("}")[1]: subject.get(each) for each in subject}
    assert told == {
        "ImageWidth": "200",
        "ImageLength": "200",
        "Orientation": "1",
        "PixelXDimension": "200",
        "PixelYDimension": "200",
        "FocalLengthIn35mmFilm": "36",  # 28 * 721 / 566
        "Make": "a maker",
        "ColorMode": "3",
    }


@forms
def test_colours_are_named_as_they_are(form):
    inner = form(
        {
            "exif:ColorSpace": 65535,
            "exifEX:InteroperabilityIndex": "R03",
            "photoshop:ICCProfile": "Adobe RGB (1998)",
        }
    )
    for colour, expected in {
        "srgb": ("1", None, None),
        "profile": ("65535", None, "Adobe RGB (1998)"),
        "unchanged": ("65535", "R03", None),
    }.items():
        subject = rewritten(WHOLE, *inner, colour=colour)
        keys = ("exif:ColorSpace", "exifEX:InteroperabilityIndex", "photoshop:ICCProfile")
        assert tuple(subject.get(name(key)) for key in keys) == expected


@forms
def test_what_is_of_parts_that_are_gone_goes(form):
    gone = [
        *("xmpNote:HasExtendedXMP", "GCamera:MotionPhoto", "GCamera:MicroVideoOffset"),
        *("GDepth:Mime", "hdrgm:Version", "HDRGainMap:Version", "apdi:AuxiliaryImageType"),
        *("exif:ImageUniqueID", "dc:format", "photoshop:LegacyIPTCDigest"),
        *("crs:CropTop", "crs:CropAngle", "crs:HasCrop", "crs:UprightVersion"),
    ]
    stays = ["crs:Exposure2012", "xmp:Rating", "photoshop:Credit", "other:thing"]
    subject = rewritten(WHOLE, *form(dict.fromkeys(gone + stays, "1")))
    assert set(subject) == {name(key) for key in stays}


def test_structures_of_parts_that_are_gone_go():
    subject = rewritten(
        WHOLE,
        """<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource">
          <Container:Item Item:Mime="image/jpeg" Item:Semantic="GainMap" Item:Length="9"/></rdf:li>
        </rdf:Seq></Container:Directory>
        <xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource"><xmp:image>/9j</xmp:image>
        </rdf:li></rdf:Alt></xmp:Thumbnails>
        <crs:MaskGroupBasedCorrections><rdf:Seq><rdf:li/></rdf:Seq></crs:MaskGroupBasedCorrections>
        <other:spot rdf:parseType="Resource"><other:at stArea:x="0.5" stArea:y="0.5"/></other:spot>
        <xmp:Label>red</xmp:Label>""",
    )
    assert set(subject) == {name("xmp:Label")}


def test_captions_credits_and_rights_survive():
    inner = """<dc:creator><rdf:Seq><rdf:li>Ä. Person</rdf:li></rdf:Seq></dc:creator>
      <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© Ä. Person</rdf:li></rdf:Alt></dc:rights>
      <dc:description><rdf:Alt><rdf:li xml:lang="x-default">A caption</rdf:li></rdf:Alt>
      </dc:description><dc:subject><rdf:Bag><rdf:li>one</rdf:li><rdf:li>two</rdf:li></rdf:Bag>
      </dc:subject><xmpRights:Marked>True</xmpRights:Marked>
      <plus:DataMining>http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING</plus:DataMining>
      <Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>Somebody</rdf:li></rdf:Bag>
      </Iptc4xmpExt:PersonInImage>"""
    subject = rewritten(TURNED, inner)
    assert subject.get(name("plus:DataMining")).endswith("DMI-PROHIBITED-AIMLTRAINING")
    for key, texts in {
        "dc:creator": ["Ä. Person"],
        "dc:rights": ["© Ä. Person"],
        "dc:description": ["A caption"],
        "dc:subject": ["one", "two"],
        "Iptc4xmpExt:PersonInImage": ["Somebody"],
    }.items():
        assert [item.text for item in items(subject.child(name(key)))] == texts


@pytest.mark.parametrize(
    ("framing", "before", "after"),
    [
        (TURNED, "300 150 80 60", "124 100 30 40"),
        (TURNED, "50 150", None),
        (REARRANGED, "300 150", None),
        (WHOLE, "300 a", None),
    ],
)
def test_subject_areas(framing, before, after):
    inner = "".join(f"<rdf:li>{each}</rdf:li>" for each in before.split())
    subject = rewritten(framing, f"<exif:SubjectArea><rdf:Seq>{inner}</rdf:Seq></exif:SubjectArea>")
    array = items(subject.child(name("exif:SubjectArea")))
    assert (" ".join(item.text for item in array) or None) == after


def test_pixels_on_the_sensor_scale_and_turn():
    properties = {
        "exif:FocalPlaneXResolution": "6000/1",
        "exif:FocalPlaneYResolution": "4000",
        "exif:FocalPlaneResolutionUnit": 2,
    }
    keys = [name(f"exif:FocalPlane{axis}Resolution") for axis in "XY"]
    subject = rewritten(TURNED, *as_element(properties))
    assert [subject.number(key) for key in keys] == [2000, 3000]
    del properties["exif:FocalPlaneYResolution"]
    assert not set(keys) & set(rewritten(TURNED, *as_element(properties)))


def panorama(**changed):
    values = {
        "CroppedAreaImageWidthPixels": 600,
        "CroppedAreaImageHeightPixels": 400,
        "FullPanoWidthPixels": 1000,
        "FullPanoHeightPixels": 500,
        "CroppedAreaLeftPixels": 200,
        "CroppedAreaTopPixels": 50,
        "ProjectionType": "equirectangular",
        "UsePanoramaViewer": "True",
        "LargestValidInteriorRectLeft": 10,
    } | changed
    return as_attribute({f"GPano:{key}": value for key, value in values.items()})


def told(subject):
    prefix = name("GPano:")
    return {each.removeprefix(prefix): subject.get(each) for each in subject if prefix in each}


def test_a_panorama_keeps_its_place_in_the_sphere():
    box = Framing(Size(600, 400), Size(100, 100), Box(100, 0, 500, 400))
    assert told(rewritten(box, *panorama())) == {
        "CroppedAreaImageWidthPixels": "100",
        "CroppedAreaImageHeightPixels": "100",
        "FullPanoWidthPixels": "250",
        "FullPanoHeightPixels": "125",
        "CroppedAreaLeftPixels": "75",  # (200 + 100) / 4
        "CroppedAreaTopPixels": "12",
        "ProjectionType": "equirectangular",
        "UsePanoramaViewer": "False",
    }


def test_a_panorama_made_smaller_stays_one():
    values = told(rewritten(WHOLE, *panorama()))
    assert values["UsePanoramaViewer"] == "True"
    assert values["FullPanoWidthPixels"] == "500" and values["CroppedAreaLeftPixels"] == "100"


def test_a_panorama_made_smaller_before_counts_its_own_pixels():
    """The fields still count the original's pixels, twice as many as the file has."""
    doubled = {
        "CroppedAreaImageWidthPixels": 1200,
        "CroppedAreaImageHeightPixels": 800,
        "FullPanoWidthPixels": 2000,
        "FullPanoHeightPixels": 1000,
        "CroppedAreaLeftPixels": 400,
        "CroppedAreaTopPixels": 100,
    }
    assert told(rewritten(PLAIN, *panorama(**doubled))) == told(rewritten(PLAIN, *panorama()))


@pytest.mark.parametrize(
    ("framing", "changed"),
    [
        (TURNED, {}),
        (REARRANGED, {}),
        (WHOLE, {"FullPanoWidthPixels": "many"}),
        (WHOLE, {"FullPanoWidthPixels": 500}),  # smaller than its part
        (WHOLE, {"CroppedAreaLeftPixels": 900}),
        (WHOLE, {"CroppedAreaImageHeightPixels": 0}),
    ],
)
def test_a_panorama_that_cannot_be_placed_is_none(framing, changed):
    assert told(rewritten(framing, *panorama(**changed))) == {}


def test_a_variant_is_derived_from_its_source():
    subject = rewritten(
        WHOLE,
        """<xmpMM:DerivedFrom stRef:documentID="xmp.did:raw"/><xmpMM:InstanceID>xmp.iid:1
        </xmpMM:InstanceID>""",
        'xmpMM:DocumentID="xmp.did:1"',
    )
    assert name("xmpMM:InstanceID") not in subject and name("xmpMM:DocumentID") not in subject
    assert subject.get(name("xmpMM:OriginalDocumentID")) == "xmp.did:1"
    derived = subject.struct(name("xmpMM:DerivedFrom"))
    assert derived.get(name("stRef:documentID")) == "xmp.did:1"
    assert derived.get(name("stRef:instanceID")) == "xmp.iid:1"


def test_the_first_ancestor_stays():
    subject = rewritten(
        WHOLE, "", 'xmpMM:DocumentID="xmp.did:2" xmpMM:OriginalDocumentID="xmp.did:1"'
    )
    assert subject.get(name("xmpMM:OriginalDocumentID")) == "xmp.did:1"


def test_only_what_can_be_read_is_rewritten():
    with pytest.raises(NotXmp):
        for_variant(packet()[:-3], WHOLE, "srgb")


RICH = (
    """<mwg-rs:Regions rdf:parseType="Resource">
      <mwg-rs:AppliedToDimensions stDim:w="600" stDim:h="400" stDim:unit="pixel"/>
      <mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="A" mwg-rs:Type="Face">
        <mwg-rs:Area stArea:x=".5" stArea:y=".4" stArea:w=".1" stArea:h=".2"/></rdf:Description>
      </rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
    <MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li
      MPReg:Rectangle="0.1, 0.2, 0.3, 0.4"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>
    <Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li rdf:parseType="Resource">
      <Iptc4xmpExt:RegionBoundary rdf:parseType="Resource"><Iptc4xmpExt:rbShape>polygon
      </Iptc4xmpExt:rbShape><Iptc4xmpExt:rbUnit>relative</Iptc4xmpExt:rbUnit>
      <Iptc4xmpExt:rbVertices><rdf:Seq>
      <rdf:li Iptc4xmpExt:rbX=".1" Iptc4xmpExt:rbY=".1"/>
      <rdf:li Iptc4xmpExt:rbX=".9" Iptc4xmpExt:rbY=".1"/>
      <rdf:li Iptc4xmpExt:rbX=".5" Iptc4xmpExt:rbY=".9"/></rdf:Seq></Iptc4xmpExt:rbVertices>
      </Iptc4xmpExt:RegionBoundary></rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>
    <exif:SubjectArea><rdf:Seq><rdf:li>300</rdf:li><rdf:li>200</rdf:li></rdf:Seq>
    </exif:SubjectArea><xmpMM:DerivedFrom stRef:documentID="a"/>""",
    'xmpMM:DocumentID="b" tiff:ImageWidth="600" exif:FocalPlaneXResolution="1/2" '
    'exif:FocalPlaneYResolution="1/2" GPano:FullPanoWidthPixels="600"',
)


@given(st.integers(0, 2**32), framings())
def test_mutated_packets_never_raise_anything_else(seed, framing):
    """Bytes, and whole tags and attributes, are changed, doubled, moved and cut out."""
    chance = random.Random(seed)
    parts = packet(*RICH).replace(b">", b">\n").split(b"\n")
    for _ in range(chance.randint(1, 4)):
        at, other = chance.randrange(len(parts)), chance.randrange(len(parts))
        match chance.randrange(5):
            case 0:
                parts[at] = parts[other]
            case 1:
                del parts[at]
            case 2:
                parts.insert(at, parts[other])
            case 3:
                line = bytearray(parts[at] or b" ")
                line[chance.randrange(len(line))] = chance.randrange(256)
                parts[at] = bytes(line)
            case 4:
                parts[at] = parts[at].replace(b".", chance.choice([b"e", b"-", b"9" * 9, b""]))
    try:
        data = for_variant(b"\n".join(parts), framing, chance.choice(["srgb", "unchanged"]))
    except NotXmp:
        return
    again = for_variant(data, Framing(framing.output, framing.output, Box(0, 0, 1, 1)), "srgb")
    Packet.parse(again)


@given(framings())
def test_a_changed_packet_is_one(framing):
    assume(framing.box is not None)
    data = for_variant(packet(*RICH), framing, "srgb")
    for subject in Packet.parse(data).subjects:
        for each in subject:
            assert subject.get(each) is not None or subject.child(each) is not None

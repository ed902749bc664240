"""Image regions of three standards, carried over by hand, and against the pixels themselves."""

import pytest
from hypothesis import given

from deepcrop.exports.xmp import xmp_packet
from deepcrop.geometry import Box, Size
from deepcrop.image import Framing
from deepcrop.image.metadata.xmp import Packet, Struct, items
from deepcrop.image.metadata.xmp_variant import for_variant
from tests.image.metadata.test_xmp_variant import PLAIN, REARRANGED, TURNED, WHOLE, name, rewritten
from tests.image.test_framing import framings


def mwg(*areas, size=(600, 400), form="resource", extra=""):
    """Write regions: each a text of attributes of stArea."""
    dimensions = ""
    if size:
        dimensions = (
            f'<mwg-rs:AppliedToDimensions stDim:w="{size[0]}" stDim:h="{size[1]}" '
            'stDim:unit="pixel"/>'
        )
    listed = ""
    for number, area in enumerate(areas):
        fields = f"<mwg-rs:Name>{number}</mwg-rs:Name><mwg-rs:Area {area}/>{extra}"
        if form == "resource":
            listed += f'<rdf:li rdf:parseType="Resource">{fields}</rdf:li>'
        else:
            listed += f"<rdf:li><rdf:Description>{fields}</rdf:Description></rdf:li>"
    return f"""<mwg-rs:Regions rdf:parseType="Resource">{dimensions}
        <mwg-rs:RegionList><rdf:Bag>{listed}</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"""


def area(x, y, w=None, h=None):
    values = {"x": x, "y": y, "w": w, "h": h, "unit": "normalized"}
    return " ".join(f'stArea:{k}="{v}"' for k, v in values.items() if v is not None)


def placed(subject):
    """Return what is left: {name: (x, y, w, h)}."""
    regions = subject.struct(name("mwg-rs:Regions"))
    if regions is None:
        return {}
    found = {}
    for item in items(regions.child(name("mwg-rs:RegionList"))):
        box = Struct(item).struct(name("mwg-rs:Area"))
        values = [box.number(name(f"stArea:{each}")) for each in "xywh"]
        found[Struct(item).get(name("mwg-rs:Name"))] = tuple(v for v in values if v is not None)
    return found


@pytest.mark.parametrize("form", ["resource", "description"])
def test_faces_move_with_the_picture(form):
    face = area(0.35, 0.2, 0.2, 0.3)
    subject = rewritten(TURNED, mwg(face, form=form))
    assert placed(subject) == {"0": pytest.approx((0.8, 0.275, 0.3, 0.3))}
    dimensions = subject.struct(name("mwg-rs:Regions")).struct(name("mwg-rs:AppliedToDimensions"))
    assert [dimensions.get(name(f"stDim:{each}")) for each in "wh"] == ["200", "200"]


def test_faces_are_clipped_or_removed():
    subject = rewritten(
        PLAIN,  # columns 100 to 500 of 600
        mwg(
            area(100 / 600, 0.5, 0.2, 0.2),  # 40 to 160: its right half is left
            area(50 / 600, 0.5, 0.1, 0.2),  # 20 to 80: gone
            area(0.5, 0.5),  # a point
            area(0.1, 0.5),  # a point outside
            area(0.5, 0.5, 0.1, "wide"),
            'stArea:x="0.5" stArea:y="0.5" stArea:d="0.1"',  # a circle
            area(300, 200, 80, 80).replace("normalized", "pixel"),
        ),
    )
    assert placed(subject) == {
        "0": pytest.approx((30 / 400, 0.5, 60 / 400, 0.2), abs=1e-6),
        "2": pytest.approx((0.5, 0.5)),
    }


@pytest.mark.parametrize(
    ("framing", "regions"),
    [
        (PLAIN, mwg(area(0.01, 0.5, 0.01, 0.1))),
        (PLAIN, mwg()),
        (PLAIN, mwg(area(0.5, 0.5, 0.1, 0.1), size=(500, 500))),  # of another crop
        (REARRANGED, mwg(area(0.5, 0.5, 0.1, 0.1))),
    ],
)
def test_a_list_without_regions_goes(framing, regions):
    assert name("mwg-rs:Regions") not in rewritten(framing, regions + "<dc:source>x</dc:source>")


def test_positions_on_the_image_as_shown_are_told_by_its_size():
    face = area(0.8, 0.35, 0.3, 0.2)
    subject = rewritten(TURNED, mwg(face, size=(400, 600)))
    assert placed(subject) == {"0": pytest.approx((0.8, 0.275, 0.3, 0.3))}
    unknown = rewritten(TURNED, mwg(area(0.35, 0.2, 0.2, 0.3), size=None))
    assert placed(unknown) == {"0": pytest.approx((0.8, 0.275, 0.3, 0.3))}


def test_the_angle_of_a_turned_face_goes():
    extra = """<mwg-rs:Extensions rdf:parseType="Resource">
        <apple-fi:AngleInfoRoll>270</apple-fi:AngleInfoRoll>
        <apple-fi:ConfidenceLevel>900</apple-fi:ConfidenceLevel></mwg-rs:Extensions>"""
    for framing, left in ((WHOLE, "270"), (TURNED, None)):
        subject = rewritten(framing, mwg(area(0.5, 0.5, 0.1, 0.1), extra=extra))
        [item] = items(subject.struct(name("mwg-rs:Regions")).child(name("mwg-rs:RegionList")))
        extensions = Struct(item).struct(name("mwg-rs:Extensions"))
        assert extensions.get(name("apple-fi:AngleInfoRoll")) == left
        assert extensions.get(name("apple-fi:ConfidenceLevel")) == "900"


def people(*rectangles):
    listed = "".join(
        f"<rdf:li><rdf:Description MPReg:PersonDisplayName='{number}'"
        + (f' MPReg:Rectangle="{each}"' if each else "")
        + "/></rdf:li>"
        for number, each in enumerate(rectangles)
    )
    return f"""<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag>{listed}</rdf:Bag>
        </MPRI:Regions></rdf:Description></MP:RegionInfo>"""


def test_people_move_with_the_picture():
    inner = people("0.25, 0.05, 0.2, 0.3", "0, 0, 0.1, 0.1", "", "0.1, 0.2, 0.3", "a, b, c, d")
    subject = rewritten(TURNED, inner)
    array = subject.struct(name("MP:RegionInfo")).child(name("MPRI:Regions"))
    left = {
        Struct(item).get(name("MPReg:PersonDisplayName")): Struct(item).get(name("MPReg:Rectangle"))
        for item in items(array)
    }
    assert left == {"0": "0.65, 0.125, 0.3, 0.3", "2": None}
    assert name("MP:RegionInfo") not in rewritten(REARRANGED, inner)


def boundaries(*shapes):
    listed = "".join(
        f"""<rdf:li rdf:parseType="Resource"><Iptc4xmpExt:rId>{number}</Iptc4xmpExt:rId>
        <Iptc4xmpExt:RegionBoundary rdf:parseType="Resource">"""
        + "".join(
            f"<Iptc4xmpExt:rb{key}>{value}</Iptc4xmpExt:rb{key}>" for key, value in each.items()
        )
        + "</Iptc4xmpExt:RegionBoundary></rdf:li>"
        for number, each in enumerate(shapes)
    )
    return f"<Iptc4xmpExt:ImageRegion><rdf:Bag>{listed}</rdf:Bag></Iptc4xmpExt:ImageRegion>"


def bounds(subject):
    found = {}
    for item in items(subject.child(name("Iptc4xmpExt:ImageRegion"))):
        boundary = Struct(item).struct(name("Iptc4xmpExt:RegionBoundary"))
        values = {
            key: boundary.number(name(f"Iptc4xmpExt:rb{key}")) for key in ("X", "Y", "W", "H", "Rx")
        }
        vertices = [
            tuple(Struct(each).number(name(f"Iptc4xmpExt:rb{axis}")) for axis in "XY")
            for each in items(boundary.child(name("Iptc4xmpExt:rbVertices")))
        ]
        known = {key: value for key, value in values.items() if value is not None}
        found[Struct(item).get(name("Iptc4xmpExt:rId"))] = known or sorted(vertices)
    return found


def vertices(*points):
    return "".join(
        f'<rdf:li rdf:parseType="Resource"><Iptc4xmpExt:rbX>{x}</Iptc4xmpExt:rbX>'
        f"<Iptc4xmpExt:rbY>{y}</Iptc4xmpExt:rbY></rdf:li>"
        for x, y in points
    ).join(("<rdf:Seq>", "</rdf:Seq>"))


def test_iptc_regions_count_on_the_image_as_shown():
    relative, pixel = {"Unit": "relative"}, {"Unit": "pixel"}
    subject = rewritten(
        TURNED,  # 400x600 as shown, rows 100 to 500, halved
        boundaries(
            relative | {"Shape": "rectangle", "X": 0.5, "Y": 0.5, "W": 0.25, "H": 0.5},
            pixel | {"Shape": "rectangle", "X": 100, "Y": 50, "W": 100, "H": 100},
            relative | {"Shape": "circle", "X": 0.5, "Y": 0.5, "Rx": 0.1},
            pixel | {"Shape": "circle", "X": 100, "Y": 300, "Rx": 40},
            relative | {"Shape": "circle", "X": 0.5, "Y": 0.05, "Rx": 0.0},
            relative | {"Shape": "polygon", "Vertices": vertices((0, 0.5), (1, 0.5), (0, 0.75))},
            relative | {"Shape": "rectangle", "X": 0.5, "Y": 0.5},
            relative | {"Shape": "polygon", "Vertices": vertices((0, 0.5), (1, "low"))},
            relative | {"Shape": "star", "X": 0.5, "Y": 0.5},
        ),
    )
    assert bounds(subject) == {
        # (200, 300) to (300, 600), of which rows up to 500 are left.
        "0": pytest.approx({"X": 0.5, "Y": 0.5, "W": 0.25, "H": 0.5}),
        "1": pytest.approx({"X": 50, "Y": 0, "W": 50, "H": 25}),
        "2": pytest.approx({"X": 0.5, "Y": 0.5, "Rx": 0.1}),
        "3": pytest.approx({"X": 50, "Y": 100, "Rx": 20}),
        "5": [(0, 0.5), (0, 0.875), (1, 0.5)],
    }


def test_the_first_circles_radius_is_a_share_of_the_width():
    narrow = Framing(Size(600, 400), Size(150, 200), Box(0, 0, 300, 400))
    circle = {"Unit": "relative", "Shape": "circle", "X": 0.25, "Y": 0.5, "Rx": 0.1}
    assert bounds(rewritten(narrow, boundaries(circle)))["0"]["Rx"] == pytest.approx(0.2)
    assert bounds(rewritten(REARRANGED, boundaries(circle))) == {}


@given(framings())
def test_three_standards_agree(framing):
    """The same rectangle of the picture, told in each, stays the same rectangle."""
    left, top, right, bottom = 0.3, 0.2, 0.6, 0.7  # as stored
    corners = [(left, top), (right, bottom)]
    from deepcrop.image.framing import turned

    shown = [turned(x, y, framing.orientation) for x, y in corners]
    (x0, x1), (y0, y1) = (sorted(axis) for axis in zip(*shown, strict=True))
    stored = framing.stored
    subject = rewritten(
        framing,
        mwg(area(0.45, 0.45, 0.3, 0.5), size=(stored.width, stored.height))
        + people(f"{left}, {top}, {right - left}, {bottom - top}")
        + boundaries(
            {"Unit": "relative", "Shape": "rectangle", "X": x0, "Y": y0, "W": x1 - x0, "H": y1 - y0}
        ),
    )
    expected = framing.rectangle((left, top, right, bottom))
    if expected is None:
        assert placed(subject) == bounds(subject) == {}
        return
    x, y, w, h = placed(subject)["0"]
    assert (x - w / 2, y - h / 2, x + w / 2, y + h / 2) == pytest.approx(expected, abs=3e-6)
    box = bounds(subject)["0"]
    assert tuple(box[key] for key in "XYWH") == pytest.approx(
        (expected[0], expected[1], expected[2] - expected[0], expected[3] - expected[1]), abs=3e-6
    )


def test_what_the_export_writes_is_where_the_crop_is():
    """``deepcrop export --as xmp`` counts on the image as shown, as this does."""
    box = TURNED.box
    row = {
        "width": TURNED.source.width,
        "height": TURNED.source.height,
        "focal_x": 0.25,
        "focal_y": 0.5,
        "variants": [
            {"aspect": "1x1", **dict(zip(("x0", "y0", "x1", "y1"), box.corners, strict=True))}
        ],
    }
    packet = for_variant(xmp_packet(row).encode(), TURNED, "srgb")
    [subject] = Packet.parse(packet).subjects
    assert bounds(subject) == {
        "1x1": pytest.approx({"X": 0, "Y": 0, "W": 1, "H": 1}, abs=1e-5),
        "focal": pytest.approx({"X": 0.25, "Y": 0.5, "Rx": 0}),
    }

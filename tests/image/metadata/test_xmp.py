"""XMP packets: every form of a property is read and changed, the rest is as it was."""

from xml.etree import ElementTree

import pytest

from deepcrop.image.metadata.xmp import (
    RDF,
    NotXmp,
    Packet,
    Struct,
    decimal,
    items,
    keep_items,
    number,
)

X = "{http://example.com/x/}"
FORMS = {
    "resource": """<x:s rdf:parseType="Resource"><x:a>1</x:a><x:b> two </x:b></x:s>""",
    "description": """<x:s><rdf:Description><x:a>1</x:a><x:b>two</x:b></rdf:Description></x:s>""",
    "mixed": """<x:s><rdf:Description x:a="1"><x:b>two</x:b></rdf:Description></x:s>""",
    "attributes": """<x:s x:a="1" x:b="two"/>""",
    "qualified": """<x:s rdf:parseType="Resource"><x:a rdf:parseType="Resource">
        <rdf:value>1</rdf:value><x:q>why</x:q></x:a><x:b>two</x:b></x:s>""",
}


def packet(inner, attributes="", head="", meta=True):
    text = f"""<rdf:RDF xmlns:rdf="{RDF[1:-1]}"><rdf:Description rdf:about=""
        xmlns:x="{X[1:-1]}" {attributes}>{inner}</rdf:Description></rdf:RDF>"""
    wrapped = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{text}</x:xmpmeta>' if meta else text
    return f"{head}{wrapped}".encode()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_structure_is_read_and_changed(form):
    read = Packet.parse(packet(FORMS[form]))
    struct = read.subjects[0].struct(f"{X}s")
    assert (struct.get(f"{X}a"), struct.get(f"{X}b")) == ("1", "two")
    assert {f"{X}a", f"{X}b"} <= set(struct)
    assert struct.get(f"{X}c") is None and f"{X}c" not in struct
    struct.set(f"{X}a", "3")
    struct.set(f"{X}c", "new")
    struct.remove(f"{X}b")
    [again] = Packet.parse(read.tobytes()).subjects
    fields = again.struct(f"{X}s")
    assert (fields.get(f"{X}a"), fields.get(f"{X}b"), fields.get(f"{X}c")) == ("3", None, "new")


@pytest.mark.parametrize("meta", [True, False])
@pytest.mark.parametrize("form", ["attribute", "element"])
def test_simple_properties_have_two_forms(form, meta):
    data = (
        packet("", 'x:a="1"', meta=meta)
        if form == "attribute"
        else packet("<x:a>1</x:a>", meta=meta)
    )
    read = Packet.parse(data)
    [subject] = read.subjects
    assert subject.number(f"{X}a") == 1
    subject.set(f"{X}a", "2")
    assert Packet.parse(read.tobytes()).subjects[0].get(f"{X}a") == "2"
    subject.remove(f"{X}a")
    read.prune()
    assert read.subjects == []


def test_what_is_unknown_is_as_it_was():
    inner = """<x:t>a &amp; b &lt;c&gt; "d" \N{SNOWMAN}
    line</x:t>
     <x:l><rdf:Alt><rdf:li xml:lang="x-default">one</rdf:li><rdf:li xml:lang="de">eins</rdf:li>
     </rdf:Alt></x:l><y:z xmlns:y="http://example.com/y/" y:w="&quot;&#10;&amp;'"/>
     <x:cdata><![CDATA[<b>]]></x:cdata>"""
    before = packet(inner, head='<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>')
    after = Packet.parse(before + b"\n   \n<?xpacket end='w'?>\0\0").tobytes()

    def told(data):
        return [
            (each.tag, sorted(each.attrib.items()), (each.text or "").strip())
            for each in ElementTree.fromstring(data).iter()
        ]

    assert told(after) == told(before)
    assert b"xmlns:x=" in after and b"xmlns:y=" in after  # prefixes too: some readers go by them
    assert Packet.parse(after).tobytes() == after


def test_one_prefix_of_two_namespaces_is_told_apart():
    inner = """<p:a xmlns:p="http://one/">1</p:a><p:a xmlns:p="http://two/">2</p:a>
        <d xmlns="http://three/">3</d>"""
    [subject] = Packet.parse(Packet.parse(packet(inner)).tobytes()).subjects
    assert [subject.get(f"{{http://{each}/}}{name}") for each, name in
            (("one", "a"), ("two", "a"), ("three", "d"))] == ["1", "2", "3"]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not XML",
        b"<a/>",
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        packet("<x:a>"),
        packet("<u:a>an unbound prefix</u:a>"),
        packet("", head="<!DOCTYPE x>"),
        packet("<x:a>&e;</x:a>", head='<!DOCTYPE x [<!ENTITY e "text">]>'),
        packet("<x:a>&e;</x:a>"),
        packet("<x:a>" * 70 + "</x:a>" * 70),
        packet("")[:-5],
        packet("").replace(b"x/", b"\xff\xfe"),
    ],
)
def test_what_cannot_be_read_is_told(data):
    with pytest.raises(NotXmp):
        Packet.parse(data)


def test_other_encodings_are_read():
    data = packet("<x:a>größer</x:a>").decode().encode("utf-16")
    assert Packet.parse(data).subjects[0].get(f"{X}a") == "größer"


def test_items_are_taken_out():
    read = Packet.parse(
        packet(
            "<x:l><rdf:Bag><rdf:li>1</rdf:li> <rdf:li>2</rdf:li> <rdf:li>3</rdf:li></rdf:Bag></x:l>"
        )
    )
    array = read.subjects[0].child(f"{X}l")
    keep_items(array, items(array)[1:2])
    again = Packet.parse(read.tobytes()).subjects[0].child(f"{X}l")
    assert [item.text for item in items(again)] == ["2"]
    assert items(None) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5),
        (" 24/10 ", 2.4),
        ("-3", -3),
        ("1/0", None),
        ("nan", None),
        ("inf", None),
        ("1e400", None),
        ("1e999999999", None),
        ("abc", None),
        ("", None),
        (None, None),
        ("9" * 100, None),
    ],
)
def test_numbers(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (1.0, "1"), (0.0, "0"), (-0.0, "0"), (1 / 3, "0.333333"), (-0.25, "-0.25")],
)
def test_decimals(value, text):
    assert decimal(value) == text


def test_a_struct_without_fields_is_empty():
    assert list(Struct(ElementTree.fromstring("<a/>"))) == []

"""Convert IPTC-IIM to XMP, for file formats that can't store IPTC-IIM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement

from .xmp import RDF, Packet, Struct

_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_CORE = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
_PREFIXES = {_DC: "dc", _PHOTOSHOP: "photoshop", _CORE: "Iptc4xmpCore"}

# The properties of IPTC Core by IIM dataset, as the IPTC Photo Metadata Standard maps them.
_ARRAYS = {
    5: (f"{_DC}title", "Alt"),
    25: (f"{_DC}subject", "Bag"),
    80: (f"{_DC}creator", "Seq"),
    116: (f"{_DC}rights", "Alt"),
    120: (f"{_DC}description", "Alt"),
}
_SIMPLE = {
    40: f"{_PHOTOSHOP}Instructions",
    85: f"{_PHOTOSHOP}AuthorsPosition",
    90: f"{_PHOTOSHOP}City",
    92: f"{_CORE}Location",
    95: f"{_PHOTOSHOP}State",
    101: f"{_PHOTOSHOP}Country",
    103: f"{_PHOTOSHOP}TransmissionReference",
    105: f"{_PHOTOSHOP}Headline",
    110: f"{_PHOTOSHOP}Credit",
    115: f"{_PHOTOSHOP}Source",
    122: f"{_PHOTOSHOP}CaptionWriter",
}


def added(data: bytes | None, texts: Mapping[int, Sequence[str]]) -> bytes | None:
    """Add IPTC's texts to an XMP packet, except properties that the packet has already.

    Args:
        data: the packet, as `Packet` writes it; None if the source has none.
        texts: the texts of the application record, by dataset.
    """
    packet = Packet.parse(data) if data else Packet.empty()
    known = {name for subject in packet.subjects for name in subject}
    description = SubElement(packet.rdf, f"{RDF}Description", {f"{RDF}about": ""})
    for number, values in texts.items():
        name = _SIMPLE.get(number) or _ARRAYS.get(number, ("", ""))[0]
        if not name or name in known:
            continue
        packet.declare(name[1 : name.rindex("}")], _PREFIXES[name[: name.rindex("}") + 1]])
        if number in _SIMPLE:
            SubElement(description, name).text = values[0]
        else:
            _array(description, name, _ARRAYS[number][1], values)
    if next(iter(Struct(description)), None) is None:
        return data
    return packet.tobytes()


def _array(description: Element, name: str, kind: str, values: Sequence[str]) -> None:
    array = SubElement(SubElement(description, name), f"{RDF}{kind}")
    for value in values[:1] if kind == "Alt" else values:
        item = SubElement(array, f"{RDF}li")
        item.text = value
        if kind == "Alt":
            item.set("{http://www.w3.org/XML/1998/namespace}lang", "x-default")

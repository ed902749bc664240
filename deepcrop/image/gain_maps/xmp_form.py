"""The XMP form of gain maps: Adobe's parameters, and Google's list of a file's pictures.

Sources: Adobe Gain Map specification 1.0 (namespace hdrgm) and Android's Ultra HDR image format 1.1
(Container and Item). Apple's older maps have properties of their own.
"""

from __future__ import annotations

from xml.etree.ElementTree import SubElement

from ..metadata.xmp import RDF, NotXmp, Packet, Struct, items, number
from .model import Channels, Parameters

_MAP = "{http://ns.adobe.com/hdr-gain-map/1.0/}"
_CONTAINER = "{http://ns.google.com/photos/1.0/container/}"
_ITEM = "{http://ns.google.com/photos/1.0/container/item/}"
_APPLE_AUXILIARY = "{http://ns.apple.com/pixeldatainfo/1.0/}AuxiliaryImageType"
_APPLE = "{http://ns.apple.com/HDRGainMap/1.0/}"
APPLE_TYPE = "urn:com:apple:photo:2020:aux:hdrgainmap"
"""Apple's name of the auxiliary image that is a gain map."""


def parse(packet: bytes) -> Parameters | None:
    """Read the parameters in a gain map's own packet; None if there are none that make sense."""
    for subject in _subjects(packet):
        if subject.get(f"{_MAP}BaseRenditionIsHDR") in ("True", "true", "1"):
            return None
        maximum = _channels(subject, "GainMapMax", None)
        capacity = subject.number(f"{_MAP}HDRCapacityMax")
        if maximum is None or capacity is None:
            continue
        values = {
            name: _channels(subject, name, default)
            for name, default in (
                ("GainMapMin", 0.0), ("Gamma", 1.0), ("OffsetSDR", 1 / 64), ("OffsetHDR", 1 / 64),
            )
        }  # fmt: skip
        count = max(len(maximum), *(len(each or ()) for each in values.values()))
        low, gamma, base, alternate = (_widened(each, count) for each in values.values())
        high = _widened(maximum, count)
        if not (low and gamma and base and alternate and high):
            continue
        parameters = Parameters(
            low, high, gamma, base, alternate,
            subject.number(f"{_MAP}HDRCapacityMin") or 0.0, capacity,
        )  # fmt: skip
        if parameters.plausible:
            return parameters
    return None


def is_apple(packet: bytes) -> bool:
    """Return whether a packet says that its picture is Apple's gain map."""
    return any(each.get(_APPLE_AUXILIARY) == APPLE_TYPE for each in _subjects(packet))


def apple_headroom(packet: bytes) -> float | None:
    """Return the headroom that newer maps of Apple state; None in older ones."""
    for subject in _subjects(packet):
        headroom = subject.number(f"{_APPLE}HDRGainMapHeadroom")
        if headroom is not None and 1 < headroom < 1000:
            return headroom
    return None


def for_map(parameters: Parameters) -> bytes:
    """Write the packet of a gain map."""
    packet = Packet.empty()
    packet.declare(_MAP[1:-1], "hdrgm")
    element = SubElement(packet.rdf, f"{RDF}Description", {f"{RDF}about": ""})
    element.set(f"{_MAP}Version", "1.0")
    element.set(f"{_MAP}BaseRenditionIsHDR", "False")
    element.set(f"{_MAP}HDRCapacityMin", _decimal(parameters.base_headroom))
    element.set(f"{_MAP}HDRCapacityMax", _decimal(parameters.alternate_headroom))
    for name, values in (
        ("GainMapMin", parameters.minimum), ("GainMapMax", parameters.maximum),
        ("Gamma", parameters.gamma), ("OffsetSDR", parameters.base_offset),
        ("OffsetHDR", parameters.alternate_offset),
    ):  # fmt: skip
        if len(values) == 1:
            element.set(f"{_MAP}{name}", _decimal(values[0]))
        else:
            sequence = SubElement(SubElement(element, f"{_MAP}{name}"), f"{RDF}Seq")
            for value in values:
                SubElement(sequence, f"{RDF}li").text = _decimal(value)
    return packet.tobytes()


def for_base(known: bytes | None, length: int) -> bytes:
    """Add to the base picture's packet that a gain map follows.

    Args:
        known: the packet so far; None for none.
        length: bytes of the gain map's JPEG.
    """
    packet = Packet.empty()
    if known:
        try:
            packet = Packet.parse(known)
        except NotXmp:
            packet = Packet.empty()
    for namespace, prefix in ((_MAP, "hdrgm"), (_CONTAINER, "Container"), (_ITEM, "Item")):
        packet.declare(namespace[1:-1], prefix)
    element = SubElement(packet.rdf, f"{RDF}Description", {f"{RDF}about": ""})
    element.set(f"{_MAP}Version", "1.0")
    sequence = SubElement(SubElement(element, f"{_CONTAINER}Directory"), f"{RDF}Seq")
    for semantic, size in (("Primary", None), ("GainMap", length)):
        item = SubElement(sequence, f"{RDF}li", {f"{RDF}parseType": "Resource"})
        fields = {f"{_ITEM}Semantic": semantic, f"{_ITEM}Mime": "image/jpeg"}
        if size is not None:
            fields[f"{_ITEM}Length"] = str(size)
        SubElement(item, f"{_CONTAINER}Item", fields)
    return packet.tobytes()


def _subjects(packet: bytes) -> list[Struct]:
    try:
        return Packet.parse(packet).subjects
    except NotXmp:
        return []


def _channels(subject: Struct, name: str, default: float | None) -> Channels | None:
    """Return one number, or three; the default (None: nothing) if the property is missing."""
    listed = items(subject.child(f"{_MAP}{name}"))
    if listed:
        values = [number(each.text) for each in listed]
        known = tuple(each for each in values if each is not None)
        return known if len(known) == len(values) == 3 else None
    value = subject.number(f"{_MAP}{name}")
    if value is not None:
        return (value,)
    return None if default is None else (default,)


def _widened(values: Channels | None, count: int) -> Channels | None:
    return values * count if values is not None and len(values) == 1 else values


def _decimal(value: float) -> str:
    return f"{value:.6f}"

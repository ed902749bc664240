"""Read, change and write XMP packets (RDF in XML, ISO 16684-1), keeping unknown properties.

An XMP property may be written as an attribute, as an element, or as a structure in one of four
forms; :class:`Struct` reads and changes all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from xml.etree.ElementTree import Element, SubElement, TreeBuilder
from xml.parsers import expat

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XML = "http://www.w3.org/XML/1998/namespace"
_META = "{adobe:ns:meta/}xmpmeta"
_ARRAYS = frozenset((f"{RDF}Bag", f"{RDF}Seq", f"{RDF}Alt"))
_DEEPEST = 64
"""The deepest nesting of elements that is read, to limit recursion; real packets have about 15."""
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_TAIL = '<?xpacket end="w"?>'


class NotXmp(ValueError):
    """The bytes aren't a readable XMP packet."""


class Struct:
    """The fields of an XMP structure; field names have the form ``{namespace}local``."""

    def __init__(self, element: Element) -> None:
        """Wrap the element of a property, of an array's item or of a top-level rdf:Description."""
        self.element = element

    def __iter__(self) -> Iterator[str]:
        """Yield the fields' names."""
        for holder in self._holders():
            for name in [*holder.attrib, *(child.tag for child in holder)]:
                if name.startswith("{") and not name.startswith((RDF, f"{{{_XML}}}")):
                    yield name

    def __contains__(self, name: str) -> bool:
        """Return whether there is a field with this name."""
        return any(name == each for each in self)

    def get(self, name: str) -> str | None:
        """Return a field's text; None if the field is missing or is a structure."""
        for holder in self._holders():
            if name in holder.attrib:
                return holder.attrib[name].strip()
            child = holder.find(name)
            if child is not None:
                value = child.find(f"{RDF}value")
                return _text(child if value is None else value)
        return None

    def number(self, name: str) -> float | None:
        """Return a field's number; None if the field is missing or isn't a finite number."""
        return number(self.get(name))

    def child(self, name: str) -> Element | None:
        """Return the element of a field that is a structure or an array; None if it is missing."""
        for holder in self._holders():
            found = holder.find(name)
            if found is not None:
                return found
        return None

    def struct(self, name: str) -> Struct | None:
        """Return a field that is a structure; None if it is missing."""
        child = self.child(name)
        return None if child is None else Struct(child)

    def set(self, name: str, text: str) -> None:
        """Set a field's text; an existing field keeps its form (attribute or element)."""
        holders = self._holders()
        for holder in holders:
            if name in holder.attrib:
                holder.attrib[name] = text
                return
        if (known := self.child(name)) is not None:
            tail = known.tail
            known.clear()
            known.text, known.tail = text, tail
            return
        last = holders[-1]
        if last.get(f"{RDF}parseType") == "Resource" or (last is self.element and len(last)):
            child = Element(name)
            child.text, child.tail = text, last.text
            last.append(child)
        else:
            last.attrib[name] = text

    def remove(self, name: str) -> None:
        """Remove a field."""
        for holder in self._holders():
            holder.attrib.pop(name, None)
            for child in holder.findall(name):
                _detach(holder, child)

    def _holders(self) -> list[Element]:
        nested = [child for child in self.element if child.tag == f"{RDF}Description"]
        return [self.element, *nested[:1]]


def number(text: str | None) -> float | None:
    """Parse a finite decimal or rational number (``24/10``); None if the text is neither."""
    if text is None or len(text) > 64:
        return None
    top, _, bottom = text.partition("/")
    try:
        value = float(top) / float(bottom or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if abs(value) < 1e12 else None  # excludes NaN and infinity


def decimal(value: float) -> str:
    """Format a number with at most six decimals."""
    return f"{value:.6f}".rstrip("0").rstrip(".").replace("-0", "0", value > -5e-7)


def items(array: Element | None) -> list[Element]:
    """Return the items of a property that is an rdf:Bag, rdf:Seq or rdf:Alt."""
    if array is None:
        return []
    return [item for bag in array if bag.tag in _ARRAYS for item in bag if item.tag == f"{RDF}li"]


def keep_items(array: Element, kept: Sequence[Element]) -> None:
    """Remove all items of an array except the kept ones."""
    wanted = {id(item) for item in kept}
    for bag in array:
        if bag.tag in _ARRAYS:
            for item in list(bag):
                if id(item) not in wanted:
                    _detach(bag, item)


def texts(array: Element | None) -> list[str]:
    """Return the texts of an array's items."""
    return [_text(item) or "" for item in items(array)]


@dataclass(frozen=True)
class Packet:
    """An XMP packet.

    Attributes:
        root: the element x:xmpmeta or rdf:RDF; names have the form ``{namespace}local``.
        prefixes: the prefixes by namespace.
    """

    root: Element
    prefixes: dict[str, str]

    @classmethod
    def parse(cls, data: bytes) -> Packet:
        """Read a packet.

        Raises:
            NotXmp: the bytes aren't well-formed XML or RDF, are nested too deep, or have a document
                type, whose entities could expand without bound and which XMP doesn't use.
        """
        builder, prefixes, depth = TreeBuilder(), {_XML: "xml"}, 0
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True

        def clark(name: str) -> str:
            return f"{{{name}" if "}" in name else name

        def begin(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > _DEEPEST:
                raise NotXmp("elements nested too deep")
            builder.start(clark(name), {clark(key): text for key, text in attributes.items()})

        def end(name: str) -> None:
            nonlocal depth
            depth -= 1
            builder.end(clark(name))

        def declare(prefix: str | None, uri: str | None) -> None:
            if uri and uri not in prefixes:
                prefixes[uri] = _free(prefix or "ns", prefixes.values())

        def refuse(*_: object) -> None:
            raise NotXmp("it has a document type")

        parser.StartElementHandler, parser.EndElementHandler = begin, end
        parser.CharacterDataHandler = builder.data
        parser.StartNamespaceDeclHandler = declare
        parser.StartDoctypeDeclHandler = refuse
        try:
            wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))  # UTF-16
            parser.Parse(data if wide else data.strip(b"\0 \t\r\n"), True)
            root = builder.close()
        except (expat.ExpatError, ValueError, AssertionError) as error:
            raise error if isinstance(error, NotXmp) else NotXmp(str(error)) from error
        packet = cls(root, prefixes)
        _ = packet.rdf
        return packet

    @classmethod
    def empty(cls) -> Packet:
        """Return a packet without properties."""
        root = Element(_META)
        SubElement(root, f"{RDF}RDF")
        return cls(root, {_XML: "xml", _META[1 : _META.rindex("}")]: "x", RDF[1:-1]: "rdf"})

    @property
    def rdf(self) -> Element:
        """The element rdf:RDF."""
        if self.root.tag == f"{RDF}RDF":
            return self.root
        found = self.root.find(f"{RDF}RDF") if self.root.tag == _META else None
        if found is None:
            raise NotXmp("it has no rdf:RDF")
        return found

    @property
    def subjects(self) -> list[Struct]:
        """The top-level descriptions; their fields are the packet's properties."""
        return [Struct(each) for each in self.rdf]

    def prune(self) -> None:
        """Remove the top-level descriptions that have no fields left."""
        for subject in self.subjects:
            if next(iter(subject), None) is None:
                _detach(self.rdf, subject.element)

    def declare(self, namespace: str, prefix: str) -> None:
        """Declare a namespace; the prefix gets a number if another namespace uses it."""
        if namespace not in self.prefixes:
            self.prefixes[namespace] = _free(prefix, self.prefixes.values())

    def tobytes(self) -> bytes:
        """Return the packet in UTF-8, without the padding for edits in place."""
        used = {each[1 : each.rindex("}")] for each in _names(self.root) if each.startswith("{")}
        declared = "".join(
            f' xmlns:{prefix}="{_escaped(uri, True)}"'
            for uri, prefix in self.prefixes.items()
            if uri in used and uri != _XML
        )
        parts = [_HEAD, "\n"]
        self._write(self.root, parts, declared)
        return "".join([*parts, "\n", _TAIL]).encode()

    def _write(self, element: Element, parts: list[str], declared: str = "") -> None:
        name = self._qualified(element.tag)
        parts.append(f"<{name}{declared}")
        for key, text in element.attrib.items():
            parts.append(f' {self._qualified(key)}="{_escaped(text, True)}"')
        if len(element) or element.text:
            parts.append(f">{_escaped(element.text or '')}")
            for child in element:
                self._write(child, parts)
                parts.append(_escaped(child.tail or ""))
            parts.append(f"</{name}>")
        else:
            parts.append("/>")

    def _qualified(self, name: str) -> str:
        if not name.startswith("{"):
            return name
        uri, local = name[1:].rsplit("}", 1)
        return f"{self.prefixes[uri]}:{local}"


def _free(prefix: str, taken: Collection[str]) -> str:
    """Return the prefix, with a number appended if another namespace uses it."""
    names = (f"{prefix}{number or ''}" for number in count())
    return next(name for name in names if name not in taken)


def _names(element: Element) -> Iterator[str]:
    for each in element.iter():
        yield each.tag
        yield from each.attrib


def _text(element: Element) -> str | None:
    return (element.text or "").strip() if not len(element) else None


def _detach(parent: Element, child: Element) -> None:
    """Remove a child but keep the text that follows it (whitespace, in XMP)."""
    siblings = list(parent)
    at = siblings.index(child)
    if at == len(siblings) - 1:  # keep the indentation of the parent's end tag
        before = siblings[at - 1] if at else None
        if before is None:
            parent.text = child.tail
        else:
            before.tail = child.tail
    parent.remove(child)


def _escaped(text: str, attribute: bool = False) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = text.replace("\r", "&#13;")
    if attribute:
        text = text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return text

"""An XMP packet as it was written: its elements, and where in its bytes each one stands.

Packets are changed by putting bytes in between, never by writing them anew: so all that other programs wrote
stays as it is, to the last blank. XMP is a part of RDF/XML (ISO 16684-1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from facekit.errors import MetadataError
from facekit.files import untrusted
from facekit.metadata.namespaces import RDF, XML, Name

MOST_BYTES = 32 * untrusted.MIB
"""Of a sidecar: those of a photo developed with many masks have a few millions."""
_DEEPEST = 100
_MOST_ELEMENTS = 500_000

_TAG = re.compile(rb"<([^\s/>]+)(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")
_LISTS = frozenset(Name(RDF, kind) for kind in ("Bag", "Seq", "Alt"))
_DESCRIPTION, _LI, _ROOT = Name(RDF, "Description"), Name(RDF, "li"), Name(RDF, "RDF")


@dataclass(eq=False)
class Element:
    """An element of a packet. Its bytes are `start` … `end`; its content is `inner` … `close`, which are
    equal for `<a/>`, where `closed` is true. `scope` has the namespace of each prefix that holds inside."""

    name: Name
    attributes: dict[Name, str]
    scope: dict[str, str]
    start: int
    inner: int = 0
    close: int = 0
    end: int = 0
    tag: bytes = b""
    closed: bool = False
    children: list[Element] = field(default_factory=list)
    content: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text in it, or in the first item of a list in it."""
        for child in self.children:
            if child.name in _LISTS or child.name == _LI:
                return child.text
        return "".join(self.content).strip()

    def walk(self) -> Iterator[Element]:
        """It and all below it, in the order of the document."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.children))

    # A structure of XMP has its fields as elements or as attributes, in itself or in an rdf:Description.

    @property
    def body(self) -> Element:
        """What holds the fields of a structure: its rdf:Description, or itself."""
        return next((child for child in self.children if child.name == _DESCRIPTION), self)

    def field(self, name: Name) -> Element | None:
        """The element of a field of the structure."""
        return next((child for child in self.body.children if child.name == name), None)

    def value(self, name: Name) -> str | None:
        """The text of a field of the structure."""
        for holder in (self, self.body):
            if name in holder.attributes:
                return holder.attributes[name]
        element = self.field(name)
        return None if element is None else element.text

    @property
    def container(self) -> Element | None:
        """The rdf:Bag, rdf:Seq or rdf:Alt in it."""
        return next((child for child in self.children if child.name in _LISTS), None)

    @property
    def items(self) -> list[Element]:
        """The items of the list in it."""
        holder = self.container
        return [] if holder is None else [child for child in holder.children if child.name == _LI]


class Packet:
    """A packet, read. Raises MetadataError, which names `place`, for what is none: no XML, with a DOCTYPE,
    out of all proportion, in another encoding than UTF-8, without an rdf:RDF."""

    def __init__(self, data: bytes, place: object) -> None:
        self.data, self.place = data, place
        root = _Reader(data, place).read()
        found = next((element for element in root.walk() if element.name == _ROOT), None)
        if found is None:
            raise MetadataError(f"{place}: is no XMP (it has no rdf:RDF)")
        self.rdf = found

    @property
    def descriptions(self) -> list[Element]:
        """The elements that hold the properties."""
        return [child for child in self.rdf.children if child.name == _DESCRIPTION]

    def properties(self, name: Name) -> list[Element]:
        """The elements of a property; one that is written well has one at most."""
        return [child for holder in self.descriptions for child in holder.children if child.name == name]


class _Reader:
    def __init__(self, data: bytes, place: object) -> None:
        self._data, self._place = data, place
        self._open: list[Element] = []
        self._root: Element | None = None
        self._declared: dict[str, str] = {}
        self._count = 0

    def read(self) -> Element:
        if len(self._data) > MOST_BYTES:
            raise MetadataError(f"{self._place}: has more than the {MOST_BYTES:,} bytes that are read")
        if self._data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise MetadataError(f"{self._place}: is in UTF-16: save it as UTF-8")
        parser = expat.ParserCreate("UTF-8", " ")
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartElementHandler = lambda name, attributes: self._start(
            name, attributes, parser.CurrentByteIndex
        )
        parser.EndElementHandler = lambda name: self._end(parser.CurrentByteIndex)
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.XmlDeclHandler = self._declaration
        try:
            parser.Parse(self._data, True)
        except expat.ExpatError as error:
            raise MetadataError(f"{self._place}: is no XML ({untrusted.reason(error)})") from None
        assert self._root is not None  # a document without an element is no XML
        return self._root

    def _doctype(self, *_: object) -> None:
        raise MetadataError(f"{self._place}: has a DOCTYPE, which no XMP has, and is not read")

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.casefold() not in ("utf-8", "us-ascii", "ascii"):
            raise MetadataError(f"{self._place}: is in {encoding[:40]}: save it as UTF-8")

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self._declared[prefix or ""] = uri or ""

    def _start(self, name: str, attributes: list[str], place: int) -> None:
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._open) >= _DEEPEST:
            raise MetadataError(f"{self._place}: is out of all proportion (too many elements, or too deep)")
        above = self._open[-1].scope if self._open else {"xml": XML}
        scope = {**above, **self._declared} if self._declared else above
        self._declared = {}
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        element = Element(Name.of(name), {Name.of(key): value for key, value in pairs}, scope, place)
        match = _TAG.match(self._data, place)
        assert match is not None  # expat read it
        element.inner, element.tag, element.closed = match.end(), match[1], match[0].endswith(b"/>")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, place: int) -> None:
        element = self._open.pop()
        if element.closed:
            element.close = element.end = element.inner
        else:
            element.close, element.end = place, self._data.index(b">", place) + 1

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].content.append(text)

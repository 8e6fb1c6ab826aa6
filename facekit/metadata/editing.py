"""Changes of a packet: bytes put in between others, which all stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from facekit.errors import MetadataError
from facekit.metadata import namespaces as ns
from facekit.metadata.areas import Area
from facekit.metadata.namespaces import Name
from facekit.metadata.packet import Element, Packet
from facekit.metadata.regions import FACE, Region, region_list

_BLANKS = re.compile(rb"(?:^|\n)([ \t]*)$")
# XML 1.0 has no other characters (section 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
    | {sign: f"&#{ord(sign)};" for sign in "\t\n\r"}
)

EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    f' <rdf:RDF xmlns:rdf="{ns.RDF}">\n'
    '  <rdf:Description rdf:about=""'
    + "".join(
        f'\n    xmlns:{ns.PREFIXES[uri]}="{uri}"' for uri in (ns.DC, ns.IPTC, ns.MWG, ns.AREA, ns.DIMENSIONS)
    )
    + "/>\n </rdf:RDF>\n</x:xmpmeta>\n"
    '<?xpacket end="w"?>\n'
).encode()
"""A packet without a property."""


def can_be_written(name: str) -> bool:
    """Whether XML has all characters of a name; of the control characters it has three."""
    return _NOT_XML.search(name) is None


@dataclass(frozen=True)
class NewRegion:
    """A region to write; `name` is None where nobody knows who it is."""

    name: str | None
    area: Area


class Editor:
    """Collects changes of a packet, and makes them at once."""

    def __init__(self, packet: Packet) -> None:
        self._packet = packet
        self._appended: dict[Element, list[_Node]] = {}
        self._replaced: dict[tuple[int, int], bytes] = {}

    def result(self) -> bytes:
        """The packet with all changes."""
        changes = dict(self._replaced)
        for element, nodes in self._appended.items():
            start, end, data = self._appending(element, nodes)
            changes[start, end] = data
        data = self._packet.data
        for (start, end), replacement in sorted(changes.items(), reverse=True):
            data = data[:start] + replacement + data[end:]
        Packet(data, self._packet.place)  # what cannot be read again is never written
        return data

    def add_regions(self, regions: Sequence[NewRegion], size: tuple[int, int]) -> None:
        """Add regions of faces, of a stored picture of this width and height."""
        items = [_region(region) for region in regions]
        there = region_list(self._packet)
        if there is None:
            self._append(self._holder(), _regions(items, size))
        elif (listed := there.field(ns.REGION_LIST)) is None:
            self._append(there.body, _node(ns.REGION_LIST, _node(Name(ns.RDF, "Bag"), *items)))
        elif listed.container is None:
            self._append(listed, _node(Name(ns.RDF, "Bag"), *items))
        else:
            for item in items:
                self._append(listed.container, item)

    def name_region(self, region: Region, name: str) -> None:
        """Give a region that is there a name, or another one."""
        field, element = region.name_field, region.element
        holder = next((each for each in (element, element.body) if field in each.attributes), None)
        node = element.field(field)
        if holder is not None:
            self._set_attribute(holder, field, name)
        elif node is not None:
            self._replaced[node.start, node.end] = _node(field, name).xml(element.body.scope)
        else:
            self._append(element.body, _node(field, name))

    def remove(self, element: Element) -> None:
        """Take an element away, with its line if it is alone on it."""
        self._replaced[_with_blanks_before(self._packet.data, element), element.end] = b""

    def list_names(self, property: Name, names: Iterable[str], *, without: Iterable[str] = ()) -> None:
        """Have the names in a list of the packet (`dc:subject`), each once, and not those `without`."""
        there = self._packet.properties(property)
        items = [item for element in there for item in element.items]
        texts = {item.text for item in items}
        for item in items:
            if item.text in set(without):
                self.remove(item)
        new = [_node(Name(ns.RDF, "li"), name) for name in dict.fromkeys(names) if name not in texts]
        if not new:
            return
        bag = next((element.container for element in there if element.container), None)
        if bag is not None:
            for node in new:
                self._append(bag, node)
        elif there:
            self._append(there[0], _node(Name(ns.RDF, "Bag"), *new))
        else:
            self._append(self._holder(), _node(property, _node(Name(ns.RDF, "Bag"), *new)))

    def _holder(self) -> Element:
        """Where a property is added: the first element of the packet that has some."""
        if not self._packet.descriptions:
            raise MetadataError(f"{self._packet.place}: is no XMP (it has no rdf:Description)")
        return self._packet.descriptions[0]

    def _append(self, element: Element, node: _Node) -> None:
        self._appended.setdefault(element, []).append(node)

    def _appending(self, element: Element, nodes: list[_Node]) -> tuple[int, int, bytes]:
        data = self._packet.data
        siblings = [child for child in element.children if (child.start, child.end) not in self._replaced]
        own = _indentation(data, element.start)
        indentation = _indentation(data, siblings[-1].start) if siblings else own + b" "
        written = b"".join(
            b"\n" + indentation + node.xml(element.scope, indentation.decode()) for node in nodes
        )
        if element.closed:
            tail = b">" + written + b"\n" + own + b"</" + element.tag + b">"
            return data.rindex(b"/", element.start, element.inner), element.inner, tail
        place = siblings[-1].end if siblings else element.inner
        return place, place, written if siblings else written + b"\n" + own

    def _set_attribute(self, element: Element, name: Name, value: str) -> None:
        tag = self._packet.data[element.start : element.inner]
        for prefix in (prefix for prefix, uri in element.scope.items() if uri == name.namespace):
            pattern = rf"\s{re.escape(prefix)}:{name.local}\s*=\s*(\"[^\"]*\"|'[^']*')".encode()
            if match := re.search(pattern, tag):
                start, end = (element.start + place for place in match.span(1))
                self._replaced[start, end] = f'"{value.translate(_ENTITIES)}"'.encode()
                return


@dataclass(frozen=True)
class _Node:
    """An element to write: with other elements in it, or with a text."""

    name: Name
    content: str | tuple[_Node, ...]
    attributes: tuple[tuple[Name, str], ...] = ()

    def namespaces(self) -> dict[str, None]:
        """All that it uses, in order."""
        used = {self.name.namespace: None, **{name.namespace: None for name, _ in self.attributes}}
        for child in self.content if isinstance(self.content, tuple) else ():
            used |= child.namespaces()
        return used

    def xml(self, scope: dict[str, str], indentation: str = "") -> bytes:
        """It, where these prefixes stand for namespaces; others are declared."""
        known = {uri: prefix for prefix, uri in scope.items() if prefix}
        prefixes: dict[str, str] = {}
        declared = ""
        for uri in self.namespaces():
            if uri not in known:
                prefixes[uri] = _free(ns.PREFIXES[uri], {*known.values(), *prefixes.values()})
                declared += f' xmlns:{prefixes[uri]}="{uri}"'
            else:
                prefixes[uri] = known[uri]
        return self._written(prefixes, declared, indentation).encode()

    def _written(self, prefixes: dict[str, str], declared: str, indentation: str) -> str:
        tag = f"{prefixes[self.name.namespace]}:{self.name.local}"
        attributes = "".join(
            f' {prefixes[name.namespace]}:{name.local}="{value.translate(_ENTITIES)}"'
            for name, value in self.attributes
        )
        if isinstance(self.content, str):
            return f"<{tag}{declared}{attributes}>{self.content.translate(_ENTITIES)}</{tag}>"
        if not self.content:
            return f"<{tag}{declared}{attributes}/>"
        inner = "".join(
            f"\n{indentation} {child._written(prefixes, '', indentation + ' ')}" for child in self.content
        )
        return f"<{tag}{declared}{attributes}>{inner}\n{indentation}</{tag}>"


def _free(prefix: str, taken: set[str]) -> str:
    return prefix if prefix not in taken else _free(f"{prefix}1", taken)


_RESOURCE = ((Name(ns.RDF, "parseType"), "Resource"),)


def _node(name: Name, *content: _Node | str) -> _Node:
    if len(content) == 1 and isinstance(content[0], str):
        return _Node(name, content[0])
    return _Node(name, tuple(node for node in content if isinstance(node, _Node)))


def _regions(items: Sequence[_Node], size: tuple[int, int]) -> _Node:
    sides = [(Name(ns.DIMENSIONS, side), str(length)) for side, length in zip("wh", size, strict=True)]
    dimensions = _Node(ns.APPLIED_TO, (), (*sides, (Name(ns.DIMENSIONS, "unit"), "pixel")))
    listed = _node(ns.REGION_LIST, _node(Name(ns.RDF, "Bag"), *items))
    return _Node(ns.REGIONS, (dimensions, listed), _RESOURCE)


def _region(region: NewRegion) -> _Node:
    area = region.area
    sides = zip("xywh", (area.x, area.y, area.width, area.height), strict=True)
    place = _Node(
        ns.REGION_AREA,
        (),
        (
            *((Name(ns.AREA, side), f"{value:.6f}") for side, value in sides),
            (Name(ns.AREA, "unit"), "normalized"),
        ),
    )
    name = () if region.name is None else (_node(ns.REGION_NAME, region.name),)
    return _Node(Name(ns.RDF, "li"), (*name, _node(ns.REGION_TYPE, FACE), place), _RESOURCE)


def _indentation(data: bytes, place: int) -> bytes:
    """The blanks before an element that begins its line."""
    match = _BLANKS.search(data, max(0, place - 200), place)
    return match[1] if match else b""


def _with_blanks_before(data: bytes, element: Element) -> int:
    """Where the line of an element begins, if it is alone on it."""
    blanks = len(_indentation(data, element.start))
    start = element.start - blanks
    return start - 1 if start and data[start - 1 : start] == b"\n" else element.start

"""Taking names out of a packet: people who are not, or no longer, in the photo."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from facekit.metadata import namespaces as ns
from facekit.metadata.editing import Editor, NewRegion
from facekit.metadata.packet import Packet
from facekit.metadata.regions import is_of, regions_of, same_name

_BRANCH = re.compile(r"[/|]")


@dataclass(frozen=True)
class Erased:
    """The `packet` without the `names` that were in it; `remaining` are those that stand in it elsewhere,
    as in a caption."""

    packet: Packet
    names: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()


def erase(packet: Packet, names: Collection[str], faces: Sequence[NewRegion]) -> Erased:
    """Take the names out of regions, keywords and people, but for those of the photo's `faces`: there a
    name stays where its face is."""
    if not names:
        return Erased(packet)
    editor, gone = Editor(packet), dict[str, None]()
    absent = [name for name in names if not any(same_name(face.name, name) for face in faces)]
    for region in regions_of(packet):
        name = next((name for name in names if same_name(region.name, name)), None)
        if name is not None and not any(
            same_name(face.name, name) and is_of(name, face.area, region) for face in faces
        ):
            editor.remove(region.element)
            gone[name] = None
    for property in (ns.SUBJECT, ns.PERSON_IN_IMAGE, *ns.TREES):
        for item in (item for element in packet.properties(property) for item in element.items):
            leaf = _BRANCH.split(item.text)[-1] if property in ns.TREES else item.text
            name = next((name for name in absent if same_name(leaf, name)), None)
            if name is not None:
                editor.remove(item)
                gone[name] = None
    after = Packet(editor.result(), packet.place)
    return Erased(after, tuple(gone), tuple(name for name in absent if _occurs(name, after)))


def _occurs(name: str, packet: Packet) -> bool:
    """Whether the name stands in a text that is not somebody else's name or a keyword."""
    lists = (*(packet.properties(property) for property in (ns.SUBJECT, ns.PERSON_IN_IMAGE, *ns.TREES)),)
    known = {item.text for elements in lists for element in elements for item in element.items}
    known |= {region.name for region in regions_of(packet) if region.name}
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    for element in packet.rdf.walk():
        texts = ("".join(element.content).strip(), *element.attributes.values())
        if any(word.search(text) for text in texts if text not in known):
            return True
    return False

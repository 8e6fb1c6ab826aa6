"""The faces of a `.picasa.ini`: what Picasa kept of a folder's photos without touching them.

Contacts2 has the names by number; a photo's section has `faces=rect64(…),number;…`, where sixteen hexadecimal
digits are left, top, right and bottom in 65535ths. Of RAW pictures they are of the upright picture, of others
of the stored one (config_files/picasa_faces.config of exiftool).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from facekit.errors import MetadataError
from facekit.files import untrusted
from facekit.metadata.areas import Area

NAMES = (".picasa.ini", "Picasa.ini")
_MOST_BYTES = 32 * untrusted.MIB
_SECTION = re.compile(r"\[(.+)\]")
_FACE = re.compile(r"rect64\(([0-9a-f]{1,16})\),([0-9a-f]{1,16})", re.IGNORECASE)
_WHOLE = 65535
_NOBODY = "ffffffffffffffff"


@dataclass
class Folder:
    """The faces of a folder's photos: names and areas by the photo's file name, and which photos were
    `turned` in Picasa: of those the areas are not of the picture that is there."""

    faces: dict[str, list[tuple[str | None, Area]]] = field(default_factory=dict)
    turned: set[str] = field(default_factory=set)

    def of(self, photo: Path) -> list[tuple[str | None, Area]]:
        """The faces of a photo."""
        return self.faces.get(_key(photo.name), [])

    def is_turned(self, photo: Path) -> bool:
        return _key(photo.name) in self.turned


def read(folder: Path) -> Folder:
    """What Picasa wrote in a folder; nothing where it was never. Raises MetadataError for a damaged file."""
    file = next((folder / name for name in NAMES if (folder / name).exists()), None)
    return Folder() if file is None else parse(untrusted.text(file, most=_MOST_BYTES, error=MetadataError))


def parse(text: str) -> Folder:
    """What a `.picasa.ini` says."""
    sections: defaultdict[str, dict[str, str]] = defaultdict(dict)
    section = ""
    for line in text.splitlines():
        if match := _SECTION.fullmatch(line.strip()):
            section = match[1]
            continue
        name, sign, value = line.partition("=")
        if sign:
            sections[section][name.strip()] = value.strip()
    people = {number.casefold(): name.split(";")[0].strip() for number, name in sections["Contacts2"].items()}
    found = Folder()
    for photo, values in sections.items():
        if values.get("rotate", "rotate(0)") != "rotate(0)":
            found.turned.add(_key(photo))
        faces = [
            (people.get(number.casefold().zfill(16)) or people.get(number.casefold()) or None, area)
            for digits, number in _FACE.findall(values.get("faces", ""))
            if number.casefold() != _NOBODY and (area := _area(digits))
        ]
        if faces:
            found.faces[_key(photo)] = faces
    return found


def _area(digits: str) -> Area | None:
    whole = digits.zfill(16)  # Picasa leaves out zeros at the left
    x0, y0, x1, y1 = (int(whole[place : place + 4], 16) / _WHOLE for place in (0, 4, 8, 12))
    return Area.of_box((x0, y0, x1, y1)) if x0 < x1 and y0 < y1 else None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()

"""The packets of XMP inside a photo, of whatever format it is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facekit.errors import MetadataError
from facekit.metadata.packet import MOST_BYTES, Packet
from facekit.pictures import headers, images, raw

XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
"""A packet of more than 64 kB is in several parts of a JPEG, of which each begins so: then come 32 digits
that are the packet's, its length, and where in it the part belongs (XMP specification part 3, 1.1.3.1)."""
_DIGITS, _NUMBER = 32, 4
_SCANNED = re.compile(rb"<x:xmpmeta\b.*?</x:xmpmeta>", re.DOTALL)
_MOST_SCANNED = 16


@dataclass(frozen=True)
class Inside:
    """What is inside a photo: width and height as its reader has it (None of a RAW picture), its packets, and
    what is wrong with others."""

    size: tuple[int, int] | None
    packets: tuple[Packet, ...]
    problems: tuple[str, ...] = ()


def inside(source: str) -> Inside:
    """The packets inside a photo. Raises PictureError for what is none."""
    data = images.content(source)
    if raw.is_raw(data, source):
        # Each camera's format keeps XMP somewhere else, and all keep it as it is.
        found = [match[0] for match in _SCANNED.finditer(data)]
        return _read(source, None, found[:_MOST_SCANNED])
    with images.opened(data, source) as image:
        if image.format == "PNG" and "xmp" not in image.info:
            image.load()  # it may stand behind the pixels
        own, size = image.info.get("xmp"), image.size
    packets = [own] if isinstance(own, bytes) and own.strip(b"\0 \n\r\t") else []
    try:
        further = list(extended(data)) if EXTENDED in data else []
    except MetadataError as error:
        return _read(source, size, packets, f"{source}: {error}")
    return _read(source, size, packets + further)


def _read(source: str, size: tuple[int, int] | None, found: list[bytes], *problems: str) -> Inside:
    packets = []
    wrong = list(problems)
    for data in found:
        try:
            packets.append(Packet(data.strip(b"\0 \n\r\t"), Path(source)))
        except MetadataError as error:
            wrong.append(f"{error} inside of it")
    return Inside(size, tuple(packets), tuple(wrong))


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The parts of a JPEG before its pixels: marker and content. Last, marker SOS with all from there on."""
    place = 2
    while match := headers.NEXT_MARKER.search(data, place):
        place = match.end()
        marker = data[place - 1]
        if marker == headers.SOS:
            break
        if marker in headers.ALONE:
            continue
        length = int.from_bytes(data[place : place + 2], "big")
        yield marker, data[place + 2 : place + length]
        place += max(length, 2)
    yield headers.SOS, data[place:]


def extended(data: bytes) -> Iterator[bytes]:
    """The packets of a JPEG that are in several parts. Raises MetadataError where one lacks some."""
    parts: defaultdict[bytes, dict[int, bytes]] = defaultdict(dict)
    lengths: dict[bytes, int] = {}
    for marker, content in segments(data):
        if marker == 0xE1 and content.startswith(EXTENDED):
            rest = content[len(EXTENDED) :]
            name, numbers = rest[:_DIGITS], rest[_DIGITS : _DIGITS + 2 * _NUMBER]
            lengths[name] = int.from_bytes(numbers[:_NUMBER], "big")
            parts[name][int.from_bytes(numbers[_NUMBER:], "big")] = rest[_DIGITS + 2 * _NUMBER :]
    for name, pieces in parts.items():
        whole = b"".join(pieces[place] for place in sorted(pieces))
        if len(whole) != lengths[name] or len(whole) > MOST_BYTES:
            raise MetadataError("a part of the XMP inside of it is missing")
        yield whole

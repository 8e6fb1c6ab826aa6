"""What a picture would cost to decode, told by its structure before any decoder runs.

Limits of bytes and pixels do not bound time and memory: half a megabyte of JPEG can ask for thousands of
passes over the same pixels, and a header can be longer than the picture. The limits here are far above what
cameras and programs write, and low enough that what they let through takes seconds.
"""

from __future__ import annotations

import re
import struct

_METADATA = 32_000_000
_SEGMENTS = 2_000
_EXIF_SEGMENTS = 64  # Pillow joins them one by one
_SCANS = 100
_JUNK = 100_000
_CHUNKS = 100_000
_BLOCKS = 500_000
_STRIPS = 100_000
_ENTRIES = 4_096
_TILE = 64_000_000
_HEADER = 64_000
# Pillow reads numbers written as text, and run lengths of BMP, a few million a second.
_TEXT = 25_000_000
_RUNS = 10_000_000

NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff]")
AFTER_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
ALONE = frozenset([0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)])
SOS, EOI = 0xDA, 0xD9


class CostError(Exception):
    """The picture is out of all proportion; the words say what there is too much of."""


def check(format: str, data: bytes) -> None:
    """Raise CostError for a picture of this format, by Pillow's name, whose structure is made to cost.

    What is damaged passes: the decoder tells what is wrong with it.
    """
    inspect = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "TIFF": _tiff, "BMP": _bmp, "PPM": _ppm}.get(format)
    if inspect is not None:
        inspect(data)


def _most(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise CostError(f"more than {limit:,} {what}")


def _jpeg(data: bytes) -> None:
    place, segments, exif, junk, scans = 2, 0, 0, 0, 0
    start = len(data)
    # Bytes that look like a scan occur by chance in what telephones append to a picture, such as a video.
    many = data.count(b"\xff\xda") > _SCANS
    while match := (AFTER_SCAN if scans else NEXT_MARKER).search(data, place):
        if not scans:
            junk += match.end() - place - 2
            _most(junk, _JUNK, "bytes between the parts of its header")
        place = match.end()
        marker = data[place - 1]
        if marker == EOI and scans:
            break
        if marker in ALONE:
            continue
        length = int.from_bytes(data[place : place + 2], "big")
        if marker == SOS:
            scans += 1
            start = min(start, place)
            _most(scans, _SCANS, "scans of the same pixels")
            if not many:
                break
        exif += marker == 0xE1 and data[place + 2 : place + 6] == b"Exif"
        segments += 1
        _most(segments - scans, _SEGMENTS, "segments of metadata")
        _most(exif, _EXIF_SEGMENTS, "segments of EXIF data")
        place += length
    _most(min(start, place) // 1_000_000, _METADATA // 1_000_000, "MB of metadata")


def _png(data: bytes) -> None:
    place = 8
    for _ in range(_CHUNKS):
        if place + 8 > len(data) or data[place + 4 : place + 8] == b"IEND":
            return
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    raise CostError(f"more than {_CHUNKS:,} chunks")


def _gif(data: bytes) -> None:
    """Up to the second frame, for which Pillow looks to tell an animation."""
    if len(data) < 13:
        return
    place, frames, blocks = 13 + _color_table(data[10]), 0, 0
    while place < len(data) and frames < 2:
        kind = data[place]
        if kind == 0x21:
            place += 2
        elif kind == 0x2C and place + 10 < len(data):
            frames += 1
            place += 11 + _color_table(data[place + 9])
        else:
            place += 1
            continue
        while place < len(data) and data[place]:
            place += 1 + data[place]
            blocks += 1
            _most(blocks, _BLOCKS, "blocks")
        place += 1
        blocks += 1
        _most(blocks, _BLOCKS, "blocks")


def _color_table(flags: int) -> int:
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


# How many bytes a value of each type has; others are passed over by Pillow.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_BYTES = (1, 2, 6, 7)
_TILE_WIDTH, _TILE_LENGTH = 322, 323


def _tiff(data: bytes) -> None:
    """The first page's directory."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    count_format, entry_format = ("Q", "HHQ8s") if big else ("H", "HHL4s")
    try:
        (place,) = struct.unpack_from(order + ("Q" if big else "L"), data, 8 if big else 4)
        (entries,) = struct.unpack_from(order + count_format, data, place)
        _most(entries, _ENTRIES, "entries in its directory")
        place += struct.calcsize(order + count_format)
        metadata, tile = 0, {_TILE_WIDTH: 1, _TILE_LENGTH: 1}
        for _ in range(entries):
            tag, kind, count, value = struct.unpack_from(order + entry_format, data, place)
            place += struct.calcsize(order + entry_format)
            if kind not in _BYTES:
                _most(count, _STRIPS, "strips, tiles or other numbers in a list")
            metadata += count * _SIZES.get(kind, 0)
            if tag in tile and kind in (3, 4) and count == 1:
                tile[tag] = struct.unpack_from(order + ("H" if kind == 3 else "L"), value)[0]
    # A directory that ends early, or lies nowhere, is for the decoder to tell.
    except (struct.error, OverflowError):
        return
    _most(metadata // 1_000_000, _METADATA // 1_000_000, "MB of metadata")
    _most(tile[_TILE_WIDTH] * tile[_TILE_LENGTH], _TILE, "pixels in a tile")


def _bmp(data: bytes) -> None:
    if data[30:31] in (b"\x01", b"\x02"):
        _most(len(data) // 1_000_000, _RUNS // 1_000_000, "MB of run lengths")


def _ppm(data: bytes) -> None:
    if data[1:2] in (b"1", b"2", b"3"):
        _most(len(data) // 1_000_000, _TEXT // 1_000_000, "MB of numbers written as text")
    header = re.sub(rb"#[^\r\n]*", b"", data[:_HEADER])
    if len(data) >= _HEADER and len(header.split(None, 3)) < 3:
        raise CostError(f"a header of more than {_HEADER:,} bytes")

"""Whether a video file breaks off: its containers say how many bytes they hold.

The length in seconds that a header tells is none of the video's own where there is sound, and a few frames
more or less are its usual error; a byte that is missing at the end is exact.

References: ISO/IEC 14496-12 (boxes of MP4 and MOV), RFC 8794 (EBML of Matroska and WebM), OpenDML (AVI).
"""

from __future__ import annotations

import os
from typing import BinaryIO

_BOXES = (b"moov", b"mdat", b"moof")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_MOST_ELEMENTS = 100_000


def is_cut_off(path: str) -> bool:
    """Whether bytes are missing at the end of an MP4, MOV, Matroska, WebM or AVI file; of other kinds, and of
    recordings whose length nobody wrote, it cannot be told."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(12)
            if start[4:8] == b"ftyp" or start[4:8] in _BOXES:
                return _box_is_cut(file, size)
            if start[:4] == _EBML:
                return _segment_is_cut(file, size)
            if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
                return _riff_is_cut(file, size)
    except OSError:
        pass
    return False


def _box_is_cut(file: BinaryIO, size: int) -> bool:
    place = 0
    for _ in range(_MOST_ELEMENTS):
        file.seek(place)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # up to the end of the file, or no box
            return False
        if place + length > size:
            return header[4:8] in _BOXES
        place += length
    return False


def _segment_is_cut(file: BinaryIO, size: int) -> bool:
    file.seek(4)
    header = _ebml_length(file)
    if header is None:
        return False
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != _SEGMENT:
        return False
    length = _ebml_length(file)
    return length is not None and file.tell() + length > size


def _ebml_length(file: BinaryIO) -> int | None:
    """A number of one to eight bytes; None where it is left open."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << (7 * (more + 1))) - 1 else value


def _riff_is_cut(file: BinaryIO, size: int) -> bool:
    place = 0
    for _ in range(_MOST_ELEMENTS):
        file.seek(place)
        header = file.read(12)
        if header[:4] != b"RIFF" or len(header) < 12:
            return False
        length = int.from_bytes(header[4:8], "little")
        if not length:  # the recording was not finished
            return False
        place += 8 + length
        if place > size:
            return True
        place += place % 2
    return False

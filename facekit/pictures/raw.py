"""Cameras' RAW pictures: the preview that each holds, a JPEG mostly as large as the picture itself.

LibRaw finds it, in a process of its own (`raw_reader.py`).
"""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from facekit import extras, settings

SUFFIXES = frozenset([".cr2", ".cr3", ".nef", ".nrw", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw"])
SECONDS = 60.0

_SIGNATURE = re.compile(rb"II\*\0.{4}CR|....ftypcrx |FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR", re.DOTALL)
_TIFF = (b"II*\0", b"MM\0*")
_READER = Path(__file__).with_name("raw_reader.py")
_KIND, _SUB_DIRECTORIES, _DNG = 254, 330, 50706
_MOST_ENTRIES = 4096
_TURNS = {3: 3, 5: 8, 6: 6}
"""LibRaw's words for how a picture lies, in EXIF's."""


class RawError(Exception):
    """There is no preview to be had; the words say why, and what to do."""


@dataclass(frozen=True)
class Preview:
    """The bytes of a JPEG or PPM; `width` and `height` of the RAW picture as the sensor has it, and how that
    lies, as EXIF counts it (1 … 8)."""

    data: bytes
    width: int
    height: int
    orientation: int

    def notes(self, size: tuple[int, int]) -> tuple[str, ...]:
        """What is to be said of a preview of this width and height."""
        if 2 * max(size) > max(self.width, self.height):
            return ()
        shown, whole = (f"{max(of)}×{min(of)}" for of in (size, (self.width, self.height)))
        return (f"only its preview was read, {shown} pixels of {whole}",)


def is_raw(data: bytes, source: str) -> bool:
    """Whether it is a RAW picture, by its beginning; several cameras' begin like TIFF, and have its ending
    or its first directory tell."""
    if _SIGNATURE.match(data):
        return True
    if not data.startswith(_TIFF):
        return False
    return os.path.splitext(source)[1].lower() in SUFFIXES or _has_small_first_page(data)


def installed() -> bool:
    return settings.has_package("rawpy")


@cache
def hint() -> str:
    """How RAW pictures can be read, where they cannot."""
    return f"{extras.install('raw')} to read them"


def preview(data: bytes) -> Preview:
    """Take the preview out of a RAW picture. Raises RawError."""
    if not installed():
        raise RawError(f"a camera's RAW picture: {hint()}, or convert it to JPEG")
    # Not with the folder of the program in the path: its modules have names of others.
    command = [sys.executable, "-P", str(_READER)]
    try:
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RawError(f"RAW picture that cannot be read (given up after {SECONDS:.0f} s)") from None
    line, _, embedded = done.stdout.partition(b"\n")
    about = None if done.returncode else _numbers_or_words(line)
    if about is None:
        raise RawError(f"RAW picture that cannot be read ({_end(done.returncode)})")
    if isinstance(about, str):
        raise RawError(f"RAW picture that cannot be read ({about})")
    width, height, flip = about
    return Preview(embedded, width, height, _TURNS.get(flip, 1))


def _numbers_or_words(line: bytes) -> tuple[int, int, int] | str | None:
    """What the reader says: width, height and turn, or what is wrong; None for anything else, since a file
    made to harm may have taken it over."""
    try:
        about = json.loads(line)
        if "error" in about:
            return "".join(letter for letter in str(about["error"]) if letter.isprintable())[:100]
        return int(about["width"]), int(about["height"]), int(about["flip"])
    except (ValueError, TypeError, KeyError):
        return None


def _end(status: int) -> str:
    if status < 0:
        return f"its decoder was ended by {signal.Signals(-status).name}"
    return f"its decoder ended with status {status}"


def _has_small_first_page(data: bytes) -> bool:
    """Whether the first directory of a TIFF says that it is a DNG, or that its picture is the small version
    of one in another directory: what cameras write, and nobody else."""
    order = "<" if data[:2] == b"II" else ">"
    values: dict[int, int] = {}
    try:
        (place,) = struct.unpack_from(order + "L", data, 4)
        (entries,) = struct.unpack_from(order + "H", data, place)
        for number in range(min(entries, _MOST_ENTRIES)):
            tag, kind, _, long = struct.unpack_from(order + "HHLL", data, place + 2 + 12 * number)
            values[tag] = (
                long if kind == 4 else struct.unpack_from(order + "H", data, place + 10 + 12 * number)[0]
            )
    except struct.error:
        return False
    return _DNG in values or (values.get(_KIND, 0) & 1 == 1 and _SUB_DIRECTORIES in values)

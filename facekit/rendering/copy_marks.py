"""The mark of a redacted copy: of which place it is a copy, and what its bytes were when it was written.

`facekit redacted <digest> <origin>` stands in a JPEG's or a video's comment, or in a PNG's text. The digest
is of all bytes of the file but itself (and the check sum that PNG has of it), so that a copy in which
somebody redacted more by hand, or wrote a caption, is known to be changed and is not replaced. The SHA-256 of
the photo, which other files have, is in no mark: a gallery keeps it with the person's name, and would tell
who was redacted.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from facekit.rendering.files import MARK

_MARK = re.compile(rb"facekit redacted ([0-9a-f]{16}) ([0-9a-f]{16})")
_UNSEALED = "0" * 16
_PNG = b"\x89PNG\r\n\x1a\n"
_CHECK_SUM = 4


@dataclass(frozen=True)
class CopyOrigin:
    """The place that something was redacted from; `sha256` is of that, not of the contents."""

    source: str
    sha256: str

    @property
    def mark(self) -> str:
        """What is written into the copy, to be sealed when the copy is whole."""
        return f"facekit redacted {_UNSEALED} {self.sha256}"

    @classmethod
    def of(cls, source: str) -> CopyOrigin:
        place = f"redacted {os.path.realpath(source)}".encode(errors="backslashreplace")
        return cls(source, hashlib.sha256(place).hexdigest()[:16])

    def has(self, comment: str | None) -> bool:
        """Whether the comment of a copy says that it was made from here."""
        found = _MARK.fullmatch((comment or "").encode(errors="replace"))
        return found is not None and found[2].decode() == self.sha256


def sealed(content: bytes) -> bytes:
    """A picture with its digest in its mark."""
    buffer = bytearray(content)
    _seal(buffer)
    return bytes(buffer)


def seal(path: Path) -> None:
    """Write the digest of a video into its mark. Raises OSError."""
    with path.open("r+b") as file, closing(mmap.mmap(file.fileno(), 0)) as content:
        _seal(content)


def _seal(content: bytearray | mmap.mmap) -> None:
    found = _MARK.search(content)
    assert found is not None, "what is sealed has a mark"
    content[found.start(1) : found.end(1)] = _digest(content, found).encode()
    if content[: len(_PNG)] == _PNG:
        chunk = b"tEXt" + MARK.encode() + b"\0" + content[found.start() : found.end()]
        content[found.end() : found.end() + _CHECK_SUM] = zlib.crc32(chunk).to_bytes(_CHECK_SUM, "big")


def is_as_written(path: Path) -> bool:
    """Whether nobody changed a copy since it was sealed. Raises OSError."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return False
        with closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as content:
            found = _MARK.search(content)
            return found is not None and found[1].decode() == _digest(content, found)


def _digest(content: bytearray | mmap.mmap, mark: re.Match[bytes]) -> str:
    rest = mark.end() + (_CHECK_SUM if content[: len(_PNG)] == _PNG else 0)
    digest = hashlib.sha256()
    with memoryview(content) as view:
        for start, end in ((0, mark.start(1)), (mark.end(1), mark.end()), (rest, len(content))):
            with view[start:end] as part:
                digest.update(part)
    return digest.hexdigest()[:16]

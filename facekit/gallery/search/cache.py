"""The search cache beside a large gallery: int8 codes of all vectors, mapped into memory.

`gallery.db.index` is derived and may be deleted at any time. It names the gallery's content by its
digest and carries a checksum; one that is damaged or of other content is extended or built anew. It
holds no names and no full vectors: finalists are read from the gallery.

It lies beside the file itself, not beside a symbolic link to it, so that a removal finds it. Only
a regular file that bears the mark of a cache is read, replaced or deleted: a file of the same name
may be the user's.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from facekit.gallery.search.codes import CodeScan

MAGIC = b"fkindex1"
# Magic, digest of the content, templates, dimension, radius, checksum, magic; padded so that arrays are
# aligned. Where the first magic is damaged, the second still tells whose file it is.
HEADER = struct.Struct("<8s16sQQd32s8s40x")
SECOND_MAGIC = 80
CHECKED = 48  # bytes of the header that the checksum covers
WORDS_A_SUM = 8192


@dataclass(frozen=True, eq=False)
class Cache:
    """The scan, and each row's subject and template number, and whether it is poor; rows of a subject stand
    together. `digest` is that of the settings whose content this is.
    """

    digest: int
    scan: CodeScan
    subjects: NDArray[np.int64]
    ids: NDArray[np.int64]
    poor: NDArray[np.bool_]


def place(gallery: Path) -> Path:
    return Path(f"{os.path.realpath(gallery)}.index")


def files(gallery: Path) -> list[Path]:
    """The cache, and drafts of it left by a killed process."""
    cache = place(gallery)
    named = re.compile(re.escape(cache.name) + r"(\.[0-9a-f]{16})?", re.DOTALL)
    candidates = (file for file in cache.parent.iterdir() if named.fullmatch(file.name))
    return sorted(file for file in candidates if is_cache(file))


def is_cache(file: Path) -> bool:
    """Whether facekit wrote the file. False for a link, a folder, and an empty file."""
    try:
        with _opened(file) as opened:
            return _is_marked(opened.read(HEADER.size))
    except OSError:
        return False


def discard(gallery: Path) -> None:
    """Delete the cache and its drafts."""
    for file in files(gallery):
        file.unlink(missing_ok=True)


def load(gallery: Path, dimension: int) -> Cache | None:
    """Map the cache, of this content or an earlier one; None when there is none that is whole."""
    try:
        with _opened(place(gallery)) as file:
            header = file.read(HEADER.size)
            if len(header) < HEADER.size:
                return None
            magic, content, rows, width, radius, checksum, _ = HEADER.unpack(header)
            sizes = _sizes(rows, width)
            whole = os.fstat(file.fileno()).st_size == HEADER.size + sum(sizes)
            if magic != MAGIC or width != dimension or not rows or not whole:
                return None
            payload = np.memmap(file, np.uint8, mode="r", offset=HEADER.size)
    except OSError:
        return None
    if _checksum(header, payload) != checksum:
        return None
    ids, subjects, scales, poor, codes = np.split(payload, np.cumsum(sizes)[:-1])
    scan = CodeScan(
        codes[: rows * width].view(np.int8).reshape(rows, width), scales.view(np.float32)[:rows], radius
    )
    digest = int.from_bytes(content, "little")
    numbers = subjects.view(np.int64)[:rows], ids.view(np.int64)[:rows]
    return Cache(digest, scan, *numbers, poor[:rows].astype(np.bool_))


def save(gallery: Path, cache: Cache) -> None:
    """Write the cache in one step: another process sees the old file or the whole new one.

    Raises OSError when the folder cannot be written, the disk is full, or a file that is no cache has
    that name.
    """
    target = place(gallery)
    if os.path.lexists(target) and not is_cache(target):
        raise FileExistsError(f"{target}: not a search cache")
    templates, dimension = cache.scan.codes.shape
    sizes = _sizes(templates, dimension)
    arrays: tuple[NDArray[Any], ...] = (
        *(cache.ids, cache.subjects, cache.scan.scales),
        *(cache.poor, cache.scan.codes),
    )
    payload = np.zeros(sum(sizes), np.uint8)
    for part, array in zip(np.split(payload, np.cumsum(sizes)[:-1]), arrays, strict=True):
        part[: array.nbytes] = array.reshape(-1).view(np.uint8)
    fields = (MAGIC, cache.digest.to_bytes(16, "little"), templates, dimension, cache.scan.radius)
    checksum = _checksum(HEADER.pack(*fields, b"", MAGIC), payload)
    draft = Path(f"{target}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(HEADER.pack(*fields, checksum, MAGIC))
            file.write(payload.data)
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _opened(file: Path) -> IO[bytes]:
    """A regular file, open to read; neither a link is followed nor a pipe waited for. Raises OSError."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return open(descriptor, "rb")
    os.close(descriptor)
    raise OSError(f"{file}: not a regular file")


def _is_marked(header: bytes) -> bool:
    return header.startswith(MAGIC) or header[SECOND_MAGIC : SECOND_MAGIC + len(MAGIC)] == MAGIC


def _sizes(templates: int, dimension: int) -> list[int]:
    """Bytes of ids, subjects, scales, whether poor, and codes, each a multiple of 64."""
    widths = (8, 8, 4, 1, dimension)
    return [-(-width * templates // 64) * 64 for width in widths]


def _checksum(header: bytes, payload: NDArray[np.uint8]) -> bytes:
    """A hash over the header and the sums of all 64 KiB blocks: at the speed of memory, and any
    changed bit changes a sum.
    """
    return blake2b(header[:CHECKED] + b"".join(_sums(payload.view("<u8"))), digest_size=32).digest()


def _sums(words: NDArray[np.uint64]) -> Iterator[bytes]:
    whole = len(words) // WORDS_A_SUM * WORDS_A_SUM
    yield words[:whole].reshape(-1, WORDS_A_SUM).sum(axis=1, dtype=np.uint64).tobytes()
    yield words[whole:].sum(dtype=np.uint64).tobytes()

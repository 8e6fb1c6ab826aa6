"""Pictures that are small to store and dear to decode are refused by their structure, in no time."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from facekit.errors import PictureError
from facekit.pictures.images import decode


def saved(format: str, size: tuple[int, int] = (64, 64), mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, format, **options)
    return file.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def jpeg(*inserted: bytes) -> bytes:
    whole = saved("JPEG")
    return whole[:2] + b"".join(inserted) + whole[2:]


def scans(count: int) -> bytes:
    whole = saved("JPEG", progressive=True)
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * count + whole[-2:]


def scans_behind_a_false_end() -> bytes:
    whole = saved("JPEG", progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + segment(0xFE, b"\xff\xd9" * 4) + last * 200 + whole[-2:]


def png(inserted: bytes) -> bytes:
    whole = saved("PNG")
    return whole[:33] + inserted + whole[33:]


def sliver(width: int, height: int) -> bytes:
    rows = zlib.compress((b"\0" + b"\0" * ((width + 7) // 8)) * height)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND")


def gif(inserted: bytes) -> bytes:
    whole = saved("GIF", mode="L")
    start = 13 + 3 * (2 << (whole[10] & 7)) * bool(whole[10] & 0x80)
    return whole[:start] + inserted + whole[start:]


def tiff(*, strips: int = 1, tile: int = 0, entries: int = 0, big: bool = False) -> bytes:
    values = [(256, 64), (257, 64), (258, 8), (259, 1), (262, 1)]
    values += [(322, tile), (323, tile), (324, 8), (325, 64)] if tile else [(278, 64)]
    rows = [(tag, 4, 1, value) for tag, value in values]
    rows += [] if tile else [(273, 4, strips, 8), (279, 4, strips, 64)]
    rows += [(40000 + number, 4, 1, 0) for number in range(entries)]
    if big:
        head = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, len(rows))
        return head + b"".join(struct.pack("<HHQQ", *row) for row in rows) + bytes(8 + 64 * 64)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(rows))
    return head + b"".join(struct.pack("<HHII", *row) for row in rows) + bytes(4 + 64 * 64)


def bmp_of_runs(size: int) -> bytes:
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 1078) + struct.pack("<IiiHHI", 40, 8000, 8000, 1, 8, 1)
    return head.ljust(1078, b"\0") + b"\1\1" * size


COSTLY: dict[str, Callable[[], bytes]] = {
    "scans of the same pixels": lambda: scans(200),
    "scans of the same pixels ": scans_behind_a_false_end,
    "segments of EXIF data": lambda: jpeg(*[segment(0xE1, b"Exif\0\0MM")] * 100),
    "segments of metadata": lambda: jpeg(*[segment(0xFE, b"")] * 3000),
    "MB of metadata": lambda: jpeg(*[segment(0xE2, bytes(65000))] * 600),
    "bytes between the parts": lambda: jpeg(b"\xff" * 200_000),
    "bytes between the parts ": lambda: jpeg(segment(0xFE, b"") + b"x" * 200_000),
    "chunks": lambda: png(chunk(b"teSt") * 110_000),
    "chunks ": lambda: png(chunk(b"IDAT") * 110_000),
    "blocks": lambda: gif(b"\x21\xfe" + b"\1c" * 600_000 + b"\0"),
    "blocks ": lambda: gif(b"\x21\xff\0" * 600_000),
    "strips": lambda: tiff(strips=1_000_000),
    "strips ": lambda: tiff(strips=10_000_000, big=True),
    "entries in its directory": lambda: tiff(entries=5000),
    "pixels in a tile": lambda: tiff(tile=32_000),
    "MB of run lengths": lambda: bmp_of_runs(6_000_000),
    "MB of numbers written as text": lambda: b"P3 3000 3000 255\n" + b"1 " * 14_000_000,
    "a header of more than": lambda: b"P6\n" + b"#\n" * 50_000 + b"8 8\n255\n" + bytes(192),
    "limit of 65535 a side": lambda: sliver(300_000, 20),
    "limit of 65535 a side ": lambda: sliver(1, 70_000),
}


@pytest.mark.parametrize("words", COSTLY)
def test_what_is_made_to_cost_is_refused_at_once(words: str) -> None:
    data = COSTLY[words]()
    began = time.process_time()
    with pytest.raises(PictureError, match=words.strip()):
        decode(data, "a.jpg")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "data",
    [
        jpeg(segment(0xE1, b"Exif\0\0MM"), *[segment(0xE2, bytes(60_000))] * 100),
        jpeg(b"\xff" * 50),
        saved("JPEG", progressive=True) + b"\xff\xda" * 500,
        saved("JPEG", progressive=True) + np.random.default_rng(1).bytes(1 << 20),
        scans(50),
        png(chunk(b"teSt") * 1000),
        gif(b"\x21\xfe" + b"\1c" * 1000 + b"\0"),
        tiff(),
        tiff(big=True),
        tiff(tile=64),
        b"P6\n" + b"# made by a verbose program\n" * 100 + b"8 8\n255\n" + bytes(192),
    ],
    ids=lambda data: f"{data[:4]!r}, {len(data)} bytes",
)
def test_what_cameras_and_programs_write_is_decoded(data: bytes) -> None:
    assert decode(data, "a").pixels.shape[2] == 3

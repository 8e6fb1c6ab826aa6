"""All XMP inside a photo is looked at, in whatever part of the file it is, and what is damaged is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from facekit.errors import PictureError
from facekit.metadata.inside import EXTENDED, inside
from facekit.metadata.marks import MarkReader
from facekit.metadata.regions import regions_of
from metadata import samples


def jpeg(*parts: bytes, xmp: bytes | None = None) -> bytes:
    """A small JPEG with these further APP1 segments."""
    file = io.BytesIO()
    Image.new("RGB", (200, 120)).save(file, "JPEG", **({"xmp": xmp} if xmp else {}))
    data = file.getvalue()
    further = b"".join(b"\xff\xe1" + (len(part) + 2).to_bytes(2, "big") + part for part in parts)
    return data[:2] + further + data[2:]


def part(piece: bytes, offset: int, whole: int, name: bytes = b"A" * 32) -> bytes:
    return EXTENDED + name + whole.to_bytes(4, "big") + offset.to_bytes(4, "big") + piece


def names(file: Path) -> list[str | None]:
    return [region.name for packet in inside(str(file)).packets for region in regions_of(packet)]


def test_a_packet_in_several_parts_is_put_together(tmp_path: Path) -> None:
    data, file = samples.EXIFTOOL, tmp_path / "a.jpg"
    half = len(data) // 2
    parts = [part(data[half:], half, len(data)), part(data[:half], 0, len(data))]
    file.write_bytes(jpeg(*parts, xmp=samples.DARKTABLE))
    assert names(file) == ["Ada"]
    file.write_bytes(jpeg(parts[0], xmp=samples.DIGIKAM))
    assert names(file) == ["Ada", "Ada"]
    assert inside(str(file)).problems == (f"{file}: a part of the XMP inside of it is missing",)


def test_what_stands_behind_the_pixels_of_a_png_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", samples.EXIFTOOL.decode())
    Image.new("RGB", (20, 12)).save(file, pnginfo=info)
    data = file.read_bytes()
    start = data.index(b"iTXt") - 4
    length = 12 + int.from_bytes(data[start : start + 4], "big")
    file.write_bytes(data[:start] + data[start + length : -12] + data[start : start + length] + data[-12:])
    assert names(file) == ["Ada"]


def test_raw_pictures_are_searched_for_packets(tmp_path: Path) -> None:
    file = tmp_path / "a.cr2"
    file.write_bytes(b"II*\0\x10\0\0\0CR" + b"\0" * 50 + samples.LIGHTROOM + b"\0" * 50)
    assert names(file) == ["Ada"]


def test_damaged_packets_are_told(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(jpeg(xmp=b"<damaged"))
    notes: list[str] = []
    reader = MarkReader(notes.append)
    assert reader.marks_of(str(file)) == []
    assert notes == reader.problems
    assert notes[0].startswith(f"{file}: is no XML")
    file.write_bytes(jpeg())
    assert inside(str(file)).packets == ()
    with pytest.raises(PictureError):
        inside(str(tmp_path / "none.jpg"))

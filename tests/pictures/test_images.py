"""Every picture is decoded right, or refused in one line; and no input hangs or prints warnings."""

import io
import os
import random
import stat
import struct
import sys
import threading
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageFile

from facekit.errors import PictureError
from facekit.pictures.images import FORMATS, decode, read

RED, WHITE = (255, 0, 0), (255, 255, 255)


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    if format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def ramp(height: int = 24, width: int = 32) -> Image.Image:
    """Smooth in each channel, so that lossy formats keep it; no two corners are alike."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


def refusal(data: bytes, **limits: int) -> str:
    with pytest.raises(PictureError) as caught:
        decode(data, "some/file.jpg", **limits)
    message = str(caught.value)
    assert message.startswith("some/file.jpg: ")
    assert message.isprintable()
    return message


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_decoded(name: str) -> None:
    options = {"quality": 95} if name in ("JPEG", "WEBP", "AVIF", "HEIF") else {}
    picture = decode(saved(ramp(), name, **options), "a")
    assert picture.pixels.shape == (24, 32, 3)
    assert picture.pixels.dtype == np.uint8
    assert picture.notes == ()
    tolerance = {"GIF": 60, "HEIF": 30}.get(name, 12)
    assert np.abs(picture.pixels.astype(int) - np.asarray(ramp())).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_exif_orientation_turns_the_picture_upright(name: str, orientation: int) -> None:
    lying = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    image = ramp() if lying is None else ramp().transpose(Image.Transpose(lying))
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(saved(image, name, exif=exif), "a").pixels
    assert pixels.shape == (24, 32, 3)
    assert np.abs(pixels.astype(int) - np.asarray(ramp())).mean() < 6


def test_a_damaged_exif_block_does_not_cost_the_picture() -> None:
    data = saved(ramp(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\x01" * 40)
    assert decode(data, "a").pixels.shape == (24, 32, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_every_kind_of_color_becomes_rgb(mode: str) -> None:
    white = Image.new("L", (8, 8), 255)
    image = (
        Image.fromarray(np.full((8, 8), 65535, np.uint16))
        if mode == "I;16"
        else white.convert("RGB").convert(mode)
    )
    pixels = decode(saved(image, "TIFF" if mode != "P" else "PNG"), "a").pixels
    assert np.array_equal(pixels, np.full((8, 8, 3), 255))


def test_cmyk_jpeg_keeps_its_color() -> None:
    pixels = decode(saved(Image.new("RGB", (16, 16), RED).convert("CMYK"), "JPEG"), "a").pixels
    assert np.abs(pixels[8, 8].astype(int) - RED).max() < 12


@pytest.mark.parametrize("name", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_gray_is_not_cut_off_at_255(name: str) -> None:
    deep = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    pixels = decode(saved(Image.fromarray(deep), name), "a").pixels
    assert np.abs(pixels[..., 0].astype(int) - (deep >> 8)).max() <= 1


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_a_scan_of_fewer_bits_than_its_file_has_is_as_bright_as_it_was(name: str, bits: int) -> None:
    deep = np.linspace(0, (1 << bits) - 1, 256).astype(np.uint16).reshape(16, 16)
    pixels = decode(saved(Image.fromarray(deep), name), "a").pixels
    assert np.abs(pixels[..., 0].ravel().astype(int) - np.arange(256)).max() <= 1


def test_gray_of_32_bits_is_not_cut_off_at_65535() -> None:
    deep = np.array([[-5, 0], [1 << 29, (1 << 30) - 1]], np.int32)
    pixels = decode(saved(Image.fromarray(deep), "TIFF"), "a").pixels
    assert pixels[..., 0].tolist() == [[0, 0], [128, 255]]


@pytest.mark.parametrize("highest", [1.0, 255.0])
def test_floating_point_gray_of_either_range(highest: float) -> None:
    values = np.array([[0, highest / 2], [highest, np.nan]], np.float32)
    pixels = decode(saved(Image.fromarray(values), "TIFF"), "a").pixels
    assert pixels[..., 0].tolist() == [[0, 128], [255, 0]]


def test_see_through_parts_lie_over_white() -> None:
    clear = Image.new("RGBA", (4, 4), (*RED, 0))
    clear.putpixel((0, 0), (*RED, 255))
    pixels = decode(saved(clear, "PNG"), "a").pixels
    assert tuple(pixels[0, 0]) == RED
    assert tuple(pixels[3, 3]) == WHITE


def test_a_palette_with_transparency_lies_over_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, *RED])
    image.putpixel((0, 0), 0)
    pixels = decode(saved(image, "PNG", transparency=bytes([0, 255])), "a").pixels
    assert tuple(pixels[0, 0]) == WHITE
    assert tuple(pixels[3, 3]) == RED


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GIF", "animation"),
        ("PNG", "animation"),
        ("WEBP", "animation"),
        ("TIFF", "pages"),
    ],
)
def test_of_several_frames_the_first_is_taken_and_it_is_said(name: str, words: str) -> None:
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), WHITE)
    options = {"lossless": True} if name == "WEBP" else {}
    picture = decode(saved(first, name, save_all=True, append_images=[second], **options), "a")
    assert np.array_equal(picture.pixels, np.full((16, 16, 3), RED))
    (note,) = picture.notes
    assert words in note


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_cut_off_is_refused(name: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = saved(Image.fromarray(noise), name)
    message = refusal(data[: len(data) // 2])
    assert name in message
    assert "0x" not in message


def test_a_picture_cut_off_is_refused_whatever_other_packages_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = saved(Image.fromarray(noise), "PNG")
    assert "damaged PNG" in refusal(data[: len(data) // 2])
    assert ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xff\x0a\xfa\x7f\x01\x90", "a JPEG XL picture, which is not read: convert it to JPEG"),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14", "a JPEG XL picture, which is not read"),
        (b"%PDF-1.7\n", "not a picture of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture of a known format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"\0" * 1000, "not a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "damaged HEIF"),
        (b"\xff\xd8\xff", "damaged JPEG"),
        (b"P6\n99999999999999999999 1\n255\n", "damaged PPM picture (Token too long"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, words: str) -> None:
    assert words in refusal(data)


def png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0" * 100)
    chunks = (
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (head, body, b"IEND")
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_picture_of_too_many_pixels_is_refused_by_its_header() -> None:
    message = refusal(png_header(60_000, 60_000))
    assert "60000×60000" in message
    assert "64 megapixels" in message
    assert "--max-pixels" in message


@pytest.mark.parametrize("name", FORMATS)
def test_the_limit_of_pixels_holds_for_every_format(name: str) -> None:
    data = saved(ramp(), name)
    assert decode(data, "a", max_pixels=24 * 32).size == (32, 24)
    assert "32×24 pixels, over the limit" in refusal(data, max_pixels=24 * 32 - 1)


def test_the_limit_of_pixels_is_the_callers_whatever_pillows_is() -> None:
    data = saved(Image.new("1", (15_000, 14_000)), "PNG")
    refusal(data)
    assert "too large" in refusal(data, max_pixels=209_999_999)
    assert decode(saved(ramp(), "PNG"), "a", max_pixels=24 * 32).pixels.shape == (
        24,
        32,
        3,
    )


def test_a_file_of_too_many_bytes_is_refused(tmp_path: Path) -> None:
    data = saved(ramp(), "BMP")
    assert "larger than 0.001 MB" in refusal(data, max_bytes=1000)
    (tmp_path / "a.bmp").write_bytes(data)
    with pytest.raises(PictureError, match="larger than"):
        read(tmp_path / "a.bmp", max_bytes=1000)


def test_a_file_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(saved(ramp(), "BMP"))
    picture = read(path)
    assert picture.source == str(path)
    assert np.array_equal(picture.pixels, np.asarray(ramp()))
    assert len(picture.sha256) == 64


def test_missing_folder_and_unreadable_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"none\.jpg: No such file"):
        read(tmp_path / "none.jpg")
    with pytest.raises(PictureError, match="Is a directory"):
        read(tmp_path)
    with pytest.raises(PictureError, match="null"):
        read("a\0b.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_are_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(PictureError, match="not a regular file"):
        read(path if kind == "pipe" else "/dev/zero")


@pytest.mark.skipif(not os.access("/proc/kmsg", os.R_OK), reason="needs the right to read the kernel's log")
def test_the_kernels_endless_files_are_refused_at_once() -> None:
    with pytest.raises(PictureError, match=r"/proc/kmsg: (empty|not a picture)"):
        read("/proc/kmsg")


def test_a_file_without_a_size_is_read_no_further_than_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.BytesIO):
        def fileno(self) -> int:
            return 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert 0 < size < 1000
            return bytes(size)

    monkeypatch.setattr("builtins.open", lambda *_, **__: Endless())
    monkeypatch.setattr(os, "fstat", lambda _: SimpleNamespace(st_mode=stat.S_IFREG, st_size=0))
    with pytest.raises(PictureError, match="not a picture"):
        read("/proc/whatever")


def test_a_name_with_control_characters_stays_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(PictureError) as caught:
        read(tmp_path / "a\n\x1b[31mb.jpg")
    assert str(caught.value).isprintable()


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(saved(ramp(), "PNG"))))
    picture = read("-")
    assert picture.source == "-"
    assert np.array_equal(picture.pixels, np.asarray(ramp()))


def outcome(data: bytes) -> str:
    """The picture's shape, or the words it was refused with; any other error fails the test."""
    try:
        return str(decode(data, "a", max_pixels=4_000_000).pixels.shape)
    except PictureError as error:
        return str(error)


@pytest.mark.parametrize("name", FORMATS)
def test_mutated_pictures_are_decoded_or_refused_and_nothing_is_printed(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(name)
    whole = saved(ramp(), name)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        assert outcome(bytes(data)).isprintable()
    assert capfd.readouterr() == ("", "")


def test_the_tiff_library_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for compression in ("group4", "tiff_lzw", "tiff_adobe_deflate"):
        data = bytearray(saved(ramp(64, 64).convert("1"), "TIFF", compression=compression))
        data[8:60] = bytes(reversed(data[8:60]))
        outcome(bytes(data))
    assert capfd.readouterr() == ("", "")


def test_threads_may_decode_at_the_same_time() -> None:
    data = saved(ramp(), "PNG")
    sums: list[int] = []
    threads = [
        threading.Thread(target=lambda: sums.append(int(decode(data, "a").pixels.sum()))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [int(np.asarray(ramp()).sum())] * 8

"""Of a camera's RAW picture the preview is read; LibRaw runs by itself, and damages nothing."""

from __future__ import annotations

import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from loading import script
from PIL import Image

from facekit import settings
from facekit.errors import PictureError
from facekit.pictures import raw
from facekit.pictures.folders import list_pictures, people
from facekit.pictures.images import decode, read

dng = script("small_dng").dng
rawpy = pytest.mark.skipif(not raw.installed(), reason="needs pip install '.[raw]'")


def ramp() -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, 160), np.linspace(0, 255, 120))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


def jpeg(image: Image.Image, exif: int | None = None) -> bytes:
    file, block = io.BytesIO(), Image.Exif()
    if exif:
        block[0x0112] = exif
    image.save(file, "JPEG", quality=95, **({"exif": block.tobytes()} if exif else {}))
    return file.getvalue()


def off(pixels: np.ndarray) -> float:
    assert pixels.shape == (120, 160, 3)
    return float(np.abs(pixels.astype(int) - np.asarray(ramp())).mean())


LYING = {1: None, 3: 3, 6: 2, 8: 4}
"""By which of Pillow's transpositions the upright picture comes to lie so."""


@rawpy
@pytest.mark.parametrize(("orientation", "in_preview"), [(1, False), (3, True), (6, False), (8, True)])
def test_the_preview_is_turned_upright_by_whoever_says_how(orientation: int, in_preview: bool) -> None:
    transposition = LYING[orientation]
    image = ramp() if transposition is None else ramp().transpose(Image.Transpose(transposition))
    preview = jpeg(image, orientation if in_preview else None)
    sensor = (80, 60) if image.width > image.height else (60, 80)
    data = dng(preview, image.size, orientation=orientation, sensor=sensor)
    picture = decode(data, "a.dng")
    assert off(picture.pixels) < 4
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert picture.notes == ()


@rawpy
def test_a_preview_that_was_turned_already_stays_as_it_is() -> None:
    upright = ramp().transpose(Image.Transpose.ROTATE_90)
    picture = decode(dng(jpeg(upright), upright.size, orientation=6, sensor=(80, 60)), "a.dng")
    assert picture.pixels.shape == (160, 120, 3)
    assert np.abs(picture.pixels.astype(int) - np.asarray(upright)).mean() < 4


@rawpy
def test_a_small_preview_is_told() -> None:
    picture = decode(dng(jpeg(ramp()), (160, 120), sensor=(400, 300)), "a.dng")
    assert picture.notes == ("only its preview was read, 160×120 pixels of 400×300",)


@rawpy
def test_limits_hold_for_the_preview() -> None:
    data = dng(jpeg(ramp()), (160, 120))
    with pytest.raises(PictureError, match="160×120 pixels, over the limit"):
        decode(data, "a.dng", max_pixels=160 * 120 - 1)
    with pytest.raises(PictureError, match="larger than"):
        decode(data, "a.dng", max_bytes=1000)


@rawpy
def test_a_dng_is_known_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(dng(jpeg(ramp()), (160, 120)))
    assert off(read(tmp_path / "a.tif").pixels) < 4


@rawpy
@pytest.mark.parametrize("damage", ["cut", "no preview", "nothing"])
def test_a_damaged_one_is_told_in_a_line(damage: str) -> None:
    data = dng(jpeg(ramp()), (160, 120))
    broken = {"cut": data[:5000], "no preview": dng(b"", (160, 120)), "nothing": b"II*\0\x10\0\0\0CR\2\0"}
    with pytest.raises(PictureError, match=r"a\.dng: ") as caught:
        decode(broken[damage], "a.dng")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its decoder was ended by SIGSEGV"),
        ("import sys; sys.exit(3)", "its decoder ended with status 3"),
        ("import time; time.sleep(60)", "given up after"),
        ("print('not what was agreed')", "its decoder ended with status 0"),
    ],
)
def test_what_brings_the_decoder_down_costs_that_picture_only(
    program: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reader.py").write_text(program)
    monkeypatch.setattr(raw, "_READER", tmp_path / "reader.py")
    monkeypatch.setattr(raw, "SECONDS", 0.5)
    monkeypatch.setattr(settings, "has_package", lambda name: True)
    with pytest.raises(PictureError, match=words):
        decode(dng(jpeg(ramp()), (160, 120)), "a.dng")


def test_without_the_package_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "has_package", lambda name: False)
    with pytest.raises(PictureError, match=r"a camera's RAW picture: .*pip install .*raw.*"):
        decode(dng(jpeg(ramp()), (160, 120)), "a.dng")
    (tmp_path / "a.NEF").write_bytes(b"II*\0")
    found = list_pictures([str(tmp_path)])
    assert found.pictures == ()
    assert "pip install" in found.remarks()[0]


def test_a_camera_s_pair_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "has_package", lambda name: True)
    for name in ("Ada/1.CR3", "Ada/1.JPG", "Ada/2.dng", "Ada/2.heic", "Ada/3.ARW", "Ada/more/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    read = ["1.JPG", "2.heic", "3.ARW", "1.jpg"]
    assert [Path(each).name for each in list_pictures([str(tmp_path)]).pictures] == read
    assert list_pictures([str(tmp_path)]).remarks() == [
        "2 files left out: 2 RAW beside a JPEG (1.CR3, 2.dng)"
    ]
    assert [Path(each).name for _, each in people([str(tmp_path)]).photos] == read
    assert list_pictures([str(tmp_path / "Ada" / "1.CR3")]).pictures == (str(tmp_path / "Ada" / "1.CR3"),)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_whose_first_page_is_a_small_version_is_not_taken_for_the_picture(order: str) -> None:
    def tiff(*entries: tuple[int, int]) -> bytes:
        start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "LH", 8, len(entries))
        return start + b"".join(struct.pack(order + "HHLL", tag, 4, 1, value) for tag, value in entries)

    assert raw.is_raw(tiff((254, 1), (330, 1000)), "-")
    assert not raw.is_raw(tiff((254, 1)), "scan.tif")
    assert not raw.is_raw(tiff((254, 0), (330, 1000)), "scan.tif")
    assert raw.is_raw(tiff((254, 0)), "photo.NEF")
    assert not raw.is_raw(b"II*\0", "scan.tif")


def test_plain_tiff_is_read_as_before() -> None:
    file = io.BytesIO()
    ramp().save(file, "TIFF")
    assert off(decode(file.getvalue(), "a.tif").pixels) == 0

"""Telephones' HEIC pictures are read like others: upright, in 8 bits, the main one of several."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.errors import PictureError
from facekit.pictures.folders import list_pictures
from facekit.pictures.images import decode, read

pillow_heif = pytest.importorskip("pillow_heif")
pillow_heif.register_heif_opener()


def ramp() -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, 160), np.linspace(0, 255, 120))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


def heic(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "HEIF", quality=90, **options)
    return file.getvalue()


def off(pixels: np.ndarray) -> float:
    return float(np.abs(pixels.astype(int) - np.asarray(ramp())).mean())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_container_turns_the_picture_upright(orientation: int) -> None:
    lying = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    image = ramp() if lying is None else ramp().transpose(Image.Transpose(lying))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(heic(image, exif=exif.tobytes()), "a")
    assert picture.pixels.shape == (120, 160, 3)
    assert off(picture.pixels) < 6
    assert picture.notes == ()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16"])
def test_every_kind_of_color_becomes_rgb(mode: str) -> None:
    white = Image.new("RGB", (64, 64), "white")
    deep = Image.fromarray(np.full((64, 64), 65535, np.uint16))
    pixels = decode(heic(deep if mode == "I;16" else white.convert(mode)), "a").pixels
    assert pixels.shape == (64, 64, 3)
    assert pixels.min() >= 253


@pytest.mark.parametrize("twelve", [False, True])
def test_ten_and_twelve_bits_become_eight(twelve: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", twelve)
    deep = np.asarray(ramp()).astype(np.uint16) * 257
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", (160, 120), deep.tobytes()).save(file, quality=90)
    assert off(decode(file.getvalue(), "a").pixels) < 6


def test_of_several_pictures_the_main_one_is_taken_and_it_is_said() -> None:
    other = Image.new("RGB", (80, 80), "red")
    for first, second, main in ((ramp(), other, 0), (other, ramp(), 1)):
        data = heic(first, save_all=True, append_images=[second], primary_index=main)
        picture = decode(data, "a")
        assert off(picture.pixels) < 6
        assert picture.notes == ("several pictures: only the main one was read",)


def test_limits_hold_before_anything_is_decoded() -> None:
    data = heic(ramp())
    assert decode(data, "a", max_pixels=160 * 120).pixels.shape == (120, 160, 3)
    with pytest.raises(PictureError, match="160×120 pixels, over the limit"):
        decode(data, "a", max_pixels=160 * 120 - 1)
    with pytest.raises(PictureError, match="larger than"):
        decode(data, "a", max_bytes=100)


def test_a_picture_cut_off_is_refused() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (128, 128, 3), np.uint8)
    data = heic(Image.fromarray(noise))
    for length in (50, len(data) // 2, len(data) - 100):
        with pytest.raises(PictureError, match="damaged HEIF picture"):
            decode(data[:length], "a")


def test_they_are_found_in_folders_whatever_their_ending(tmp_path: Path) -> None:
    for name in ("a.HEIC", "b.heif", "c.hif", "d.bak"):
        (tmp_path / name).write_bytes(heic(ramp()))
    found = [Path(path).name for path in list_pictures([str(tmp_path)]).pictures]
    assert found == ["a.HEIC", "b.heif", "c.hif", "d.bak"]


def test_without_the_library_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(ramp())
    for name in ("pillow_heif", "pillow_heif.as_plugin"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PictureError, match="pip install pillow-heif"):
        decode(data, "a")


def test_a_telephones_own_picture_is_read() -> None:
    path = Path(__file__).parents[3] / "shared" / "cases" / "silent-skip" / "in" / "IMG_5195.HEIC"
    if not path.is_file():
        pytest.skip("needs the measuring data")
    assert min(read(path).pixels.shape[:2]) > 500


def test_the_decoders_are_not_those_that_hostile_pictures_take_over() -> None:
    """libde265 before 1.1.3 and libheif before 1.23.4 write outside of their memory for crafted files."""
    about = pillow_heif.libheif_info()
    assert version(about["libheif"]) >= (1, 23, 4)
    assert version(about["decoders"]["libde265"]) >= (1, 1, 3)


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text.split()[-1])))

"""Of a JPEG that lacks its last bytes, only rows that are there are taken, and only where that was asked."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from facekit.errors import PictureError, TruncatedError
from facekit.pictures.images import decode
from facekit.pictures.truncation import ended

ASTRONAUT = Path(__file__).parents[1] / "data" / "astronaut.png"


def jpeg(orientation: int = 1, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    with Image.open(ASTRONAUT) as opened:
        image = opened.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(file, "JPEG", quality=85, exif=exif.tobytes(), **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "options",
    [{}, {"subsampling": 0}, {"restart_marker_rows": 1}, {"mode": "L"}, {"mode": "CMYK"}],
    ids=str,
)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.96])
def test_rows_that_are_there_are_right_and_the_share_of_the_others_is_told(
    options: dict[str, object], part: float
) -> None:
    data = jpeg(**options)
    whole = decode(data, "a").pixels.astype(int)
    picture = decode(data[: int(part * len(data))], "a", accept_truncated=True)
    height, width = picture.pixels.shape[:2]
    assert width == 512
    assert 16 <= height < 512
    # The last rows take a little of their color from the rows below, which are not there.
    assert np.abs(picture.pixels[:-2] - whole[: height - 2]).max() < 8
    (note,) = picture.notes
    assert note == f"cut off: {round(100 * (512 - height) / 512)} % of the picture is missing"


@pytest.mark.parametrize("cut", [1, 2, 700])
def test_without_being_asked_it_is_refused(cut: int) -> None:
    with pytest.raises(TruncatedError, match="a: damaged JPEG picture"):
        decode(jpeg()[:-cut], "a")


def test_of_a_progressive_one_whole_passes_are_taken() -> None:
    data = jpeg(progressive=True)
    whole = decode(data, "a").pixels.astype(int)
    picture = decode(data[: int(0.7 * len(data))], "a", accept_truncated=True)
    assert picture.pixels.shape == whole.shape
    assert np.abs(picture.pixels - whole).mean() < 5
    assert picture.notes == ("cut off: some of its detail is missing",)
    begun = decode(data[: int(0.05 * len(data))], "a", accept_truncated=True)
    assert len(begun.pixels) < 512
    assert "% of the picture is missing" in begun.notes[0]


def test_every_length_is_taken_or_refused_and_never_gray() -> None:
    data = jpeg(progressive=True)
    for length in range(0, len(data), 1009):
        try:
            picture = decode(data[:length], "a", accept_truncated=True)
        except PictureError:
            continue
        assert (picture.pixels[-1] != 128).any()
        assert picture.notes


def test_a_turned_one_loses_the_side_where_its_file_ends() -> None:
    data = jpeg(orientation=6)
    whole = decode(data, "a").pixels.astype(int)
    picture = decode(data[: len(data) // 2], "a", accept_truncated=True)
    height, width = picture.pixels.shape[:2]
    assert height == 512
    assert width < 400
    assert np.abs(picture.pixels[:, 2:] - whole[:, 512 - width + 2 :]).max() < 8


def test_a_whole_one_is_what_it_is_without_the_option() -> None:
    data = jpeg()
    assert ended(data) is None
    picture = decode(data, "a", accept_truncated=True)
    assert picture.notes == ()
    assert np.array_equal(picture.pixels, decode(data, "a").pixels)


@pytest.mark.parametrize("length", [3, 100, 600])
def test_one_without_any_pixel_is_refused(length: int) -> None:
    with pytest.raises(PictureError, match="damaged JPEG"):
        decode(jpeg()[:length], "a", accept_truncated=True)


def test_limits_hold_for_them_too() -> None:
    with pytest.raises(PictureError, match="over the limit"):
        decode(jpeg()[:-2000], "a", accept_truncated=True, max_pixels=512 * 511)


def test_other_threads_refuse_what_one_accepts() -> None:
    """Pillow's own switch is one for all threads, and is left alone."""
    data = jpeg()[:-5000]
    accepted: list[int] = []
    refused: list[bool] = []

    def accept() -> None:
        accepted.extend(len(decode(data, "a", accept_truncated=True).pixels) for _ in range(20))

    def refuse() -> None:
        for _ in range(20):
            with pytest.raises(TruncatedError):
                decode(data, "a")
            refused.append(not ImageFile.LOAD_TRUNCATED_IMAGES)

    threads = [threading.Thread(target=each) for each in (accept, refuse)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accepted) == 20
    assert refused == [True] * 20

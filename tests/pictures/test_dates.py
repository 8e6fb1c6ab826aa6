"""The date of a photo is its camera's, or none."""

from datetime import date, datetime
from pathlib import Path

import pytest
from PIL import Image

from facekit.errors import UsageError
from facekit.pictures.dates import first_day, taken


def dated(path: Path, original: str | None = None, changed: str | None = None) -> str:
    exif = Image.Exif()
    if original:
        exif.get_ifd(0x8769)[0x9003] = original
    if changed:
        exif[0x0132] = changed
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    return str(path)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_the_time_of_the_shot_comes_before_that_of_a_change(ending: str, tmp_path: Path) -> None:
    path = dated(tmp_path / f"a.{ending}", "2019:07:24 18:30:01", "2021:01:01 00:00:00")
    assert taken(path) == datetime(2019, 7, 24, 18, 30, 1)


def test_without_it_the_time_of_the_change_is_all_there_is(tmp_path: Path) -> None:
    path = dated(tmp_path / "a.jpg", "0000:00:00 00:00:00", "2021:01:01 00:00:00")
    assert taken(path) == datetime(2021, 1, 1)


@pytest.mark.parametrize("original", [None, "0000:00:00 00:00:00", "yesterday", "2019:13:40 99:99:99"])
def test_a_photo_may_have_none(original: str | None, tmp_path: Path) -> None:
    assert taken(dated(tmp_path / "a.jpg", original)) is None


def test_a_file_that_is_no_picture_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    assert taken(str(tmp_path / "a.jpg")) is None
    assert taken(str(tmp_path / "nothing.jpg")) is None


def test_a_day_is_given_whole_or_by_its_month_or_year() -> None:
    assert [first_day(text, "after") for text in ("2019", "2019-07", "2019-07-24")] == [
        date(2019, 1, 1),
        date(2019, 7, 1),
        date(2019, 7, 24),
    ]
    for wrong in ("19", "2019-13", "2019-02-30", "24.7.2019", "2019-07-24T10"):
        with pytest.raises(UsageError, match="give a year, a month or a day"):
            first_day(wrong, "after")

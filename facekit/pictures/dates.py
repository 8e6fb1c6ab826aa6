"""When a photo was taken, as its EXIF block says."""

from __future__ import annotations

import re
from datetime import date, datetime

from facekit.arguments import text_of
from facekit.errors import PictureError, UsageError
from facekit.pictures import images

_EXIF = 0x8769
# DateTimeOriginal, DateTimeDigitized; DateTime is when the file was changed, all that some programs write.
_IN_EXIF, _DATE_TIME = (0x9003, 0x9004), 0x0132
_WRITTEN = re.compile(r"(\d{4})[:\-](\d{2})[:\-](\d{2})[ T](\d{2}):(\d{2}):(\d{2})")
_GIVEN = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


def taken(path: str) -> datetime | None:
    """The camera's own time, which has no zone; None of a photo that does not say it."""
    try:
        with images.opened(images.content(path), path) as image:
            block = image.getexif()
            inner = block.get_ifd(_EXIF)
            written = [*(inner.get(tag) for tag in _IN_EXIF), block.get(_DATE_TIME)]
    except PictureError:  # a RAW picture, or one whose block is damaged
        return None
    times = (_time(str(text)) for text in written if text)
    return next((time for time in times if time), None)


def first_day(text: str, what: str) -> date:
    """The first day of a year, a month or a day: `2019`, `2019-07`, `2019-07-24`. Raises UsageError."""
    found = _GIVEN.fullmatch(text_of(text, what))
    try:
        if found:
            return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        pass
    raise UsageError(f"{what} is {text!r}: give a year, a month or a day, as 2019, 2019-07 or 2019-07-24")


def _time(text: str) -> datetime | None:
    found = _WRITTEN.match(text)
    try:
        year, month, day, hour, minute, second = map(int, found.groups() if found else ())
        return datetime(year, month, day, hour, minute, second)
    except ValueError:  # no time, or 0000:00:00, as cameras without a clock have it
        return None

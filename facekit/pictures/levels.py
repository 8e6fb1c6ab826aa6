"""A folder that was named in the place of one inside it: all its people would be one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def people_deeper(folder: Path, pictures: Iterable[str]) -> Path | None:
    """Where the people's folders seem to be, below one of `folder` alone: the `pictures` of it, which has a
    sub-folder for each person, are all in sub-folders of one of those."""
    places = {os.path.dirname(picture) for picture in pictures}
    if not places:
        return None
    inside = os.path.commonpath(places)
    if inside in places or os.path.normpath(inside) == os.path.normpath(folder):
        return None
    return Path(inside)

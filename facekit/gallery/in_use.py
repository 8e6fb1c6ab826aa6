"""Which gallery is used where the user named none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery.sqlite.gallery import Gallery


def gallery_in_use(places: Sequence[Path]) -> Path | None:
    """The first place at which a gallery is. One of several is passed over if nothing was ever stored in it:
    what is left of an enrollment in which no picture had a face must not hide the others.

    Whoever removed everybody has a gallery of nobody, and is told so.
    """
    there = [place for place in places if os.path.lexists(place)]
    if len(there) > 1:
        return next((place for place in there if not _is_untouched(place)), there[0])
    return there[0] if there else None


def _is_untouched(place: Path) -> bool:
    try:
        with Gallery.open(place) as gallery:
            return gallery.untouched
    except GalleryError:  # whoever uses it is told why it cannot be
        return False

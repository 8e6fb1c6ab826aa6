"""What a gallery knows while somebody is watched: who is enrolled or removed meanwhile counts at once."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from typing import TYPE_CHECKING

from facekit.video import voting

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery
    from facekit.gallery.search.index import Index

FRESH = 2.0
"""How often the gallery is asked whether it has changed, in seconds."""


class Knowledge:
    """The people of a gallery, and from which score on a track has a name: `chosen`, or the gallery's own and
    a margin, and more if it is like many (`Gallery.cohort`).
    """

    def __init__(
        self, gallery: Gallery, chosen: float | None = None, *, now: Callable[[], float] = clock.monotonic
    ) -> None:
        self._gallery, self._chosen, self._now = gallery, chosen, now
        self._asked = now()
        self.index, self.limit, self.cohort = self._present()

    def changed(self) -> bool:
        """Whether index or limit are others than before; asks the gallery when it is time to. Raises
        GalleryError where it cannot be read any more, and is then what it was.
        """
        if self._now() < self._asked + FRESH:
            return False
        self._asked = self._now()
        before = self.index, (self.limit, self.cohort)
        self.index, self.limit, self.cohort = self._present()
        return self.index is not before[0] or (self.limit, self.cohort) != before[1]

    def _present(self) -> tuple[Index, float, float]:
        gallery = self._gallery
        index, tail = gallery.matrix(), gallery.settings.calibration.tail
        cohort = gallery.cohort if self._chosen is None else math.inf
        return index, voting.limit(gallery.threshold, tail, self._chosen), cohort

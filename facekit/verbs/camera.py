"""What is to be expected of a gallery whose pictures are a poor camera's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facekit import hints
from facekit.people import check as people_check

if TYPE_CHECKING:
    from pathlib import Path

    from facekit.gallery.base import Gallery


def camera_hint(gallery: Gallery, embedder: Path | None) -> str | None:
    """What is to be expected of a gallery of a poor camera, where strangers would be named; or None."""
    words = people_check.camera(gallery)
    if not words:
        return None
    description = gallery.settings.calibration.description
    how = hints.calibrate(gallery.place, len(gallery), embedder, calibration=description)
    return f"{gallery.place}: {words}; set it for them: {how}"

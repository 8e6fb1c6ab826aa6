"""Whether everything is in order that facekit needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from facekit import health
from facekit.gallery.places import AnyPlace

if TYPE_CHECKING:
    from facekit.health import Checkup


def doctor(gallery: AnyPlace | None = None) -> Iterator[Checkup]:
    """What facekit needs and what of it is in order: Python, packages, weights, the gallery, videos, cameras,
    free space, other programs; each with what to do. Raises nothing, whatever is broken."""
    return health.examine(gallery)

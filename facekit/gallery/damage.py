"""What is said of a gallery whose rows do not fit what vouches for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from facekit.errors import GalleryError, UsageError


def damaged(place: object, why: str) -> GalleryError:
    return GalleryError(
        f"{place}: the gallery is damaged ({why}): restore it from a copy, or enroll again into another one"
    )


@contextmanager
def well_formed(place: object) -> Iterator[None]:
    """A row whose checksum fits and whose JSON does not was written by somebody else."""
    try:
        yield
    except (UsageError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(place, f"a template's description: {error}") from error

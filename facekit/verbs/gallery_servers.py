"""Galleries on a server: make one, bring it to the present format, and say who may do what."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from facekit.errors import UsageError
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.places import AnyPlace, Place, place_of
from facekit.verbs.pictures import folder_of

if TYPE_CHECKING:
    from facekit.gallery.postgres.place import ServerPlace


def gallery_create(gallery: AnyPlace, *, embedder: str | PathLike[str] | None = None) -> Place:
    """Make an empty gallery for the embedder, at an address or in a file, where there is none."""
    from facekit.models import weights

    file = folder_of(embedder, "the embedder")
    spec = weights.shipped_embedder() if file is None else weights.user_embedder(file)
    place = place_of(gallery)
    settings = GallerySettings(spec.name, spec.fingerprint, spec.dimension, spec.calibration, spec.poor_from)
    place.create(settings).close()
    return place


def gallery_upgrade(gallery: AnyPlace) -> tuple[Place, int, int]:
    """Bring the tables of a gallery on a server to the present format; the formats before and after."""
    place = _on_server(gallery, "is brought to the present format whenever it is written")
    from facekit.gallery.postgres.gallery import upgrade

    return place, *upgrade(place)


def gallery_grant(name: str, *, to: str, gallery: AnyPlace) -> Place:
    """Let a user of the database `read` a gallery on a server, or `enroll` into it as well; nothing else."""
    place = _on_server(gallery, "is for whoever may read the file")
    from facekit.gallery.postgres.grants import grant

    grant(place, name, to)
    return place


def _on_server(gallery: AnyPlace, why: str) -> ServerPlace:
    place = place_of(gallery)
    if not hasattr(place, "address"):
        raise UsageError(
            f"{place}: a gallery in a file {why}: give an address, postgresql://USER@HOST/DATABASE"
        )
    return place  # type: ignore[return-value]

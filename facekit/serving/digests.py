"""Photos of people, as requests name them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from facekit.gallery.templates import TemplateInfo
from facekit.people.stored_photos import SHORTEST_DIGEST
from facekit.serving.problems import RequestError


def digests_of(infos: Sequence[TemplateInfo], photos: Sequence[str]) -> list[str]:
    """The SHA-256 of photos, by name or its first digits. The verb would also take them for paths, and read
    files of this machine."""
    digests: dict[str, None] = {}
    for photo in photos:
        start = photo.lower() if len(photo) >= SHORTEST_DIGEST else None
        meant = {
            info.sha256
            for info in infos
            if photo == info.file_name or (start and info.sha256.startswith(start))
        }
        if not meant:
            raise RequestError(HTTPStatus.NOT_FOUND, "the person has no picture of this name or SHA-256")
        if len(meant) > 1:
            raise RequestError(HTTPStatus.CONFLICT, "several pictures have this name: give a SHA-256")
        digests.update(dict.fromkeys(meant))
    return list(digests)

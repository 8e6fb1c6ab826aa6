"""Thumbnails of enrolled faces, where the server keeps any: a route of version 1."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from facekit.errors import FacekitError
from facekit.library import thumbnails
from facekit.pictures.inputs import picture_of
from facekit.results import SCHEMA
from facekit.serving.bodies import Person
from facekit.serving.openapi import answers
from facekit.serving.problems import RequestError, without_place
from facekit.serving.service import Service, of_json, service_of

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery
    from facekit.people.outcomes import Outcome
    from facekit.serving.uploads import Upload

log = logging.getLogger("facekit.serving")
PAUSE = 10.0
"""Seconds after which it is looked whether somebody was removed elsewhere."""

router = APIRouter(prefix="/v1")


@router.post(
    "/templates/thumbnails",
    tags=["people"],
    summary="Small pictures of a person's enrolled faces, where the server keeps them",
    **answers("thumbnail"),
)
async def of_person(request: Request, body: Person) -> Response:
    service = service_of(request, "read")
    if not service.thumbnails:
        raise RequestError(
            HTTPStatus.NOT_FOUND, "this server keeps no pictures of faces: start it with --thumbnails"
        )

    def shown() -> dict[str, bytes]:
        service.require_people(body.subject)
        return thumbnails.of_subject(service.gallery, body.subject)

    pictures = await service.do(shown)
    results = [
        {"schema": SCHEMA, "sha256": digest, "jpeg": base64.b64encode(jpeg).decode()}
        for digest, jpeg in pictures.items()
    ]
    return of_json({"schema": SCHEMA, "results": results})


async def sweep(gallery: Gallery) -> None:
    """Erase the thumbnails of whoever was removed elsewhere: at the start, and soon after every change."""
    swept = None
    while True:
        try:
            swept = await asyncio.to_thread(_swept, gallery, swept)
        except FacekitError as error:
            log.error("thumbnails: %s", without_place(str(error), gallery.place))
        await asyncio.sleep(PAUSE)


def _swept(gallery: Gallery, before: int | None) -> int:
    with gallery.snapshot():
        number = gallery.change_number
    if number != before:
        thumbnails.erase_orphans(gallery)
    return number


def keep(service: Service, upload: Upload, outcomes: Sequence[Outcome]) -> None:
    """Keep thumbnails of the faces that were enrolled from pictures; to be called in a thread."""
    subject = outcomes[0].subject
    uploads = {hashlib.sha256(picture.content).hexdigest(): picture for picture in upload.pictures}  # type: ignore[arg-type]  # they are bytes
    boxes = thumbnails.boxes_of(service.gallery, subject, list(uploads))
    pictures = {}
    for digest, picture in uploads.items():
        if digest in boxes:
            decoded = picture_of(picture, max_pixels=service.options.max_pixels)()
            pictures[digest] = thumbnails.encoded(thumbnails.cut(decoded.pixels, boxes[digest]))
    if pictures:
        thumbnails.keep(service.gallery, subject, pictures)

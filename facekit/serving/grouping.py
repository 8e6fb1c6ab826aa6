"""Groups of faces that nobody has named, and the person whom a whole group is: routes of version 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from facekit.library import thumbnails
from facekit.people.clustering import Sighting
from facekit.people.outcomes import Outcome
from facekit.results import SCHEMA
from facekit.serving.bodies import Body, Name
from facekit.serving.openapi import answers
from facekit.serving.routes import of_outcomes
from facekit.serving.seals import LONGEST
from facekit.serving.service import Service, of_json, only_adds, service_of

router = APIRouter(prefix="/v1")

MOST_FACES = 15_000
"""That many seals fit into the usual limit of a request, and all pairs of them are compared in seconds."""
Seals = Annotated[list[Annotated[str, Field(max_length=LONGEST)]], Field(min_length=1, max_length=MOST_FACES)]


class SealedFaces(Body):
    """Faces by their seals; those with a score of at least `threshold` are linked."""

    faces: Seals
    threshold: Annotated[float | None, Field(ge=-1, le=1)] = None


class Named(Body):
    """Faces by their seals, and who they are. `again`, `accept_mixed`, `accept_poor`: as of the command
    enroll; the first needs the role admin."""

    subject: Name
    faces: Seals
    again: bool = False
    accept_mixed: bool = False
    accept_poor: bool = False


@router.post(
    "/cluster",
    tags=["pictures"],
    summary="Which of the faces of photos are of one person",
    **answers("cluster", placed=True),
)
async def cluster(request: Request, body: SealedFaces) -> Response:
    from facekit.verbs.cluster import cluster_faces

    service = service_of(request, "read")

    def grouped() -> Response:
        faces, places = _once(service, body.faces)
        # Uploads of two folders may have one name: what tells photos apart is what is in them.
        by_photo = [replace(face, source=face.sha256) for face in faces]
        grouping = cluster_faces(
            by_photo, service.gallery, threshold=body.threshold, pipeline=service.pipeline
        )
        rows = {id(face): row for row, face in enumerate(by_photo)}
        results = grouping.results()
        groups = [
            replace(group, faces=tuple(faces[rows[id(face)]] for face in group.faces)) for group in results
        ]
        members = [[places[rows[id(face)]] for face in group.faces] for group in results]
        return of_json(
            {"schema": SCHEMA, "results": [group.to_dict() for group in groups], "places": members}
        )

    return await service.do(grouped)


@router.post(
    "/templates/faces",
    tags=["people"],
    summary="Add faces of pictures that were looked at before, all of one person",
    **answers("enroll", created=True),
)
async def enroll(request: Request, body: Named) -> Response:
    from facekit.verbs.enroll import enroll_faces

    service = service_of(request, "enroll")
    only_add = only_adds(request, again=body.again)

    def enrolled() -> Response:
        faces = [service.seals.opened(seal) for seal in body.faces]
        outcomes = enroll_faces(
            faces,
            service.gallery,
            subject=body.subject,
            again=body.again,
            accept_mixed=body.accept_mixed,
            accept_poor=body.accept_poor,
            only_add=only_add,
        )
        if service.thumbnails:
            _keep_thumbnails(service, outcomes, faces, body.faces)
        return of_outcomes(outcomes)

    return await service.do(enrolled)


def _keep_thumbnails(
    service: Service, outcomes: Sequence[Outcome], faces: Sequence[Sighting], seals: Sequence[str]
) -> None:
    pictures = {
        face.sha256: picture
        for outcome, face, seal in zip(outcomes, faces, seals, strict=True)
        if outcome.status not in ("refused", "removed earlier") and (picture := service.seals.picture(seal))
    }
    if pictures:
        thumbnails.keep(service.gallery, outcomes[0].subject, pictures)


def _once(service: Service, seals: list[str]) -> tuple[list[Sighting], list[int]]:
    """The faces with their places in the request; of a photo that was sent twice each once."""
    seen: dict[tuple[str, int], None] = {}
    faces, places = [], []
    for place, seal in enumerate(seals):
        face = service.seals.opened(seal)
        if (face.sha256, face.number) not in seen:
            seen[face.sha256, face.number] = None
            faces.append(face)
            places.append(place)
    return faces, places

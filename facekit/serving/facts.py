"""What people say of faces and of each other, and mistakes that a gallery may have: routes of version 1."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from facekit.gallery.facts import Fact, Kind
from facekit.serving.bodies import Body, Name, Names
from facekit.serving.digests import digests_of
from facekit.serving.grouping import Seals
from facekit.serving.openapi import answers
from facekit.serving.problems import RequestError
from facekit.serving.service import Service, document, service_of

router = APIRouter(prefix="/v1")


class Apart(Body):
    """People who are not the same, two or more."""

    subjects: Names


class Faces(Body):
    """Faces by their seals; or what is enrolled of `holder` from photos, by their names or the first digits
    of their SHA-256."""

    faces: Seals | None = None
    holder: Name | None = None
    photos: Names | None = None


class Denied(Faces):
    """Faces that are not the subject's."""

    subject: Name


class Numbers(Body):
    """Facts by their numbers."""

    facts: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=1000)]


class Moved(Body):
    """Photos of `holder` that are `to` be another person's."""

    holder: Name
    to: Name
    photos: Names


@router.get("/facts", tags=["people"], summary="What was said of people and faces", **answers("fact"))
async def facts(request: Request) -> Response:
    from facekit.verbs.facts import gallery_facts

    service = service_of(request, "read")
    return document(await service.do(lambda: gallery_facts(service.gallery)))


@router.post(
    "/facts/not-same",
    tags=["people"],
    summary="Say that people are not the same, however alike they are",
    **answers("fact"),
)
async def not_same(request: Request, body: Apart) -> Response:
    from facekit.verbs.facts import gallery_not_same

    service = service_of(request, "enroll")

    def said() -> list[Fact]:
        service.require_people(*body.subjects)
        return gallery_not_same(body.subjects, gallery=service.gallery)

    return document(await service.do(said))


@router.post(
    "/facts/not-subject",
    tags=["people"],
    summary="Say that faces are not the person for whom they are taken",
    **answers("fact"),
)
async def not_subject(request: Request, body: Denied) -> Response:
    service = service_of(request, "enroll")

    def said() -> list[Fact]:
        service.require_people(body.subject)
        return _said(service, body, "not_subject", body.subject)

    return document(await service.do(said))


@router.post(
    "/facts/ignored",
    tags=["people"],
    summary="Say that nobody wants to know whose faces are",
    **answers("fact"),
)
async def ignored(request: Request, body: Faces) -> Response:
    service = service_of(request, "enroll")
    return document(await service.do(lambda: _said(service, body, "ignored")))


@router.post(
    "/facts/take-back", tags=["people"], summary="Take back what was said, and erase it", **answers("fact")
)
async def take_back(request: Request, body: Numbers) -> Response:
    from facekit.verbs.facts import gallery_facts, gallery_take_back

    service = service_of(request, "admin")

    def taken() -> list[Fact]:
        known = {fact.id for fact in gallery_facts(service.gallery)}
        if not known.issuperset(body.facts):
            raise RequestError(HTTPStatus.NOT_FOUND, "there is no fact of this number")
        return gallery_take_back(body.facts, gallery=service.gallery)

    return document(await service.do(taken))


@router.post(
    "/gallery/check",
    tags=["people"],
    summary="People under two names, photos under a wrong one: what may be a mistake",
    **answers("gallery_check", sentences=True),
)
async def check(request: Request) -> Response:
    from facekit.rendering.doubted import Finding, sentence
    from facekit.verbs.gallery import gallery_check

    service = service_of(request, "read")
    found = await service.do(lambda: gallery_check(people=True, gallery=service.gallery))
    if not found.readable:
        raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the gallery is damaged")
    # Commands that do not tell where the gallery lies.
    findings = [Finding.of(finding.problem, None) for finding in found.findings]
    return document(findings, sentences=[sentence(finding.problem) for finding in findings])


@router.post(
    "/templates/move",
    tags=["people"],
    summary="Give pictures of a person to another, whose they are",
    **answers("gallery_move"),
)
async def move(request: Request, body: Moved) -> Response:
    from facekit.verbs.gallery import gallery_move

    service = service_of(request, "admin")

    def moved() -> Sequence[object]:
        service.require_people(body.holder)
        digests = digests_of(service.gallery.templates(body.holder), body.photos)
        return gallery_move(digests, to=body.to, holder=body.holder, gallery=service.gallery)

    return document(await service.do(moved))  # type: ignore[arg-type]  # results of one kind


def _said(service: Service, body: Faces, kind: Kind, subject: str | None = None) -> list[Fact]:
    """Record what is said of faces that were sealed, or of what is enrolled; to be called in a thread."""
    from facekit.verbs.facts import gallery_ignore, gallery_not_subject, say_of_faces

    if (body.faces is None) == (body.photos is None) or (body.photos is None) != (body.holder is None):
        raise RequestError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "say which faces: give faces, or photos and their holder"
        )
    gallery = service.gallery
    if body.faces is not None:
        return say_of_faces([service.seals.opened(seal) for seal in body.faces], gallery, kind, subject)
    assert body.holder is not None
    assert body.photos is not None
    service.require_people(body.holder)
    digests = digests_of(gallery.templates(body.holder), body.photos)
    if subject is None:
        return gallery_ignore(digests, holder=body.holder, gallery=gallery)
    return gallery_not_subject(digests, subject=subject, holder=body.holder, gallery=gallery)

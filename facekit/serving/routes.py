"""The routes of version 1: each takes a request apart, calls one verb, and answers with its results.

Names of people stand in bodies only, never in an address: servers, proxies and browsers write addresses down.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from facekit.library import thumbnails
from facekit.people.clustering import Sighting
from facekit.people.outcomes import HELD, OTHER_FACE, Outcome
from facekit.pictures.inputs import NamedPicture
from facekit.results import SCHEMA, Face
from facekit.serving import showing, uploads
from facekit.serving.bodies import Merge, People, Person, Photos, Rename
from facekit.serving.digests import digests_of
from facekit.serving.openapi import answers, picture_body
from facekit.serving.problems import RequestError, without_place
from facekit.serving.service import Service, document, of_json, only_adds, service_of
from facekit.serving.uploads import Upload

router = APIRouter(prefix="/v1")

Top = Annotated[int, Query(ge=1, le=100, description="So many of the most similar people for each face.")]
Threshold = Annotated[
    float | None,
    Query(ge=-1, le=1, description="The score from which it is the same person, instead of the usual one."),
]
Seal = Annotated[
    bool, Query(description="Also seals: faces as only this server reads them, to be grouped and enrolled.")
]
Crops = Annotated[
    bool,
    Query(description="Also crops: small pictures of the faces, JPEG in Base64, for who cannot cut them."),
]


@router.post(
    "/identify",
    tags=["pictures"],
    summary="Who is in each picture",
    **answers("identify", sealed=True),
    **picture_body(),
)
async def identify(
    request: Request,
    top: Top = 5,
    threshold: Threshold = None,
    allow_repeats: bool = False,
    probability: bool = False,
    seal: Seal = False,
    crops: Crops = False,
) -> Response:
    from facekit.verbs.identify import identify

    service = service_of(request, "read")
    upload = await uploads.read(request, service.limits.max_pictures)
    results = await service.do(
        lambda: list(
            identify(
                upload.pictures,
                service.gallery,
                top=top,
                threshold=threshold,
                allow_repeats=allow_repeats,
                probability=probability,
                options=service.options,
                pipeline=service.pipeline,
            )
        )
    )
    faces = [[identified.face for identified in result.faces] for result in results]
    return _of_pictures(service, results, **_beside(service, upload, faces, seal=seal, crops=crops))


@router.post(
    "/detect",
    tags=["pictures"],
    summary="The faces of each picture",
    **answers("detect", sealed=True),
    **picture_body(),
)
async def detect(request: Request, seal: Seal = False, crops: Crops = False) -> Response:
    from facekit.verbs.pictures import detect

    service = service_of(request, "read")
    upload = await uploads.read(request, service.limits.max_pictures)
    results = await service.do(
        lambda: list(detect(upload.pictures, options=service.options, pipeline=service.pipeline))
    )
    faces = [reading.faces for reading in results]
    return _of_pictures(service, results, **_beside(service, upload, faces, seal=seal, crops=crops))


@router.post(
    "/embed",
    tags=["pictures"],
    summary="The vectors of all faces: biometric data, off unless the server allows it",
    **answers("embed"),
    **picture_body(),
)
async def embed(request: Request) -> Response:
    from facekit.verbs.pictures import embed

    service = service_of(request, "read")
    if not service.allow_embed:
        raise RequestError(HTTPStatus.FORBIDDEN, "this server gives no vectors: start it with --allow-embed")
    upload = await uploads.read(request, service.limits.max_pictures)
    results = await service.do(
        lambda: list(embed(upload.pictures, options=service.options, pipeline=service.pipeline))
    )
    return _of_pictures(service, results)


@router.post(
    "/verify",
    tags=["pictures"],
    summary="Whether two pictures show the same person",
    **answers("verify", several=False),
    **picture_body(),
)
async def verify(request: Request, threshold: Threshold = None) -> Response:
    from facekit.verbs.verify import verify

    service = service_of(request, "read")
    upload = await uploads.read(request, 2)
    if len(upload.pictures) != 2:
        raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "two pictures are compared: send two files")
    first, second = upload.pictures
    result = await service.do(
        lambda: verify(first, second, threshold=threshold, options=service.options, pipeline=service.pipeline)
    )
    service.metrics.pictures_read([None, None])
    return of_json(result.to_dict())


@router.get(
    "/gallery",
    tags=["people"],
    summary="What the gallery holds in all",
    **answers("gallery_show", several=False),
)
async def gallery(request: Request) -> Response:
    from facekit.verbs.gallery import gallery_show

    service = service_of(request, "read")
    (summary,) = await service.do(lambda: gallery_show(gallery=service.gallery))
    return of_json({**summary.to_dict(), "gallery": "the gallery"})


@router.get("/subjects", tags=["people"], summary="All people, sorted by name", **answers("gallery_list"))
async def subjects(request: Request) -> Response:
    from facekit.verbs.gallery import gallery_list

    service = service_of(request, "read")
    return document(await service.do(lambda: gallery_list(service.gallery)))


@router.post(
    "/subjects/rename",
    tags=["people"],
    summary="Give a person another name",
    **answers("done", several=False),
)
async def rename(request: Request, body: Rename) -> Response:
    from facekit.verbs.gallery import gallery_rename

    service = service_of(request, "admin")
    notes: list[str] = []

    def renamed() -> None:
        service.require_people(body.subject)
        if body.name != body.subject:
            service.require_free(body.name)
        gallery_rename(body.subject, body.name, gallery=service.gallery, on_note=notes.append)

    await service.do(renamed)
    return _done(service, notes)


@router.post(
    "/subjects/merge", tags=["people"], summary="Make one person of several", **answers("done", several=False)
)
async def merge(request: Request, body: Merge) -> Response:
    from facekit.verbs.gallery import gallery_merge

    service = service_of(request, "admin")
    notes: list[str] = []

    def merged() -> int:
        service.require_people(body.into, *body.others)
        return gallery_merge(body.into, body.others, gallery=service.gallery, on_note=notes.append)

    return _done(service, notes, templates=await service.do(merged))


@router.post(
    "/subjects/remove",
    tags=["people"],
    summary="Remove people, and erase them",
    **answers("done", several=False),
)
async def remove(request: Request, body: People) -> Response:
    from facekit.verbs.gallery import gallery_remove

    service = service_of(request, "admin")
    notes: list[str] = []

    def removed() -> int:
        service.require_people(*body.subjects)
        return gallery_remove(body.subjects, gallery=service.gallery, on_note=notes.append).templates

    return _done(service, notes, templates=await service.do(removed))


@router.post(
    "/templates/list",
    tags=["people"],
    summary="A person's templates, without vectors",
    **answers("gallery_show_person"),
)
async def templates(request: Request, body: Person) -> Response:
    from facekit.verbs.gallery import gallery_show

    service = service_of(request, "read")

    def shown() -> Sequence[Any]:
        service.require_people(body.subject)
        return gallery_show(body.subject, gallery=service.gallery)

    values = [{**info.to_dict(), "folder": None} for info in await service.do(shown)]
    return of_json({"schema": SCHEMA, "results": values})


@router.post(
    "/templates",
    tags=["people"],
    summary="Add pictures of a person",
    **answers("enroll", created=True),
    **picture_body(
        subject="Whose pictures they are.",
        face="The number of the person's face, from 1 in the order of the results; of one picture.",
        box="Or its place, x,y,w,h in pixels of the upright picture.",
        again="true: take also what was removed earlier; needs the role admin.",
        accept_poor="true: take also pictures so poor that strangers would be taken for the person.",
    ),
)
async def enroll(request: Request) -> Response:
    from facekit.verbs.enroll import enroll

    service = service_of(request, "enroll")
    upload = await uploads.read(request, service.limits.max_pictures)
    if "subject" not in upload.fields:
        raise RequestError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "the form has no field subject: say whose pictures they are"
        )
    again = _switch(upload.fields, "again")
    only_add = only_adds(request, again=again)
    report = await service.do(
        lambda: enroll(
            upload.pictures,
            service.gallery,
            subject=upload.fields["subject"],
            face=_face(upload.fields.get("face")),
            box=_box(upload.fields.get("box")),
            again=again,
            accept_poor=_switch(upload.fields, "accept_poor"),
            only_add=only_add,
            options=service.options,
            pipeline=service.pipeline,
        )
    )
    service.metrics.pictures_read([None] * len(report.outcomes))
    if service.thumbnails:
        await service.do(lambda: showing.keep(service, upload, report.outcomes))
    return of_outcomes(report.outcomes)


@router.post(
    "/templates/remove",
    tags=["people"],
    summary="Remove pictures of a person, and erase them",
    **answers("done", several=False),
)
async def remove_photos(request: Request, body: Photos) -> Response:
    from facekit.verbs.gallery import gallery_remove

    service = service_of(request, "admin")
    notes: list[str] = []

    def removed() -> Any:
        service.require_people(body.subject)
        digests = digests_of(service.gallery.templates(body.subject), body.photos)
        return gallery_remove(body.subject, photos=digests, gallery=service.gallery, on_note=notes.append)

    removal = await service.do(removed)
    return _done(service, notes, templates=removal.templates, gone=removal.emptied)


def of_outcomes(outcomes: Sequence[Outcome]) -> Response:
    """What became of pictures: 201 where something was stored, a problem where all were refused."""
    if all(outcome.status == "refused" for outcome in outcomes):
        results = [outcome.to_dict() for outcome in outcomes]
        why = "; ".join(outcomes[0].problems)
        taken = {HELD, OTHER_FACE}.intersection(outcomes[0].problems)
        status = HTTPStatus.CONFLICT if taken else HTTPStatus.UNPROCESSABLE_ENTITY
        raise RequestError(status, f"no picture was taken: {why}", results=results)
    stored = any(outcome.status in ("enrolled", "moved") for outcome in outcomes)
    return document(outcomes, HTTPStatus.CREATED if stored else HTTPStatus.OK)


def _beside(
    service: Service, upload: Upload, faces: Sequence[Sequence[Face]], *, seal: bool, crops: bool
) -> dict[str, list[list[str]]]:
    """What is answered beside the results: of each picture, a seal and a small picture for each face."""
    more: dict[str, list[list[str]]] = {}
    if seal:
        more["seals"] = [
            [service.seals.seal(sighting) for sighting in _sightings(picture, those)]
            for picture, those in zip(upload.pictures, faces, strict=True)
        ]
    if crops:
        more["crops"] = [
            [base64.b64encode(thumbnails.encoded(face.crop)).decode() for face in those] for those in faces
        ]
    return more


def _sightings(picture: NamedPicture, faces: Sequence[Face]) -> list[Sighting]:
    digest = hashlib.sha256(picture.content).hexdigest()  # type: ignore[arg-type]  # uploads are bytes
    return [Sighting(picture.source, digest, number, face) for number, face in enumerate(faces, 1)]


def _of_pictures(service: Service, results: Sequence[Any], **beside: Any) -> Response:
    """The results; where no picture could be read, a problem that has them too."""
    errors = [result.error for result in results]
    service.metrics.pictures_read(errors)
    if all(errors):
        more = [result.to_dict() for result in results]
        raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, str(errors[0]), results=more)
    return document(results, **beside)


def _done(service: Service, notes: Sequence[str], **values: Any) -> Response:
    place = service.gallery.place
    return of_json({"schema": SCHEMA, **values, "notes": [without_place(note, place) for note in notes]})


def _face(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "face is no number from 1 on")
    return int(text)


def _box(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "box is not four numbers x,y,w,h") from None
    return x, y, width, height


def _switch(fields: dict[str, str], name: str) -> bool:
    value = fields.get(name, "false").lower()
    if value not in ("true", "false"):
        raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} is neither true nor false")
    return value == "true"

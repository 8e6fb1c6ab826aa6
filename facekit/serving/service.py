"""What all requests of a server process share, and the one way in which they call a verb."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from math import nan
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from facekit.errors import FacekitError, GalleryError
from facekit.results import SCHEMA
from facekit.serving.keys import ROLES, Role
from facekit.serving.problems import RequestError, of_error
from facekit.text.escaping import json_line

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.faces.reading import Options
    from facekit.gallery.base import Gallery
    from facekit.serving.limits import Limits
    from facekit.serving.monitoring import Metrics
    from facekit.serving.seals import Seals
    from facekit.serving.work import Workplace

Value = TypeVar("Value")
PATIENCE = 3.0
"""Seconds until a gallery that does not answer is said to be away."""


class Result(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Service:
    """An open gallery, a pipeline whose networks are loaded, and what a request may cost."""

    gallery: Gallery
    pipeline: Pipeline
    options: Options
    limits: Limits
    workplace: Workplace
    metrics: Metrics
    seals: Seals
    allow_embed: bool
    read_only: bool
    thumbnails: bool
    _checking: list[asyncio.Future[str | None]] = field(default_factory=list)

    async def do(self, verb: Callable[[], Value]) -> Value:
        """Call a verb in a thread. Raises RequestError for the errors that verbs raise."""
        try:
            return await self.workplace.run(verb)
        except GalleryError as error:
            problem = of_error(error, self.gallery.place)
            if self._nobody_is_enrolled():
                problem.status = HTTPStatus.CONFLICT
                problem.detail = "nobody is enrolled yet: add a person first"
                problem.headers.clear()
            raise problem from error
        except FacekitError as error:
            raise of_error(error, self.gallery.place) from error

    def _nobody_is_enrolled(self) -> bool:
        """Whether the gallery can be read, and has nobody."""
        try:
            return not self.gallery.subject_count
        except GalleryError:
            return False

    def counts(self) -> tuple[float, float]:
        """How many people and templates there are; not numbers where the gallery cannot be read."""
        try:
            return self.gallery.subject_count, len(self.gallery)
        except GalleryError:
            return nan, nan

    async def check_gallery(self) -> None:
        """Raise RequestError (503) where the gallery cannot be read, or not at once. A database that is gone
        is tried for a while: those who ask meanwhile wait for the one attempt.
        """
        if self._checking and not self._checking[0].done():
            attempt = self._checking[0]
        else:
            attempt = asyncio.ensure_future(asyncio.to_thread(self._read_gallery))
            self._checking[:] = [attempt]
        done, _ = await asyncio.wait([attempt], timeout=PATIENCE)
        problem = attempt.result() if done else "the gallery does not answer"
        if problem:
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, problem, headers={"Retry-After": "5"})

    def _read_gallery(self) -> str | None:
        """What is wrong with it."""
        try:
            with self.gallery.snapshot():
                return None
        except FacekitError as error:
            return of_error(error, self.gallery.place).detail

    def require_people(self, *names: str) -> None:
        """Raise RequestError (404) unless all are in the gallery; to be called in a thread."""
        from facekit.text.subject_names import subject_name

        present = set(self.gallery.names())
        if not all(subject_name(name) in present for name in names):
            raise RequestError(HTTPStatus.NOT_FOUND, "nobody of this name is in the gallery")

    def require_free(self, name: str) -> None:
        """Raise RequestError (409) if somebody has the name; to be called in a thread."""
        from facekit.text.subject_names import subject_name

        if subject_name(name) in self.gallery.names():
            raise RequestError(
                HTTPStatus.CONFLICT, "somebody in the gallery has this name already: merge the two instead"
            )


def starting() -> RequestError:
    """The answer of a server that is not there yet, or no longer."""
    words = "the server starts or stops"
    return RequestError(HTTPStatus.SERVICE_UNAVAILABLE, words, headers={"Retry-After": "2"})


def service_of(request: Request, role: Role) -> Service:
    """The service, for who may do what `role` may. Raises RequestError."""
    service: Service | None = request.app.state.service
    if service is None:
        raise starting()
    has: Role = request.scope["state"]["role"]
    if ROLES.index(has) < ROLES.index(role):
        raise RequestError(
            HTTPStatus.FORBIDDEN, f"this needs a key of the role {role}; this one has the role {has}"
        )
    if role != "read" and service.read_only:
        raise RequestError(HTTPStatus.FORBIDDEN, "this server only reads its gallery (--read-only)")
    return service


def only_adds(request: Request, *, again: bool) -> bool:
    """Whether the key of a request that enrolls may change nothing that is stored. Raises RequestError if it
    is to take `again` what was removed, which is only for who may remove."""
    role: Role = request.scope["state"]["role"]
    if role == "admin":
        return False
    if again:
        raise RequestError(
            HTTPStatus.FORBIDDEN,
            f"to take again what was removed needs a key of the role admin; this one has the role {role}",
        )
    return True


def document(results: Iterable[Result], status: int = HTTPStatus.OK, **more: Any) -> Response:
    """What `--format json` prints."""
    values = {"schema": SCHEMA, "results": [result.to_dict() for result in results], **more}
    return of_json(values, status)


def of_json(values: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    return Response(json_line(values), status, media_type="application/json")

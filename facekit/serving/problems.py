"""Errors as problem details (RFC 9457): a status, and the sentence that the command line would print."""

from __future__ import annotations

import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from facekit.errors import FacekitError, FactError, GalleryError, PictureError, UsageError
from facekit.text.escaping import json_line

MEDIA_TYPE = "application/problem+json"


class RequestError(Exception):
    """What is answered instead of a result; `more` are further members of the answer."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def response(self) -> Response:
        values = {"type": "about:blank", "title": self.status.phrase, "status": int(self.status)}
        body = json_line({**values, "detail": self.detail, **self.more})
        return Response(body, self.status, self.headers, media_type=MEDIA_TYPE)


def internal(error: Exception) -> RequestError:
    """The problem of an error that nobody expected: its message may hold names, and is not repeated."""
    return RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, f"internal error ({type(error).__name__})")


def without_place(text: str, place: object) -> str:
    """A message without the gallery's path, also where it is the one of a file beside it."""
    for path in (os.path.realpath(str(place)), str(place)):
        text = text.replace(path, "the gallery")
    return text


def of_error(error: FacekitError, place: object) -> RequestError:
    """The problem of an error that a verb raised. Where the gallery lies is nobody's business but the
    operator's."""
    detail = without_place(str(error), place)
    if isinstance(error, UsageError | PictureError):
        return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    if isinstance(error, FactError):
        return RequestError(HTTPStatus.CONFLICT, detail)
    if isinstance(error, GalleryError):
        return RequestError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "5"})
    return RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, detail)

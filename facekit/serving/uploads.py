"""The pictures of a request, in memory: nothing of them is ever written to a disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from facekit.pictures.inputs import NamedPicture
from facekit.serving.problems import RequestError

MAX_FIELDS = 20
LONGEST_FIELD = 4096
LONGEST_NAME = 255
RAW = ("image/", "application/octet-stream")


class InMemory(MultiPartParser):
    """Starlette's parser, without its temporary files: 0 means that none is made, however large a part is."""

    spool_max_size = 0


@dataclass(frozen=True)
class Upload:
    """The pictures of a request, in order, and its other fields."""

    pictures: list[NamedPicture]
    fields: dict[str, str] = field(default_factory=dict)


async def read(request: Request, most: int) -> Upload:
    """The pictures of a request: the files of a form, or one as the body itself. Raises RequestError for
    anything else, and for more than `most`."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        upload = await _form(request, most)
    elif kind.startswith(RAW):
        body = await request.body()
        upload = Upload([NamedPicture("input 1", body)] if body else [])
    else:
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "send pictures as the files of a multipart/form-data form, or one as the body, with the type "
            "image/jpeg, image/png, … or application/octet-stream",
        )
    if not upload.pictures:
        raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "there is no picture in the request")
    return upload


async def _form(request: Request, most: int) -> Upload:
    limits = {"max_files": most + 1, "max_fields": MAX_FIELDS, "max_part_size": LONGEST_FIELD}
    try:
        form = await InMemory(request.headers, request.stream(), **limits).parse()
    except MultiPartException as error:
        raise RequestError(HTTPStatus.BAD_REQUEST, f"the form cannot be read: {error.message}") from error
    pictures: list[NamedPicture] = []
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            pictures.append(NamedPicture(_named(value.filename, len(pictures) + 1), await value.read()))
            await value.close()
        else:
            fields[name] = value
    if len(pictures) > most:
        raise RequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"there are more than {most} pictures: send them in several requests",
        )
    return Upload(pictures, fields)


def _named(filename: str | None, number: int) -> str:
    """What a picture is called: the last part of the path that the sender gave."""
    name = (filename or "").replace("\\", "/").rpartition("/")[2][-LONGEST_NAME:]
    return name or f"input {number}"

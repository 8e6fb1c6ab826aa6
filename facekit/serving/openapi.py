"""The description of the routes (OpenAPI 3.1): results are those of the command line's JSON."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from facekit.output.schema import schema
from facekit.serving.problems import MEDIA_TYPE

_COMPONENTS = "#/components/schemas/"

_DONE = {
    "description": "What a change did: how many templates it was about, and remarks for the user.",
    "type": "object",
    "properties": {
        "schema": {"const": 1},
        "templates": {"type": "integer", "minimum": 0},
        "gone": {"type": "boolean", "description": "Whether the person went with the last picture."},
        "notes": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["schema", "notes"],
    "additionalProperties": False,
}
_THUMBNAIL = {
    "description": "A small picture of an enrolled face: JPEG, in Base64.",
    "type": "object",
    "properties": {
        "schema": {"const": 1},
        "sha256": {"type": "string", "description": "Of the photo from which it was enrolled."},
        "jpeg": {"type": "string", "contentEncoding": "base64"},
    },
    "required": ["schema", "sha256", "jpeg"],
    "additionalProperties": False,
}
_PROBLEM = {
    "description": "What went wrong (RFC 9457). results: of each picture, where all failed.",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "results": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status", "detail"],
}


_SEALS = {
    "description": "With ?seal=true, of each picture a seal for each face.",
    "type": "array",
    "items": {"type": "array", "items": {"type": "string"}},
}
_CROPS = {
    "description": "With ?crops=true, of each picture a small picture of each face: JPEG, in Base64.",
    "type": "array",
    "items": {"type": "array", "items": {"type": "string", "contentEncoding": "base64"}},
}
_PLACES = {
    "description": "Of each group, which of the faces of the request are in it, from 0.",
    "type": "array",
    "items": {"type": "array", "items": {"type": "integer", "minimum": 0}},
}

_SENTENCES = {"description": "Each result in words.", "type": "array", "items": {"type": "string"}}


def answers(
    kind: str,
    *,
    several: bool = True,
    created: bool = False,
    sealed: bool = False,
    placed: bool = False,
    sentences: bool = False,
) -> dict[str, Any]:
    """What a route answers: results of a kind of the schema, or a problem."""
    reference: dict[str, Any] = {"$ref": f"{_COMPONENTS}{kind}"}
    if several:
        properties = {"schema": {"const": 1}, "results": {"type": "array", "items": reference}}
        if sealed:
            properties |= {"seals": _SEALS, "crops": _CROPS}
        if placed:
            properties["places"] = _PLACES
        if sentences:
            properties["sentences"] = _SENTENCES
        reference = {"type": "object", "properties": properties, "required": ["schema", "results"]}
    good = {"description": "The results.", "content": {"application/json": {"schema": reference}}}
    bad = {
        "description": "A problem.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"{_COMPONENTS}problem"}}},
    }
    responses: dict[int | str, Any] = {200: good, "default": bad}
    if created:
        responses[201] = {**good, "description": "The results; something was stored."}
    return {"responses": responses}


def event_stream(kind: str) -> dict[str, Any]:
    """What a route of server-sent events answers: the data of each is a result of a kind of the schema."""
    responses = answers(kind)["responses"]
    content = {"text/event-stream": {"schema": {"$ref": f"{_COMPONENTS}{kind}"}}}
    responses[200] = {"description": "The events, until it is over.", "content": content}
    return {"responses": responses, "response_class": Response}


def picture_body(**fields: str) -> dict[str, Any]:
    """The body of a route that takes pictures: a form with files and these fields, or a picture as it is."""
    properties: dict[str, Any] = {
        name: {"type": "string", "description": text} for name, text in fields.items()
    }
    files = {"type": "array", "items": {"type": "string", "format": "binary"}}
    properties["pictures"] = files
    form = {
        "type": "object",
        "properties": properties,
        "required": ["subject", "pictures"] if fields else ["pictures"],
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    if not fields:
        content["image/*"] = {"schema": {"type": "string", "format": "binary"}}
    return {"openapi_extra": {"requestBody": {"required": True, "content": content}}}


def document(app: FastAPI) -> dict[str, Any]:
    """The whole description, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        results = json.loads(json.dumps(schema()["$defs"]).replace("#/$defs/", _COMPONENTS))
        schemas.update(results, done=_DONE, thumbnail=_THUMBNAIL, problem=_PROBLEM)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for route in made["paths"].values():
            for operation in route.values():
                operation["responses"].pop("422", None)
        made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{}, {"key": []}]
        app.openapi_schema = made
    return app.openapi_schema

"""The faces that a user means: which one of a picture, or what is stored of a photo."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from facekit.errors import GalleryError, PictureError, UsageError
from facekit.faces.reading import read_faces
from facekit.gallery.facts import Fact, Kind
from facekit.gallery.tombstones import same_face
from facekit.people import identification, stored_photos
from facekit.people.chosen_face import read_chosen
from facekit.pictures.inputs import NamedPicture, Source
from facekit.text.counting import counted

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.faces.reading import Options, Reading
    from facekit.gallery.base import Gallery
    from facekit.gallery.templates import NewTemplate
    from facekit.people.named_groups import GroupFace
    from facekit.results import Box, Face


def is_stored(source: Source) -> bool:
    """Whether a photo is meant of which the gallery has something, by its name or its SHA-256: not a picture
    that can be read."""
    return not isinstance(source, NamedPicture) and source != "-" and not os.path.lexists(source)


def stored_faces(
    gallery: Gallery, photo: str, kind: Kind, subject: str | None, holder: str | None
) -> list[Fact]:
    """What is to be said of the faces of which the gallery has templates from a photo: of all, of those of
    `holder`, or of those that are not the `subject`'s. Raises GalleryError where there are none.
    """
    infos = stored_photos.of_anybody(gallery, photo)
    holders = [info.subject for info in infos if holder in (None, info.subject) and info.subject != subject]
    templates = [
        template
        for name in dict.fromkeys(holders)
        for template in gallery.stored(name)
        if template.sha256 == infos[0].sha256
    ]
    if not templates:
        has = " and ".join(dict.fromkeys(info.subject for info in infos))
        raise GalleryError(f"{gallery.place}: {photo}: what is stored of it is of {has}")
    return [_of_template(template, kind, subject) for template in templates]


def picture_faces(
    gallery: Gallery,
    source: Source,
    face: int | Box | None,
    kind: Kind,
    subject: str | None,
    options: Options,
    pipeline: Pipeline,
) -> list[Fact]:
    """What is to be said of faces of a picture: of the one of this number (from 1) or in this box; without,
    of the one that is taken for the `subject`, or of all that nobody knows. Raises PictureError for a picture
    that cannot be read or has no face, UsageError where it cannot be told which face is meant.
    """
    reading = read_chosen(source, face, options, pipeline)
    if reading.error:
        raise PictureError(reading.error)
    if not reading.faces:
        raise PictureError(f"{reading.source}: no face")
    faces = list(reading.faces) if face is not None else _meant(gallery, reading, subject)
    return [of_face(reading, item, kind, subject) for item in faces]


def _meant(gallery: Gallery, reading: Reading, subject: str | None) -> list[Face]:
    named = identification.name_faces(gallery, reading.faces)
    if subject is None:
        faces = [item.face for item in named if item.subject is None]
        why = "everybody in it is known"
    else:
        faces = [item.face for item in named if item.subject == subject]
        faces = list(reading.faces) if len(reading.faces) == 1 else faces
        why = f"{counted(len(named), 'face')}, and none is taken for {subject}"
    if not faces:
        raise UsageError(f"{reading.source}: {why}: say which face it is with --face NUMBER")
    return faces


def of_face(reading: Reading, face: Face, kind: Kind, subject: str | None) -> Fact:
    """What is to be said of a face of a picture."""
    return Fact(
        kind,
        subject,
        vector=face.vector,
        sha256=reading.sha256,
        source=os.path.basename(reading.source),
        box=face.detection.box,
    )


def _of_template(template: NewTemplate, kind: Kind, subject: str | None) -> Fact:
    return Fact(
        kind,
        subject,
        vector=template.vector,
        sha256=template.sha256,
        source=os.path.basename(template.source),
        box=template.box,
    )


def taken_for(gallery: Gallery, fact: Fact) -> str | None:
    """Whom the gallery takes the face of a fact for: ignored or not, it keeps that name."""
    assert fact.vector is not None
    best = gallery.search(fact.vector[None], 1)[0]
    is_named = bool(best) and best[0].score >= gallery.threshold and not best[0].denied
    return best[0].subject if is_named else None


def require_unnamed(gallery: Gallery, facts: Iterable[Fact]) -> None:
    """Raise UsageError where faces are to be ignored that the gallery names."""
    if named := Counter(filter(None, (taken_for(gallery, fact) for fact in facts))):
        raise UsageError(keeps_names(named))


def keeps_names(names: Mapping[str, int]) -> str:
    """What is said of faces that were to be ignored and are taken for these people, so many of each."""
    whose = ", ".join(
        f"{counted(count, 'face')} {'is' if count == 1 else 'are'} taken for {name}"
        for name, count in sorted(names.items())
    )
    return f"{whose}: whoever is enrolled is named, and not ignored"


def group_facts(
    statements: Iterable[tuple[GroupFace, str | None]],
    options: Options,
    pipeline: Pipeline,
    problems: list[str],
) -> Iterator[Fact]:
    """What is said of faces of groups: not to be somebody, or, without a name, to be ignored. Each photo is
    read once; what is not there any more is added to the `problems`."""
    wanted: defaultdict[str, list[tuple[Box, str | None]]] = defaultdict(list)
    for face, name in statements:
        wanted[face.source].append((face.box, name))
    sources = list(wanted)
    for source, reading in zip(sources, read_faces(sources, options, pipeline=pipeline), strict=True):
        if reading.error:
            problems.append(reading.error)
            continue
        boxes = [face.detection.box for face in reading.faces]
        for box, name in wanted[source]:
            place = same_face(box, boxes)
            if place is None:
                problems.append(f"{source}: a face of a group is not there any more")
                continue
            kind: Kind = "ignored" if name is None else "not_subject"
            yield of_face(reading, reading.faces[place], kind, name)

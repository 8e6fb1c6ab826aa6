"""Galleries to and from files that other programs read: NPZ and JSON lines.

JSON lines: first a header, `{"schema": 1, "kind": "facekit gallery", …}` with embedder, fingerprint,
dimension, threshold, calibration, the number of templates and what is kept of removed ones; then one object
a template: subject, vector, sha256, source, box, quality, added. Facts about two people stand in the header;
for each about a face an object follows: fact, subject, vector, sha256, source, box, added. NPZ: `vectors`,
float32 (n, dimension), of templates and then facts, and `header`, `templates` and `facts`, the same JSON
(without vectors) as UTF-8 bytes. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from facekit.arguments import path_of
from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError, UsageError
from facekit.files import untrusted
from facekit.files.untrusted import Fields
from facekit.files.writing import creating
from facekit.gallery.base import Gallery
from facekit.gallery.facts import Fact, Kind
from facekit.gallery.gallery_settings import LONGEST_TEXT, MOST_DIMENSIONS, GallerySettings
from facekit.gallery.places import AnyPlace, create_gallery
from facekit.gallery.templates import AddReport, NewTemplate, file_name
from facekit.gallery.tombstones import Tombstones
from facekit.gallery.values import LONGEST_DATE, LONGEST_SOURCE, picture_digest, unit_vectors
from facekit.results import SCHEMA, Vector
from facekit.text.subject_names import subject_name

KIND = "facekit gallery"
SUFFIXES = (".jsonl", ".npz")
ARRAYS = ("header", "templates", "vectors")
FACTS = "facts"
# A million templates of 256 numbers are 5 GB as JSON lines, and 1.3 GB as NPZ.
MOST_BYTES = 16 << 30
# A line is at most a vector of 16,384 numbers. The first one has what is kept of removed pictures.
LONGEST_LINE = 1 << 20
LONGEST_HEADER = 256 << 20
# What reading a damaged file may raise.
DAMAGE = (
    *(ValueError, KeyError, TypeError, AttributeError, EOFError, OverflowError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)


class _DamageError(GalleryError):
    """What is wrong with a file, which is not named yet."""


@dataclass(frozen=True)
class Exported:
    """What an exported file holds: the settings of its gallery, its templates, what was removed, and what was
    said of people and faces."""

    settings: GallerySettings
    templates: list[NewTemplate]
    tombstones: Tombstones = field(default_factory=Tombstones)
    facts: Sequence[Fact] = ()


def write(gallery: Gallery, path: Path | str) -> int:
    """Export all templates to a new .npz or .jsonl file of mode 0600; return their number.

    Raises UsageError for another suffix, GalleryError when the file is there or cannot be written.
    """
    path = Path(path_of(path, "the export"))
    _suffix(path)
    try:
        with creating(path, private=True) as draft, draft.open("wb") as file, gallery.snapshot():
            if path.suffix == ".npz":
                _write_npz(gallery, file)
            else:
                file.writelines(line.encode() + b"\n" for line in lines(gallery))
            return len(gallery)
    except FileExistsError as error:
        raise GalleryError(f"{path}: already there, and not overwritten: give another name") from error
    except OSError as error:
        raise GalleryError(f"{path}: cannot be written: {error.strerror}") from error


def lines(gallery: Gallery) -> Iterator[str]:
    """The gallery as JSON lines in ASCII, the header first: no name in them can do harm to a terminal."""
    with gallery.snapshot():
        yield json.dumps(_header(gallery))
        for item in gallery.contents():
            yield json.dumps({**_described(item), "vector": item.vector.tolist()})
        for fact in _of_faces(gallery.facts()):
            yield json.dumps({**_described_fact(fact), "vector": _vector(fact).tolist()})


def read(source: Path | str | IO[bytes]) -> Exported:
    """Read a file that `write` made, or JSON lines from an open binary file. All of it is checked before
    anything is returned. Raises GalleryError when it is missing, damaged, too large or another kind.
    """
    if not isinstance(source, Path | str | bytes):
        with _named("standard input") as place:
            return _read_lines(source, place)
    path = Path(path_of(source, "the export"))
    _suffix(path)
    reader = _read_npz if path.suffix == ".npz" else _read_lines
    with untrusted.opened(path, most=MOST_BYTES, error=GalleryError) as file, _named(str(path)) as place:
        return reader(file, place)


@contextmanager
def _named(place: str) -> Iterator[str]:
    """Turn what reading a damaged file raises into GalleryError that names it."""
    try:
        yield place
    except UsageError as error:
        raise GalleryError(f"{place}: {error}") from error
    except (_DamageError, *DAMAGE) as error:
        raise GalleryError(
            f"{place}: not an export of a gallery, or damaged ({untrusted.reason(error)}): export it again"
        ) from error


def import_into(gallery: Gallery, exported: Exported, *, again: bool = False) -> AddReport:
    """Add the templates of an export, or none at an error; those are left out that are there already, that
    have another name here, and, unless `again`, that were removed here, or said not to be that person's. What
    was removed there is removed here too, for every later enrollment, and nothing else; what was said there
    holds here too.

    Raises GalleryError for an export of another embedder. The gallery keeps its own threshold.
    """
    here, there = gallery.settings, exported.settings
    if there.fingerprint != here.fingerprint:
        raise GalleryError(
            f"{gallery.place}: holds vectors of the embedder {here.embedder!r} ({here.fingerprint[:12]}), "
            f"the export those of {there.embedder!r} ({there.fingerprint[:12]}): they cannot be compared; "
            "enroll the pictures instead"
        )
    return gallery.add(exported.templates, again=again, tombstones=exported.tombstones, facts=exported.facts)


def copy(source: Gallery, target: Gallery) -> AddReport:
    """Add all templates of one open gallery to another of the same embedder, what was removed there, and what
    was said."""
    with source.snapshot():
        templates, tombstones, facts = list(source.contents()), source.tombstones(), source.facts()
    return import_into(target, Exported(source.settings, templates, tombstones, facts))


def create_from(exported: Exported, place: AnyPlace) -> Gallery:
    """Make a new gallery of an export, with its threshold, or none. Raises GalleryError if there is one."""
    return create_gallery(
        place,
        exported.settings,
        templates=exported.templates,
        tombstones=exported.tombstones,
        facts=exported.facts,
    )


def _header(gallery: Gallery) -> dict[str, Any]:
    tombstones = gallery.tombstones()
    removed = {"removed": tombstones.to_dict()} if len(tombstones) else {}
    # When it was made says nothing about the gallery that is made of it.
    dates = ("created", "calibrated")
    settings = {key: value for key, value in gallery.settings.to_dict().items() if key not in dates}
    facts = gallery.facts()
    apart = [[fact.subject, fact.other, fact.added] for fact in facts if fact.kind == "not_same"]
    said = {"not_same": apart, "faces": len(_of_faces(facts))} if facts else {}
    return {"schema": SCHEMA, "kind": KIND, **settings, "templates": len(gallery), **removed, **said}


def _of_faces(facts: Sequence[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.vector is not None]


def _vector(fact: Fact) -> Vector:
    assert fact.vector is not None
    return fact.vector


def _described_fact(fact: Fact) -> dict[str, Any]:
    assert fact.box is not None
    where = {"source": file_name(fact.source), "sha256": fact.sha256, "box": list(fact.box)}
    return {"fact": fact.kind, "subject": fact.subject, **where, "added": fact.added}


def _described(template: NewTemplate) -> dict[str, Any]:
    fields = {name: value for name, value in vars(template).items() if name != "vector"}
    # Where the picture lies here is nothing to whoever gets the file.
    fields["source"] = file_name(template.source)
    return {**fields, "box": list(template.box), "quality": dict(template.quality)}


def _write_npz(gallery: Gallery, file: IO[bytes]) -> None:
    facts = _of_faces(gallery.facts())
    vectors = np.empty((len(gallery) + len(facts), gallery.settings.dimension), np.float32)
    described = []
    for number, item in enumerate(gallery.contents()):
        vectors[number] = item.vector
        described.append(_described(item))
    for number, fact in enumerate(facts, len(described)):
        vectors[number] = _vector(fact)
    described_facts = {FACTS: _bytes([_described_fact(fact) for fact in facts])} if facts else {}
    np.savez(
        file,
        vectors=vectors,
        header=_bytes(_header(gallery)),
        templates=_bytes(described),
        **described_facts,  # type: ignore[arg-type]  # by their own names
    )


def _bytes(value: Any) -> NDArray[np.uint8]:
    # Not an array of str: NumPy drops NUL characters from the end of those.
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), np.uint8)


def _read_npz(file: IO[bytes], place: str) -> Exported:
    size = os.fstat(file.fileno()).st_size
    # We write them unpacked; what unpacks to far more than the file is made to fill the memory.
    most = min(MOST_BYTES, 20 * size + untrusted.MIB)
    with zipfile.ZipFile(file) as archive:
        header, listed, vectors = (
            untrusted.array_of(untrusted.member(archive, f"{name}.npy", most=most)) for name in ARRAYS
        )
        # Without facts there is no list of them.
        said = (
            untrusted.array_of(untrusted.member(archive, f"{FACTS}.npy", most=most)).tobytes()
            if f"{FACTS}.npy" in archive.namelist()
            else b"[]"
        )
    described = untrusted.json_value(listed.tobytes(), "templates", error=_DamageError)
    facts = untrusted.json_value(said, "facts", error=_DamageError)
    if (
        not isinstance(described, list)
        or not isinstance(facts, list)
        or vectors.dtype != np.float32
        or vectors.ndim != 2
    ):
        raise ValueError("templates and vectors are of another kind")
    found = _Header.of(header.tobytes(), place)
    if len(described) != found.templates or len(facts) != found.faces:
        raise ValueError(f"{len(described)} of {found.templates} templates are there")
    if len(vectors) != len(described) + len(facts):
        raise ValueError(f"{len(vectors)} vectors are there")
    checked = unit_vectors(vectors, found.settings.dimension, place) if len(vectors) else vectors
    items = zip(described, checked[: len(described)], strict=True)
    faces = zip(facts, checked[len(described) :], strict=True)
    return found.exported(
        [_template(item, vector, number) for number, (item, vector) in enumerate(items, 1)],
        [_fact(item, vector, number) for number, (item, vector) in enumerate(faces, 1)],
    )


def _read_lines(file: IO[bytes], place: str) -> Exported:
    first = file.readline(LONGEST_HEADER + 1)
    if len(first) > LONGEST_HEADER:
        raise ValueError("its first line has no end")
    header = _Header.of(first, place)
    templates: list[NewTemplate] = []
    facts: list[Fact] = []
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
        is_fact = number > header.templates
        what = f"fact {number - header.templates}" if is_fact else f"template {number}"
        if number > header.templates + header.faces:
            raise ValueError(f"more than the {header.templates} templates that it has")
        if len(line) > LONGEST_LINE:
            raise ValueError(f"{what} is too long")
        item = untrusted.json_value(line, what, error=_DamageError)
        vector = Fields(item, what, _DamageError).numbers("vector", header.settings.dimension)
        with np.errstate(over="ignore"):
            found = unit_vectors(
                np.array([vector], np.float32), header.settings.dimension, f"{place}: line {number + 1}"
            )
        if is_fact:
            facts.append(_fact(item, found[0], number - header.templates))
        else:
            templates.append(_template(item, found[0], number))
    if len(templates) < header.templates or len(facts) < header.faces:
        raise ValueError(f"{len(templates)} of {header.templates} templates are there")
    return header.exported(templates, facts)


@dataclass(frozen=True)
class _Header:
    """The first line of an export, checked."""

    settings: GallerySettings
    templates: int
    tombstones: Tombstones
    not_same: tuple[Fact, ...]
    faces: int

    @classmethod
    def of(cls, written: bytes, place: str) -> Self:
        values = untrusted.json_value(written, "header", error=_DamageError)
        fields = Fields(values, "header", _DamageError)
        if fields.text("kind") != KIND or fields.integer("schema") != SCHEMA:
            raise ValueError("another kind of file")
        settings = GallerySettings(
            fields.text("embedder", longest=LONGEST_TEXT),
            fields.text("fingerprint", longest=LONGEST_TEXT),
            fields.integer("dimension", least=1, most=MOST_DIMENSIONS),
            Calibration.read(fields),
            fields.number("poor_from", least=0, most=1),
        )
        removed = fields.values.get("removed")
        tombstones = Tombstones() if removed is None else Tombstones.from_dict(removed)
        apart = tuple(_pair(values) for values in fields.values.get("not_same", ()))
        faces = fields.integer("faces") if "faces" in fields.values else 0
        return cls(settings.checked(), fields.integer("templates"), tombstones, apart, faces)

    def exported(self, templates: list[NewTemplate], facts: list[Fact]) -> Exported:
        return Exported(self.settings, templates, self.tombstones, [*self.not_same, *facts])


def _template(described: object, vector: Vector, number: int) -> NewTemplate:
    fields = Fields(described, f"template {number}", _DamageError)
    quality = fields.inner("quality")
    x0, y0, x1, y1 = fields.numbers("box", 4)
    added = fields.text("added", longest=LONGEST_DATE)
    datetime.fromisoformat(added)
    return NewTemplate(
        # Long names are refused with the rule for all of them.
        subject_name(fields.text("subject", longest=LONGEST_LINE)),
        vector,
        picture_digest(fields.text("sha256", longest=64)),
        fields.text("source", longest=LONGEST_SOURCE),
        (x0, y0, x1, y1),
        {name: quality.number(name) for name in quality.values},
        added,
    )


def _pair(values: object) -> Fact:
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError("two people who are not the same are no two names and a date")
    one, other, added = values
    datetime.fromisoformat(added)
    return Fact("not_same", subject_name(one), subject_name(other), added=added)


def _fact(described: object, vector: Vector, number: int) -> Fact:
    fields = Fields(described, f"fact {number}", _DamageError)
    kind, subject = fields.text("fact", longest=LONGEST_DATE), fields.values.get("subject")
    if kind not in ("not_subject", "ignored") or (kind == "ignored") != (subject is None):
        raise ValueError(f"fact {number} is of another kind")
    x0, y0, x1, y1 = fields.numbers("box", 4)
    added = fields.text("added", longest=LONGEST_DATE)
    datetime.fromisoformat(added)
    return Fact(
        cast(Kind, kind),
        None if subject is None else subject_name(subject),
        vector=vector,
        sha256=picture_digest(fields.text("sha256", longest=64)),
        source=fields.text("source", longest=LONGEST_SOURCE),
        box=(x0, y0, x1, y1),
        added=added,
    )


def _suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path}: exports end in {' or '.join(SUFFIXES)}")

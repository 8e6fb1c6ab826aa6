"""What a gallery holds: people, their templates, and what becomes of a template that is to be stored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from facekit.results import SCHEMA, Box, Vector

STRANGER_RATE = "stranger_rate"
"""The quality of a template that tells how poor its picture is (facekit.calibration.poorness)."""


@dataclass(frozen=True)
class Subject:
    """An enrolled person: name, number of templates, and when the first was stored (ISO 8601, UTC)."""

    name: str
    templates: int
    added: str

    def to_dict(self) -> dict[str, Any]:
        values = {"subject": self.name, "templates": self.templates, "added": self.added}
        return {"schema": SCHEMA, **values}


@dataclass(frozen=True)
class TemplateInfo:
    """A stored template without its vector. `sha256` is of the picture's bytes, `source` where it was: its
    path, or the name of what is no file."""

    id: int
    subject: str
    source: str
    sha256: str
    box: Box
    quality: dict[str, float]
    added: str

    def to_dict(self) -> dict[str, Any]:
        where = {"source": self.file_name, "folder": self.folder}
        return {"schema": SCHEMA, **vars(self), **where, "box": list(self.box)}

    @property
    def file_name(self) -> str:
        """The picture's name, without its folder."""
        return file_name(self.source)

    @property
    def folder(self) -> str | None:
        """The folder from which it was enrolled; None if that is not known."""
        return os.path.dirname(self.source) if os.path.isabs(self.source) else None


@dataclass(frozen=True, eq=False)
class NewTemplate:
    """A template to store: `vector` is a float32 unit vector, `sha256` the hexadecimal digest of
    the picture's bytes, `box` x0, y0, x1, y1. `added` is given by imports; else it is now.
    """

    subject: str
    vector: Vector
    sha256: str
    source: str
    box: Box
    quality: Mapping[str, float] = field(default_factory=dict)
    added: str | None = None


def file_name(source: str) -> str:
    """The name of the picture of a template: only where its folder is known, `source` has that too."""
    return os.path.basename(source) if os.path.isabs(source) else source


@dataclass(frozen=True)
class Placement:
    """What became of one template that was to be stored.

    added      it is stored; it was moved from `other`, if somebody had this face of this picture, and
               `emptied` says whether that was all that was stored of them; `replaced`, whether another
               face of the picture, that was the subject's, gave way
    present    its subject has a template of the picture already
    held       `other` has this face of this picture, and keeps it
    removed    it was removed earlier, and stays removed
    renamed    the picture was this subject's until a rename or a merge, and stays where it is
    denied     it was said not to be this subject's face
    """

    status: Literal["added", "present", "held", "removed", "renamed", "denied"]
    other: str | None = None
    emptied: bool = False
    replaced: bool = False


@dataclass(frozen=True)
class AddReport:
    """What became of each template, in their order, which subjects are new, and how many facts that came
    along do not hold here: about people who are not here, of faces that were removed, or contradicted by
    what is enrolled."""

    placements: tuple[Placement, ...]
    subjects: tuple[str, ...] = ()
    facts_left_out: int = 0

    @property
    def added(self) -> int:
        return self._count("added")

    @property
    def present(self) -> int:
        """How many were there already."""
        return self._count("present")

    @property
    def held(self) -> int:
        """How many were left out, for the same face of the same picture has another name here."""
        return self._count("held")

    @property
    def removed(self) -> int:
        """How many were left out, for they were removed or renamed earlier."""
        return self._count("removed") + self._count("renamed")

    @property
    def denied(self) -> int:
        """How many were left out, for the face was said not to be the subject's."""
        return self._count("denied")

    def _count(self, status: str) -> int:
        return sum(placement.status == status for placement in self.placements)

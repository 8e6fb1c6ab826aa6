"""Doubts about the people of a gallery, each with the command that would settle it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facekit.output.view import View
from facekit.people.check import SubjectProblem
from facekit.results import SCHEMA
from facekit.text.escaping import isolated, shell_command

if TYPE_CHECKING:
    from facekit.gallery.places import Place


@dataclass(frozen=True)
class Finding:
    """A problem, and the command that would settle it."""

    problem: SubjectProblem
    command: str

    @classmethod
    def of(cls, problem: SubjectProblem, gallery: Place | None) -> Finding:
        """With a command that names the gallery where the user named it."""
        return cls(problem, shell_command(_words(problem, gallery)))

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **self.problem.to_dict(), "command": self.command}


class Doubted(View[Finding]):
    """A sentence and a command for each problem."""

    columns = (
        "kind",
        "subject",
        "other",
        "photo",
        "score",
        "subject_score",
        "photos",
        "people",
        "sources",
        "command",
    )

    def text(self, result: Finding) -> Iterator[str]:
        yield from (sentence(result.problem), f"    {result.command}")

    def rows(self, result: Finding) -> Iterator[Sequence[object]]:
        values = {**result.to_dict(), **_joined(result.problem)}
        yield [values[name] for name in self.columns]


def sentence(problem: SubjectProblem) -> str:
    """A problem in words."""
    subject, other = isolated(problem.subject), isolated(problem.other or "")
    photo = ", ".join(_photos(problem))
    if problem.kind == "duplicate":
        return f"{subject} and {other} are probably one person (median score {problem.score:.2f})"
    if problem.kind == "mislabeled":
        means = f"mean scores {problem.score:.2f} and {problem.subject_score:.2f}"
        return f"{photo} of {subject} is more like {other} than like its own ({means})"
    if problem.kind == "several_people":
        mean = f"mean score {problem.subject_score:.2f} with the others"
        return f"{subject} may be {problem.people} people; one of them is on {photo} ({mean})"
    if problem.kind == "stray":
        best = f"best score {problem.subject_score:.2f}"
        return f"{photo} of {subject} is like none of its other pictures ({best})"
    if problem.kind == "magnet":
        return f"{photo} of {subject} is as like to {problem.people} other people as one person's photos are"
    if problem.kind == "poor":
        return f"{subject}: only poor pictures are enrolled, for which nobody is named: enroll better ones"
    return f"{subject}: no two of its pictures are alike (best score {problem.subject_score:.2f})"


def _photos(problem: SubjectProblem) -> Iterator[str]:
    """The pictures by their names; where a name is not enough, with what is."""
    photos = problem.photos or ((problem.photo,) if problem.photo else ())
    for photo, source in zip(photos, problem.sources, strict=True):
        yield isolated(source) if photo == source else f"{isolated(source)} ({photo})"


def _joined(problem: SubjectProblem) -> dict[str, str]:
    """The lists, as a cell of a table has them."""
    return {"photos": "; ".join(problem.photos), "sources": "; ".join(problem.sources)}


def _words(problem: SubjectProblem, gallery: Place | None) -> list[str]:
    """The command: one that names what it changes, also where a name begins like an option."""
    if problem.kind == "mislabeled":
        return _move(problem, gallery)
    verb = {"duplicate": "merge", "scattered": "show", "poor": "show"}.get(problem.kind, "remove")
    options = [] if gallery is None else ["--gallery", gallery.argument]
    for photo in (problem.photo, *problem.photos):
        if photo is not None:
            options += [f"--photo={photo}"] if photo.startswith("-") else ["--photo", photo]
    names = [name for name in (problem.subject, problem.other) if name is not None]
    names = names if problem.kind == "duplicate" else names[:1]
    end = ["--"] if any(name.startswith("-") for name in names) else []
    return ["facekit", "gallery", verb, *options, *end, *names]


def _move(problem: SubjectProblem, gallery: Place | None) -> list[str]:
    """The command that gives the picture to whom it is like; that others have it too does not matter."""
    options = [] if gallery is None else ["--gallery", gallery.argument]
    for option, name in (("--from", problem.subject), ("--to", problem.other or "")):
        options += [f"{option}={name}"] if name.startswith("-") else [option, name]
    photo = problem.photo or ""
    end = ["--"] if photo.startswith("-") else []
    return ["facekit", "gallery", "move", *options, *end, photo]
